// All runs, the newest first; two of them can be chosen to be compared.
import { ask } from "./ask.js";
import { el, fill, to } from "./dom.js";
import { when } from "./format.js";
import { bar, counts, pager, region, state, title } from "./parts.js";
import { words } from "./text.js";

const chosen = new Set();

function row(run, choose) {
  const box = el("input", {
    type: "checkbox",
    "aria-label": `compare ${run.id}`,
    onchange: (event) => choose(run.id, event.target.checked),
  });
  box.checked = chosen.has(run.id);
  return el(
    "tr",
    { "data-run": run.id },
    el("td", {}, box),
    el(
      "th",
      { scope: "row" },
      el("a", { href: to("/run", { run: run.id }), "data-step": true }, words(title(run))),
      run.description ? el("div", { class: "quiet mono" }, words(run.id)) : null,
    ),
    el("td", { class: "number quiet" }, when(run.created)),
    el("td", {}, state(run)),
    el("td", {}, counts(run)),
  );
}

function table(body) {
  const names = ["", "Run", "Begun", "State", "Results"];
  const head = names.map((name) => (name ? el("th", { scope: "col" }, name) : el("td")));
  return el("table", { class: "runs" }, el("thead", {}, el("tr", {}, head)), body);
}

// What can be done with the chosen runs: the newer one stands first in the list.
function offer(body) {
  const shown = [...body.querySelectorAll("tr")].map((each) => each.dataset.run);
  const [b, a] = shown.filter((each) => chosen.has(each));
  return chosen.size === 2 && a
    ? el("a", { class: "button", href: to("/compare", { a, b }) }, "Compare these two")
    : el("span", { class: "quiet" }, "Tick two runs to compare them.");
}

export async function show(main, query) {
  bar([]);
  let offset = Number(query.get("offset") ?? 0);
  const body = el("tbody"),
    foot = el("div"),
    compare = el("div", { class: "choice", role: "status" });
  const choose = (id, on) => {
    if (on) chosen.add(id);
    else chosen.delete(id);
    fill(compare, offer(body));
  };
  let last = "";
  const load = async () => {
    const told = await ask("runs", { offset });
    if (JSON.stringify(told) === last) return;
    last = JSON.stringify(told);
    const focused = document.activeElement?.closest?.("tr")?.dataset.run;
    fill(
      body,
      told.runs.map((run) => row(run, choose)),
    );
    if (focused) body.querySelector(`tr[data-run="${CSS.escape(focused)}"] [data-step]`)?.focus();
    const total = told.more ? null : offset + told.runs.length;
    fill(foot, pager({ offset, page: told.page, shown: told.runs.length, total, noun: "runs" }, go));
    empty.hidden = told.runs.length > 0 || offset > 0;
  };
  const go = (target) => {
    offset = target;
    return load();
  };
  const empty = el("p", { hidden: true }, "No run is stored yet: ", el("code", {}, "sojourn eval"), " stores each.");
  fill(main, el("h1", {}, "Runs"), compare, empty, region("Runs", table(body)), foot);
  choose("", false);
  await load();
  // A run that begins, comes further or dies is seen without a reload.
  setInterval(() => {
    if (!document.hidden) load().catch((error) => fill(compare, error.message));
  }, 2000);
}
