// Asks the viewer's own server; nothing else is ever asked.
import { to } from "./dom.js";

export async function ask(path, query = {}) {
  let answer;
  try {
    answer = await fetch(to(`/api/${path}`, query));
  } catch {
    throw new Error("The viewer does not answer: was `sojourn view` ended?");
  }
  const told = await answer.json().catch(() => ({ error: `The viewer answered ${answer.status}` }));
  if (!answer.ok) throw new Error(told.error);
  return told;
}

export async function askText(query) {
  const answer = await fetch(to("/api/text", query));
  if (!answer.ok) throw new Error(`The viewer answered ${answer.status}`);
  return answer.text();
}

// Calls `changed` whenever a run has come further, until it is over. Nothing is asked while nobody looks.
export function follow(run, changed) {
  let last = JSON.stringify(run);
  const state = document.getElementById("live");
  const again = async () => {
    let now = run;
    try {
      if (!document.hidden) now = await ask("pulse", { run: run.id });
      state?.replaceChildren(now.state === "running" ? "live" : "");
    } catch (error) {
      state?.replaceChildren(error.message);
    }
    if (now !== run && JSON.stringify(now) !== last) {
      last = JSON.stringify(now);
      await changed(now);
    }
    if (now.state === "running") setTimeout(again, 1000);
  };
  if (run.state === "running") setTimeout(again, 1000);
}
