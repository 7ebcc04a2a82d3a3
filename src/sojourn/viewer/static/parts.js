// Parts that several pages show: the bar at the top, outcomes, counts, paging.
import { el, fill, to } from "./dom.js";
import { count, counted, score } from "./format.js";
import { seen, words } from "./text.js";

const SIGNS = { passed: "✓", failed: "✕", error: "!", skipped: "–" };
export const OUTCOMES = Object.keys(SIGNS);

// The bar: where one is, as links. `tabs` are the views of one run.
export function bar(crumbs, tabs = []) {
  const last = crumbs.at(-1)?.[0] ?? "Runs";
  document.title = `${last} · Sojourn`;
  const links = [["Runs", "/"], ...crumbs].map(([name, href], place) =>
    el(
      "li",
      {},
      href && place < crumbs.length
        ? el("a", { href }, words(name))
        : el("span", { "aria-current": "page" }, words(name)),
    ),
  );
  fill(
    document.getElementById("bar"),
    el("a", { class: "name", href: "/" }, "Sojourn"),
    el("nav", { "aria-label": "Where you are" }, el("ol", { class: "crumbs" }, links)),
    tabs.length
      ? el(
          "nav",
          { "aria-label": "Views of the run", class: "tabs" },
          tabs.map(([name, href]) =>
            el("a", { href, "aria-current": href.split("?")[0] === location.pathname ? "page" : null }, name),
          ),
        )
      : null,
    el("span", { id: "live", class: "live", role: "status" }),
    el("button", { type: "button", class: "plain", "data-help": true, "aria-keyshortcuts": "?" }, "Keys"),
  );
}

export function runBar(run, ...more) {
  const of = { run: run.id };
  bar(
    [[title(run), to("/run", of)], ...more],
    [
      ["Results", to("/run", of)],
      ["Timeline", to("/timeline", of)],
      ["Compare", to("/compare", { b: run.id })],
    ],
  );
}

export const title = (run) => run.description || run.id;

export function badge(outcome) {
  return el("span", { class: `badge ${outcome}` }, `${SIGNS[outcome] ?? "?"} ${outcome}`);
}

export function state(run) {
  return el("span", { class: `state ${run.state}` }, run.state);
}

// How many of each outcome, as words and as a bar in which each has its part.
export function counts(run) {
  const numbers = { passed: run.passed, failed: run.failed, error: run.errors, skipped: run.skipped };
  const done = Object.values(numbers).reduce((sum, one) => sum + one, 0);
  const share = el(
    "span",
    { class: "share", "aria-hidden": "true" },
    OUTCOMES.filter((one) => numbers[one]).map((one) => {
      const part = el("span", { class: one });
      part.style.flexGrow = numbers[one];
      return part;
    }),
  );
  if (done < run.expected) {
    const rest = el("span", { class: "rest" });
    rest.style.flexGrow = run.expected - done;
    share.append(rest);
  }
  const told = OUTCOMES.filter((one) => numbers[one]).map((one) =>
    el(
      "span",
      { class: `count ${one}` },
      `${SIGNS[one]} ${one === "error" ? counted(numbers[one], one) : `${count(numbers[one])} ${one}`}`,
    ),
  );
  const progress =
    done < run.expected ? el("span", { class: "quiet" }, `${count(done)} of ${count(run.expected)}`) : null;
  return el("span", { class: "counts" }, share, told, progress);
}

export function flags(list) {
  return list.map((flag) => el("span", { class: "flag" }, "◆ ", words(flag)));
}

// What broke or was skipped has no score: it was not judged.
export const judged = ({ outcome, score: value }) =>
  el("span", { class: "number" }, outcome === "passed" || outcome === "failed" ? score(value) : "");

// A result in a list: what came of it, and how its answer begins.
export function result(cell, run, marked = []) {
  const { shown } = cell;
  return [
    el(
      "a",
      { class: "result", href: to("/trial", { run: run.id, n: cell.number }), "data-step": true },
      badge(cell.outcome),
      " ",
      judged(cell),
    ),
    shown.output
      ? el("p", { class: "answer" }, seen(shown.output), shown.length > shown.output.length ? "…" : "")
      : null,
    shown.reason ? el("p", { class: `why ${cell.outcome}` }, seen(shown.reason)) : null,
    flags(marked),
  ];
}

// Earlier and later pages; `go` is called with the offset.
export function pager({ offset, page, shown, total, noun }, go) {
  const last = offset + shown;
  const button = (name, key, target, off) =>
    el(
      "button",
      { type: "button", disabled: off, "data-key": key, "aria-keyshortcuts": key, onclick: () => go(target) },
      name,
    );
  const told = shown
    ? `${count(offset + 1)}–${count(last)}${total === null ? "" : ` of ${count(total)}`} ${noun}`
    : `no ${noun}`;
  return el(
    "div",
    { class: "pager" },
    button("Earlier", "p", Math.max(0, offset - page), offset === 0),
    button("Later", "n", last, total === null ? shown < page : last >= total),
    el("span", { class: "quiet number", role: "status" }, told),
  );
}

// A table that scrolls sideways, by keys as well.
export function region(label, ...content) {
  return el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": label }, content);
}

// Boxes that choose among names, each with how many there are; `changed` is called with the choice changed.
export function chooser(numbers, chosen, changed) {
  const boxes = Object.entries(numbers).map(([name, number]) => {
    const flip = () => {
      if (box.checked) chosen.add(name);
      else chosen.delete(name);
      changed();
    };
    const box = el("input", { type: "checkbox", name, onchange: flip });
    box.checked = chosen.has(name);
    return el("label", { class: "choose" }, box, ` ${name} `, el("span", { class: "number quiet" }, count(number)));
  });
  return [el("legend", {}, "Only"), boxes];
}
