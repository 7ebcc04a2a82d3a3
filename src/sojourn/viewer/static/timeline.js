// The session timeline: drawn by the server with every word escaped, taken in as SVG, never as HTML.
import { ask, follow } from "./ask.js";
import { el, fill } from "./dom.js";
import { pager, runBar, state, title } from "./parts.js";
import { words } from "./text.js";

const LEGEND = [
  ["tl-block passed", "passed"],
  ["tl-block failed", "failed ✕"],
  ["tl-block error", "error !"],
  ["tl-block skipped", "skipped –"],
  ["tl-wait", "waits for a session"],
  ["tl-flag", "race or leak"],
  ["tl-opening", "session opens"],
  ["tl-use", "in use"],
  ["tl-idle", "open"],
  ["tl-closing", "closes"],
];
const SVG = "http://www.w3.org/2000/svg";

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function sign(kind) {
  const made = shape("svg", { viewBox: "0 0 18 12", "aria-hidden": "true" });
  if (kind === "tl-wait") made.append(shape("rect", { class: "tl-block passed", width: 18, height: 12 }));
  made.append(
    kind === "tl-flag"
      ? shape("path", { class: kind, d: "M4 0l11 6l-11 6z" })
      : shape("rect", { class: kind, width: 18, height: 12 }),
  );
  return made;
}

function picture(text) {
  const parsed = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  const drawn = document.importNode(parsed, true);
  for (const link of drawn.querySelectorAll("a")) link.setAttribute("data-step", "");
  return drawn;
}

function legend() {
  const signs = LEGEND.map(([kind, name]) => el("li", {}, sign(kind), name));
  return el("ul", { class: "legend" }, signs);
}

export async function show(main, query) {
  let offset = Number(query.get("offset") ?? 0);
  let told = await ask("timeline", { run: query.get("run"), offset });
  runBar(told.run, ["Timeline"]);
  const head = el("h1"),
    drawn = el("div", { class: "wide picture", tabindex: 0, role: "region", "aria-label": "Timeline" }),
    foot = el("div");
  const draw = () => {
    fill(head, words(title(told.run)), " ", state(told.run));
    fill(
      drawn,
      told.svg
        ? picture(told.svg)
        : el("p", { class: "quiet" }, "When trials ran is not known, or none has ended yet."),
    );
    const shown = Math.min(told.page, Math.max(told.total - offset, 0));
    fill(
      foot,
      told.total > told.page
        ? pager({ offset, page: told.page, shown, total: told.total, noun: "trials, as they ran" }, go)
        : "",
    );
  };
  const load = async () => {
    told = await ask("timeline", { run: told.run.id, offset });
    const focused = document.activeElement?.getAttribute("href");
    draw();
    if (focused) [...drawn.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
  };
  const go = (target) => {
    offset = target;
    return load();
  };
  fill(
    main,
    head,
    el(
      "p",
      { class: "quiet" },
      "Each row is a lane: its trials ran one after another. Below are the sessions, from opening to close. ",
      "A block leads to its trial.",
    ),
    legend(),
    drawn,
    foot,
  );
  draw();
  follow(told.run, load);
}
