// Which tests are shown, in which order: kept in the address, so that a view can be linked to and gone back to.
import { el, fill } from "./dom.js";
import { chooser } from "./parts.js";

const ORDERS = [
  ["", "as in the file"],
  ["score", "lowest score first"],
  ["-score", "highest score first"],
  ["-latency", "slowest first"],
  ["latency", "quickest first"],
  ["began", "as they ran"],
  ["-began", "last run first"],
];

function fields(query) {
  const kept = { value: query.get("q") ?? "", placeholder: "words", "aria-keyshortcuts": "/" };
  const order = el(
    "select",
    { id: "order" },
    ORDERS.map(([value, name]) => el("option", { value }, name)),
  );
  order.value = query.get("sort") ?? "";
  return { text: el("input", { type: "search", id: "words", ...kept }), order };
}

export function filters(query, run, changed) {
  let offset = Number(query.get("offset") ?? 0);
  const chosen = new Set((query.get("outcome") ?? "").split(",").filter(Boolean));
  const { text, order } = fields(query);
  const boxes = el("fieldset", {});
  const now = () => ({ q: text.value.trim(), outcome: [...chosen].join(","), sort: order.value, offset });
  const go = (target) => {
    offset = target;
    const kept = Object.entries(now()).filter(([, value]) => value);
    history.replaceState(null, "", `?${new URLSearchParams([["run", query.get("run")], ...kept])}`);
    return changed();
  };
  let waiting = 0;
  text.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => go(0), 150);
  });
  order.addEventListener("change", () => go(0));
  const counted = () => {
    const { passed, failed, errors: error, skipped } = run();
    fill(
      boxes,
      chooser({ passed, failed, error, skipped }, chosen, () => go(0)),
    );
  };
  const form = el(
    "form",
    { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() },
    el("label", { for: "words" }, "Find"),
    text,
    boxes,
    el("label", { for: "order" }, "Order"),
    order,
  );
  return { form, now, go, counted };
}
