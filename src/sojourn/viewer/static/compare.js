// Two runs side by side: what changed, test by test, the worst first.
import { ask } from "./ask.js";
import { el, fill, to } from "./dom.js";
import { when } from "./format.js";
import { badge, bar, chooser, counts, judged, pager, region, state, title } from "./parts.js";
import { differing, seen, words } from "./text.js";

const BAD = new Set(["regression", "gone"]);

function side(one, run, output, reason) {
  if (!one) return el("td", { class: "quiet" }, "not there");
  return el(
    "td",
    {},
    el(
      "a",
      { class: "result", href: to("/trial", { run: run.id, n: one.number }), "data-step": true },
      badge(one.outcome),
      " ",
      judged(one),
    ),
    el("p", { class: "answer" }, output),
    reason ? el("p", { class: `why ${one.outcome}` }, seen(reason)) : null,
  );
}

const prompts = ({ before, after }) => new Set([...before.columns, ...after.columns].map(({ label }) => label)).size;

function row(twins, told) {
  const { before, after } = twins;
  const texts =
    before && after
      ? differing(before.shown.output, after.shown.output)
      : [words(before?.shown.output ?? ""), words(after?.shown.output ?? "")];
  const column = told.before.columns[twins.column] ?? told.after.columns[twins.column % 1000000];
  return el(
    "tr",
    {},
    el(
      "th",
      { scope: "row" },
      words(twins.name),
      el("div", { class: "quiet" }, words(column?.provider ?? ""), " ", words(prompts(told) > 1 ? column?.label : "")),
    ),
    el("td", {}, el("span", { class: `change ${BAD.has(twins.change) ? "bad" : ""}` }, twins.change)),
    side(before, told.before.run, texts[0], before?.shown.reason),
    side(after, told.after.run, texts[1], after?.shown.reason),
  );
}

function head(one, name) {
  return el(
    "th",
    { scope: "col" },
    `${name}: `,
    el("a", { href: to("/run", { run: one.run.id }) }, words(title(one.run))),
    " ",
    state(one.run),
    el("div", { class: "quiet number" }, `${when(one.run.created, "medium")} · ${one.run.id}`),
    counts(one.run),
  );
}

function filled(told) {
  const names = ["Test", "Change"].map((name) => el("th", { scope: "col" }, name));
  const rows = told.twins.map((twins) => row(twins, told));
  const columns = [head(told.before, "Before"), head(told.after, "After")];
  return [el("thead", {}, el("tr", {}, names, columns)), el("tbody", {}, rows)];
}

// Two runs of one minute are told apart by their seconds, two of one second by their ids.
const named = (run) => `${when(run.created, "medium")} ${run.id.slice(0, 11)} ${title(run).slice(0, 60)}`;

// Which two: as lists, of which each choice leads to its own address.
function choice(runs, a, b) {
  const list = (name, told, chosen) => {
    const made = el(
      "select",
      { id: name, onchange: () => location.assign(to("/compare", { a: from.value, b: until.value })) },
      runs.map((run) => el("option", { value: run.id }, named(run))),
    );
    made.value = chosen;
    return [el("label", { for: name }, told), made];
  };
  const [older, from] = list("before", "Before", a);
  const [newer, until] = list("after", "After", b);
  return el("form", { class: "filters" }, older, from, newer, until);
}

async function chosen(query) {
  const { runs } = await ask("runs");
  const b = query.get("b") ?? runs[0]?.id;
  const place = runs.findIndex((run) => run.id === b);
  const earlier = query.get("a") || !b ? "" : (await ask("earlier", { run: b })).run;
  const a = query.get("a") ?? (earlier || (runs[place + 1] ?? runs.find((run) => run.id !== b))?.id);
  if (!a || !b) throw new Error("There are no two runs to compare: `sojourn eval` stores each that it makes.");
  const both = await Promise.all([a, b].map((run) => ask("pulse", { run })));
  runs.push(...both.filter((one) => runs.every((run) => run.id !== one.id)));
  return { runs, a: both[0].id, b: both[1].id };
}

export async function show(main, query) {
  bar([["Compare"]]);
  const { runs, a, b } = await chosen(query);
  let offset = 0;
  const only = new Set();
  const table = el("table", { class: "matrix" }),
    foot = el("div"),
    boxes = el("fieldset", { class: "filters changes" });
  const load = async () => {
    const told = await ask("compare", { a, b, change: [...only].join(","), offset });
    fill(
      boxes,
      chooser(told.changes, only, () => go(0)),
    );
    fill(table, filled(told));
    fill(foot, pager({ offset, page: told.page, shown: told.twins.length, total: told.total, noun: "changes" }, go));
  };
  const go = (target) => {
    offset = target;
    return load();
  };
  fill(main, el("h1", {}, "What changed"), choice(runs, a, b), boxes, region("Changes", table), foot);
  await load();
}
