// What keys do: every page has the same.
import { el, fill } from "./dom.js";

const TOLD = [
  ["j / k", "next, previous result or row"],
  ["Enter", "open it"],
  ["/", "search"],
  ["n / p", "next, previous page"],
  ["r", "all runs"],
  ["u", "up: from a trial to its run"],
  ["?", "these keys"],
  ["Esc", "leave a field, close this"],
];

function step(by) {
  const all = [...document.querySelectorAll("[data-step]")];
  if (!all.length) return;
  const here = all.indexOf(document.activeElement);
  const next = here < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + by, 0), all.length - 1);
  all[next].focus();
  all[next].scrollIntoView({ block: "nearest" });
}

function help() {
  const dialog = document.getElementById("help");
  fill(
    dialog,
    el("h2", { id: "help-title" }, "Keys"),
    el(
      "dl",
      { class: "keys" },
      TOLD.map(([key, what]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)]).flat(),
    ),
    el("form", { method: "dialog" }, el("button", { autofocus: true }, "Close")),
  );
  dialog.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.close();
  });
  dialog.showModal();
}

const up = () => [...document.querySelectorAll(".crumbs a")].at(-1)?.click();

const DONE = {
  j: () => step(1),
  k: () => step(-1),
  "?": help,
  u: up,
  r: () => location.assign("/"),
  "/": () => document.querySelector("input[type=search]")?.focus(),
  n: () => document.querySelector("[data-key=n]")?.click(),
  p: () => document.querySelector("[data-key=p]")?.click(),
};

export function keys() {
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-help]")) help();
  });
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input, select, textarea, dialog");
    if (event.key === "Escape" && field) field.blur();
    if (field || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(DONE, event.key)) return;
    event.preventDefault();
    DONE[event.key]();
  });
}
