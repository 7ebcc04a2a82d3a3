// What users' code returned, as JSON.
'use strict';

function carried(value) {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`${value} is not a JSON number`);
  return value === undefined ? null : value;
}

function checked(_, item) {
  if (typeof item === 'bigint') throw new TypeError('a BigInt');
  return typeof item === 'number' && !Number.isFinite(item) ? carried(item) : item;
}

// Leaves out what was met before. Timers and sockets lead back to themselves, and may hang on what a provider returns.
function once() {
  const met = new WeakSet();
  return (key, item) => {
    if (item !== null && typeof item === 'object') {
      if (met.has(item)) return undefined;
      met.add(item);
    }
    return checked(key, item);
  };
}

// Of a reply each field is told by itself: `raw` may hold the very object that `output` is.
function circling(value) {
  if (Array.isArray(value) || typeof value.toJSON === 'function') return JSON.stringify(value, once());
  const fields = Object.entries(value).map(([key, item]) => [key, JSON.stringify(item, once())]);
  return `{${fields.filter(([, told]) => told !== undefined).map(([key, told]) => `${JSON.stringify(key)}:${told}`).join(',')}}`;
}

function text(value) {
  let told;
  try {
    told = JSON.stringify(carried(value), checked);
  } catch (error) {
    if (!error.message.includes('circular structure')) throw error;
    told = circling(value);
  }
  if (told === undefined) throw new TypeError(typeof value === 'object' ? 'what says that it is nothing' : `a ${typeof value}`);
  return told;
}

module.exports = { text };
