// Chooses what to show by the address; whatever breaks is told in the page's words.
import { el, fill } from "./dom.js";
import { keys } from "./keys.js";

const PAGES = {
  "/": "./runs.js",
  "/run": "./run.js",
  "/trial": "./trial.js",
  "/timeline": "./timeline.js",
  "/lane": "./lane.js",
  "/compare": "./compare.js",
};

const main = document.getElementById("main");

try {
  keys();
  const page = await import(PAGES[location.pathname]);
  await page.show(main, new URLSearchParams(location.search));
} catch (error) {
  fill(main, el("h1", {}, "This cannot be shown"), el("p", { role: "alert" }, error.message));
}
document.documentElement.dataset.ready = "yes";
