// The run's shared dictionary, as this process sees it: one object for all calls, kept in step with other languages.
'use strict';

let send = () => {};
let asked = 0;
const waiting = new Map();

// Ask the engine for what no other change may come between.
function ask(...request) {
  const number = ++asked;
  const changed = changes();
  if (changed) send({ state: changed });
  send({ asked: number, do: request });
  return new Promise((resolve, reject) => waiting.set(number, { resolve, reject }));
}

// What several calls change at once is changed by these; both are to be awaited.
const METHODS = {
  incr: (key, by = 1) => ask('incr', key, by),
  compareAndSet: (key, expected, value) => ask('compareAndSet', key, expected ?? null, value),
};
const content = Object.create(METHODS);
let told = new Map();

function answered(frame) {
  const { resolve, reject } = waiting.get(frame.answer);
  waiting.delete(frame.answer);
  if ('what' in frame) reject(new TypeError(frame.what));
  else resolve(frame.value);
}

function speakThrough(sender) {
  send = sender;
}

const PLAIN = [Object.prototype, Array.prototype, null];

// Half of a live object would be of no use elsewhere: a value is carried whole or not at all.
function whole(_, value) {
  const carried =
    typeof value === 'object' ? value === null || PLAIN.includes(Object.getPrototypeOf(value))
    : typeof value === 'number' ? Number.isFinite(value)
    : typeof value !== 'function' && typeof value !== 'symbol';
  if (!carried) throw new TypeError('not for JSON');
  return value;
}

function written(value) {
  try {
    return JSON.stringify(value, whole);
  } catch {
    return undefined;
  }
}

function take(change) {
  for (const [key, value] of Object.entries(change.set)) {
    content[key] = value;
    told.set(key, written(value));
  }
  for (const key of change.drop) {
    delete content[key];
    told.delete(key);
  }
}

function lend(args) {
  for (const argument of args) {
    const state = argument && typeof argument === 'object' && argument.state;
    if (state && state.$state === true) argument.state = content;
  }
}

// What has changed since this was last asked, or null. A value that JSON cannot carry stays in this process.
function changes() {
  if (told.size === 0 && Object.keys(content).length === 0) return null;
  const now = new Map();
  const set = {};
  for (const [key, value] of Object.entries(content)) {
    const text = written(value);
    if (text === undefined) continue;
    now.set(key, text);
    if (told.get(key) !== text) set[key] = value;
  }
  const drop = [...told.keys()].filter((key) => !now.has(key));
  told = now;
  return drop.length > 0 || Object.keys(set).length > 0 ? { set, drop } : null;
}

module.exports = { take, lend, changes, answered, speakThrough };
