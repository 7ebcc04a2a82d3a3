// Strangers' text, shown as it is: what cannot be seen, or turns text round, is shown as a mark.
import { el } from "./dom.js";

const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\uffff]/u;
const SPLIT = new RegExp(`(${HIDDEN.source})`, "u");

function mark(character) {
  const code = character.codePointAt(0);
  const shown = code < 0x20 ? String.fromCodePoint(0x2400 + code) : `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  return el("span", { class: "mark", title: `control character U+${code.toString(16).padStart(4, "0")}` }, shown);
}

// Returns nodes for a text. Isolated, so that its direction ends with it.
export function seen(text) {
  const plain = text.replaceAll("\r\n", "\n");
  if (!HIDDEN.test(plain)) return [plain];
  return plain.split(SPLIT).map((part, place) => (place % 2 ? mark(part) : part));
}

export function words(text, kind = "") {
  return el("bdi", kind ? { class: kind } : {}, seen(text));
}

// Returns two texts with what differs between them marked: all between what they begin and end with alike.
export function differing(before, after) {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start++;
  let end = 0;
  while (end < most - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  return [["del", before], ["ins", after]].map(([name, text]) =>
    el("bdi", {}, seen(text.slice(0, start)), el(name, {}, seen(text.slice(start, text.length - end))),
      seen(text.slice(text.length - end))));
}
