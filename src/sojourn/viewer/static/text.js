// Strangers' text, shown as it is: what cannot be seen, or turns text round, is shown as a mark.
import { el } from "./dom.js";

const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\uffff]/u;
const NAMES = [
  ..."NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI DLE".split(" "),
  ..."DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US".split(" "),
];
const SPLIT = new RegExp(`(${HIDDEN.source})`, "u");

function mark(character) {
  const code = character.codePointAt(0);
  const point = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  return el("span", { class: "mark", title: `the character ${point}` }, NAMES[code] ?? point);
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
  return [
    ["del", before],
    ["ins", after],
  ].map(([name, text]) =>
    el(
      "bdi",
      {},
      seen(text.slice(0, start)),
      el(name, {}, seen(text.slice(start, text.length - end))),
      seen(text.slice(text.length - end)),
    ),
  );
}
