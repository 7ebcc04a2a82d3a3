// One run: what is wrong with it as a whole, and the matrix of its tests by its columns.
import { ask, follow } from "./ask.js";
import { el, fill, to } from "./dom.js";
import { cost, count, counted, duration, when } from "./format.js";
import { filters } from "./filters.js";
import { counts, flags, pager, region, result, runBar, state, title } from "./parts.js";
import { seen, words } from "./text.js";

function facts({ run, folder, durationMs, columns }) {
  const tokens = columns.reduce((sum, column) => sum + column.tokens, 0);
  const spent = columns.reduce((sum, column) => sum + column.cost, 0);
  return [
    el("h1", {}, words(title(run)), " ", state(run)),
    el(
      "p",
      { class: "facts quiet" },
      [
        run.id,
        when(run.created),
        run.state === "running" ? "" : duration(durationMs),
        counted(run.expected, "trial"),
        tokens ? counted(tokens, "token") : "",
        cost(spent),
        folder,
      ]
        .filter(Boolean)
        .map((fact) => words(fact)),
    ),
    el("p", {}, counts(run)),
  ];
}

function notice({ kind, text, trials }, run) {
  const links = trials.map((n) => el("a", { href: to("/trial", { run: run.id, n }) }, `trial ${n + 1}`));
  return el("li", {}, el("b", { class: "kind" }, kind), " ", words(text), links.map((link) => [" ", link]).flat());
}

function head(columns) {
  const named = columns.map((column) =>
    el(
      "th",
      { scope: "col" },
      words(column.provider, "provider"),
      el("div", { class: "label quiet" }, seen(column.label)),
      el(
        "div",
        { class: "number quiet" },
        `${count(column.outcomes.passed ?? 0)} passed · ${duration(column.latency)} mean`,
      ),
    ),
  );
  return el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Test"), named));
}

function vars(shown) {
  const told = Object.entries(shown.vars);
  return told.length
    ? el(
        "dl",
        { class: "vars" },
        told.map(([name, value]) => [el("dt", {}, words(name)), el("dd", {}, seen(value))]).flat(),
      )
    : null;
}

function cell(one, told) {
  const facts = [
    duration(one.latency),
    one.repeat ? `repeat ${one.repeat + 1}` : "",
    cost(one.shown.cost),
    one.shown.notes ? counted(one.shown.notes, "note") : "",
  ]
    .filter(Boolean)
    .join(" · ");
  const place = one.is_shared ? { lane: one.lane } : one.session ? { session: one.session } : null;
  return el(
    "td",
    {},
    result(one, told.run, told.flags[one.number] ?? []),
    el(
      "p",
      { class: "facts quiet number" },
      facts,
      place
        ? [" · ", el("a", { href: to("/lane", { run: told.run.id, ...place }) }, one.is_shared ? "lane" : "session")]
        : "",
    ),
  );
}

function row({ test, cells }, told) {
  const first = cells[0];
  const own = told.columns.map((_, place) => cells.find((each) => each.prompt === place));
  return el(
    "tr",
    { "data-test": test },
    el("th", { scope: "row" }, words(first.name), vars(first.shown)),
    own.map((each) => (each ? cell(each, told) : el("td", { class: "quiet" }, "not run"))),
  );
}

export async function show(main, query) {
  const id = query.get("run");
  let told = await ask("run", { run: id });
  runBar(told.run);
  const top = el("div"),
    notices = el("div"),
    table = el("table", { class: "matrix" }),
    foot = el("div");
  const asked = filters(
    query,
    () => told.run,
    () => load(),
  );
  const load = async () => {
    const { offset, ...rest } = asked.now();
    const found = await ask("tests", { run: told.run.id, offset, ...rest });
    const focused = document.activeElement?.closest?.("tr")?.dataset.test;
    const rows = found.tests.map((test) => row(test, told));
    fill(table, head(told.columns), el("tbody", {}, rows));
    if (focused) table.querySelector(`tr[data-test="${focused}"] [data-step]`)?.focus();
    fill(
      foot,
      pager({ offset, page: found.page, shown: found.tests.length, total: found.total, noun: "tests" }, asked.go),
    );
  };
  const whole = () => {
    fill(top, facts(told));
    const lines = told.notices.map((each) => notice(each, told.run));
    fill(notices, lines.length ? el("ul", { class: "notices" }, lines) : "");
    asked.counted();
  };
  whole();
  fill(main, top, notices, asked.form, region("Results", table), foot);
  await load();
  follow(told.run, async () => {
    told = await ask("run", { run: told.run.id });
    whole();
    await load();
  });
}
