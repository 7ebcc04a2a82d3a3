// Functions that a configuration or a list of tests holds: references take their place in the data, and lead back here.
'use strict';

const NAME = /^(.*)\$(\d+)$/;
const ENTRIES = ['providers', 'targets'];
const found = new Map();

function isPlain(value) {
  const kind = Object.getPrototypeOf(value);
  return kind === Object.prototype || kind === null;
}

function isProvider(value) {
  return value !== null && typeof value === 'object' && typeof value.callApi === 'function';
}

// What a provider that is an object tells of itself, beside what it does.
function entry(value, reference) {
  const told = Object.fromEntries(['label', 'config', 'delay', 'prompts'].map((key) => [key, value[key]]));
  return { ...told, label: value.label || (typeof value.id === 'function' ? value.id() : value.id), id: reference };
}

// Return the data with references in place of functions; the same call of the same function numbers them alike.
function replaced(data, file, name = '') {
  const kept = [];
  found.set(`${file} ${name}`, kept);
  const reference = (value) => `file://${file}:${name}$${kept.push(value)}`;
  const walk = (value) => {
    if (typeof value === 'function') return reference(value);
    if (value === null || typeof value !== 'object') return value;
    if (isProvider(value)) return entry(value, reference(value));
    if (Array.isArray(value)) return value.map(walk);
    if (!isPlain(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, top(key, item, value === data)]));
  };
  const provider = (item, index) =>
    typeof item === 'function' ? { id: reference(item), label: item.label || `custom-function-${index}` } : walk(item);
  const top = (key, item, isTop) => {
    if (!isTop || !ENTRIES.includes(key)) return walk(item);
    return Array.isArray(item) ? item.map(provider) : provider(item, 0);
  };
  return walk(data);
}

// Return the function that a reference leads to; `again` calls what held it, where that was in another process.
async function behind(file, name, again) {
  const [, holder, number] = NAME.exec(name);
  if (!found.has(`${file} ${holder}`)) replaced(await again(holder), file, holder);
  return found.get(`${file} ${holder}`)[Number(number) - 1];
}

module.exports = { behind, isName: (name) => NAME.test(name), replaced };
