// A lane, or all that used one session, read as a conversation: what was asked, what was answered, turn by turn.
import { ask, follow } from "./ask.js";
import { el, fill, to } from "./dom.js";
import { counted, duration } from "./format.js";
import { badge, pager, runBar } from "./parts.js";
import { seen, words } from "./text.js";

// A prompt that is a whole chat repeats what was said before: its last message is what is new.
function last(asked) {
  if (!asked.text.startsWith("[") || asked.text.length < asked.length) return asked;
  try {
    const messages = JSON.parse(asked.text).filter((message) => typeof message?.content === "string");
    return messages.length ? { text: messages.at(-1).content, before: messages.length - 1 } : asked;
  } catch {
    return asked;
  }
}

function bubble(who, text, more) {
  return el("div", { class: `bubble ${who}` }, el("div", { class: "who quiet" }, more), el("p", {}, seen(text)));
}

const cut = (told) => told.text + (told.length > told.text.length ? "…" : "");

// Where several providers or prompts took turns in one lane, each turn says whose it is.
function named({ provider, label }) {
  return el("span", { class: "quiet" }, words(provider.label || provider.id || ""), " ", words(label));
}

function turn(told, run, place, isMixed) {
  const { cell, asked, answer, why } = told;
  const said = last(asked);
  const link = el(
    "a",
    { href: to("/trial", { run: run.id, n: cell.number }), "data-step": true },
    badge(cell.outcome),
    " ",
    words(cell.name),
  );
  return el(
    "li",
    { class: "turn", "data-trial": cell.number },
    el(
      "h2",
      { class: "turn-head" },
      el("span", { class: "quiet number" }, place),
      " ",
      link,
      " ",
      el("span", { class: "quiet number" }, duration(cell.latency)),
      isMixed ? [" ", named(told)] : "",
    ),
    bubble(
      "user",
      said.before === undefined ? cut(asked) : said.text,
      said.before ? `asked, after ${counted(said.before, "message")}` : "asked",
    ),
    answer.text ? bubble("model", cut(answer), "answered") : null,
    why.text ? el("p", { class: `why ${cell.outcome}` }, seen(cut(why))) : null,
  );
}

export async function show(main, query) {
  const by = query.has("lane") ? "lane" : "session";
  const key = query.get(by);
  let offset = Number(query.get("offset") ?? 0);
  const list = el("ol", { class: "turns" }),
    foot = el("div"),
    count = el("p", { class: "quiet" });
  const load = async () => {
    const told = await ask("lane", { run: query.get("run"), [by]: key, offset });
    const isMixed = told.turns.some((one) => one.cell.prompt !== told.turns[0].cell.prompt);
    fill(
      list,
      told.turns.map((one, place) => turn(one, told.run, offset + place + 1, isMixed)),
    );
    fill(
      count,
      told.turns.length
        ? counted(told.turns.length + offset, "trial") + (told.more ? " and more" : "")
        : "Nothing has ended here yet.",
      told.turns[0]?.cell.session ? [", session ", words(told.turns[0].cell.session)] : "",
    );
    fill(
      foot,
      offset || told.more
        ? pager(
            {
              offset,
              page: told.page,
              shown: told.turns.length,
              total: told.more ? null : offset + told.turns.length,
              noun: "turns",
            },
            go,
          )
        : "",
    );
    return told;
  };
  const go = (target) => {
    offset = target;
    return load();
  };
  const name = el("h1");
  fill(main, name, count, list, foot);
  const told = await load();
  const first = told.turns[0]?.cell;
  fill(name, by === "session" ? ["Session ", words(key)] : words(first ? first.name.replace(/, turn \d+$/, "") : key));
  runBar(told.run, [by === "lane" ? "Lane" : "Session"]);
  follow(told.run, load);
}
