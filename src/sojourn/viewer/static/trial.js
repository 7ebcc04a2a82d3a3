// One trial: what came of it and why, and every text of it; a long one comes piece by piece.
import { ask, askText } from "./ask.js";
import { el, fill, to } from "./dom.js";
import { cost, count, counted, duration, score, size } from "./format.js";
import { badge, flags, runBar } from "./parts.js";
import { seen, words } from "./text.js";

const OPEN = new Set(["output", "why", "prompt", "printed"]);
const PIECE = 200000;

function facts(told) {
  const { cell, run } = told;
  const lane =
    cell.is_shared && el("a", { href: to("/lane", { run: run.id, lane: cell.lane }) }, "read it as a conversation");
  const session =
    cell.session && el("a", { href: to("/lane", { run: run.id, session: cell.session }) }, words(cell.session));
  const scores = Object.entries(told.scores)
    .map(([name, value]) => `${name} ${score(value)}`)
    .join(", ");
  const rows = [
    ["Provider", words(told.provider.label || told.provider.id || "")],
    ["Prompt", words(String(told.label).slice(0, 200))],
    ["Score", score(cell.score)],
    ["Named scores", scores && words(scores)],
    ["Latency", duration(cell.latency)],
    [
      "Ran",
      cell.ended > cell.began ? `${duration(cell.began * 1000)} to ${duration(cell.ended * 1000)} of the run` : "",
    ],
    ["Repeat", cell.repeat ? String(cell.repeat + 1) : ""],
    ["Lane", lane],
    ["Session", session],
    ["Tokens", told.tokens.total ? count(told.tokens.total) : ""],
    ["Cost", cost(told.cost)],
    ["From the cache", told.cached ? "yes" : ""],
    ["Broke at", told.phase],
  ];
  return el(
    "dl",
    { class: "sheet" },
    rows
      .filter(([, value]) => value)
      .map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])
      .flat(),
  );
}

function verdict(one) {
  return el(
    "li",
    { class: `verdict depth-${Math.min(one.depth, 3)}` },
    badge(one.passed ? "passed" : "failed"),
    " ",
    el("b", {}, words(one.type)),
    " ",
    el("span", { class: "number quiet" }, score(one.score)),
    one.metric ? el("span", { class: "quiet" }, " metric ", words(one.metric)) : null,
    one.value.text
      ? el("pre", { class: "claim" }, seen(one.value.text), one.value.length > one.value.text.length ? "…" : "")
      : null,
    one.reason.text ? el("p", {}, seen(one.reason.text)) : null,
  );
}

function section(one, of) {
  const text = el("pre", { tabindex: 0, "aria-label": one.name }, seen(one.text));
  const more = el("p", { class: "more" });
  let shown = one.text.length;
  const load = async () => {
    const piece = await askText({ ...of, name: one.name, from: shown, size: PIECE });
    text.append(...seen(piece));
    shown += piece.length;
    tell();
  };
  const tell = () =>
    fill(
      more,
      shown < one.length
        ? [
            el("span", { class: "quiet number" }, `${size(shown)} of ${size(one.length)} `),
            el("button", { type: "button", onclick: load }, "Show more"),
            " ",
            el(
              "a",
              { href: to("/api/text", { ...of, name: one.name }), target: "_blank", rel: "noopener" },
              "Whole text",
            ),
          ]
        : "",
    );
  tell();
  return el(
    "details",
    { class: "text", open: OPEN.has(one.name) || one.name.startsWith("var "), "data-text": one.name },
    el("summary", {}, words(one.name), " ", el("span", { class: "quiet number" }, size(one.length))),
    text,
    more,
  );
}

export async function show(main, query) {
  const told = await ask("trial", { run: query.get("run"), n: query.get("n") });
  const { run, cell } = told;
  runBar(run, [cell.name]);
  const of = { run: run.id, n: cell.number };
  const near = (n, name, key) =>
    n === null ? null : el("a", { class: "button", href: to("/trial", { run: run.id, n }), "data-key": key }, name);
  fill(
    main,
    el("h1", {}, badge(cell.outcome), " ", words(cell.name)),
    el(
      "p",
      { class: "near" },
      near(told.before, "Trial before", "p"),
      near(told.after, "Trial after", "n"),
      el("span", { class: "quiet number" }, `trial ${cell.number + 1} of ${count(run.expected)}`),
    ),
    flags(told.flags).map((flag) => el("p", {}, flag)),
    told.notes.map((note) =>
      el("p", { class: "note" }, el("b", { class: "kind" }, `unclean ${note.phase}`), " ", words(note.message.text)),
    ),
    el(
      "div",
      { class: "two" },
      el(
        "div",
        {},
        told.texts.map((one) => section(one, of)),
      ),
      el(
        "div",
        {},
        facts(told),
        told.verdicts.length
          ? [
              el("h2", {}, counted(told.verdicts.length, "assertion")),
              el("ul", { class: "verdicts" }, told.verdicts.map(verdict)),
            ]
          : [],
      ),
    ),
  );
}
