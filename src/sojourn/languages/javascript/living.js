// Users' sessions that live in this process: opened, lent to calls by name, closed; what is left is closed at the end.
//
// A session is an object with `open(config, parents, {tag})` and, where it can, close(live), check, reset, fork, begin,
// rollback, fingerprint, lend, look, evidence, reclaim(tag, handle); or a function, sync or async generator, that yields once.
'use strict';

const ABILITIES = ['check', 'reset', 'fork', 'begin', 'rollback', 'fingerprint', 'reclaim', 'lend', 'look', 'evidence', 'attach'];
const LAST_GRACE_MS = 10000;

const tenants = new Map();

function abilities(kind) {
  const able = kindOf(kind);
  if (!able) return ['attach'];
  return ABILITIES.filter((name) => typeof able[name] === 'function');
}

// A class is made once for each session; an object of functions serves them all.
function kindOf(kind) {
  if (typeof kind !== 'function') return kind;
  const methods = kind.prototype || {};
  return typeof methods.open === 'function' || typeof methods.callApi === 'function' ? methods : null;
}

function isGenerator(kind) {
  return typeof kind === 'function' && /^(Async)?GeneratorFunction$/.test(kind.constructor.name);
}

async function open(kind, asked) {
  const parents = lentAll(asked.parents);
  const context = { tag: asked.key };
  if (isGenerator(kind)) {
    const generator = kind(asked.config, parents, context);
    const { value, done } = await generator.next();
    if (done) throw new Error("the session's generator yields nothing");
    return { live: value, close: () => finish(generator), able: null };
  }
  const able = kindOf(kind) === kind || typeof kind !== 'function' ? kind : kindOf(kind) && new kind({ config: asked.config });
  if (!able) return { live: await kind(asked.config, parents, context), close: async () => {}, able: null };
  const live = able.open ? await able.open(asked.config, parents, context) : able;
  return tenant(able, live === undefined ? able : live);
}

// A session that another process has opened and will close: reached by its handle, and left as it is.
async function attached(kind, asked) {
  const able = kindOf(kind) && (typeof kind === 'function' ? new kind({ config: asked.config }) : kind);
  if (!able || !able.attach) return { live: asked.handle, able: null, close: async () => {} };
  const live = await able.attach(asked.handle, asked.config);
  return { live: live === undefined ? able : live, able, close: async () => {} };
}

function known(key) {
  if (!tenants.has(key)) throw new Error('it is gone: the process that it lived in has ended');
  return tenants.get(key);
}

function tenant(able, live) {
  return { live, able, close: async () => (able.close ? able.close(live) : undefined) };
}

async function finish(generator) {
  const { done } = await generator.next();
  if (!done) throw new Error("the session's generator yields more than once");
}

async function treat(kind, asked) {
  if (asked.do === 'open') {
    tenants.set(asked.key, await open(kind, asked));
  } else if (asked.do === 'attach') {
    tenants.set(asked.key, await attached(kind, asked));
  } else if (asked.do === 'fork') {
    const parent = known(asked.of);
    const child = await parent.able.fork(parent.live, { tag: asked.key });
    // A child of the same class looks after itself, any other is looked after by its parent's functions.
    const ofOneClass = typeof kind === 'function' && child instanceof kind;
    tenants.set(asked.key, tenant(ofOneClass ? child : parent.able, child));
  } else if (asked.do === 'close') {
    const found = tenants.get(asked.key);
    tenants.delete(asked.key);
    // What went with its process has left nothing here, but perhaps outside.
    if (found) return found.close();
    return abilities(kind).includes('reclaim') ? reclaim(kind, asked) : null;
  } else if (asked.do === 'reclaim') {
    return reclaim(kind, asked);
  } else if (asked.args) {
    const { live, able } = known(asked.key);
    const target = live && typeof live[asked.do] === 'function' ? live : able;
    if (!target || typeof target[asked.do] !== 'function') throw new Error(`this session has no method ${asked.do}`);
    return target[asked.do](...asked.args);
  } else {
    const found = known(asked.key);
    return found.able[asked.do](found.live, asked.given || {});
  }
  return { handle: handle(tenants.get(asked.key).live) };
}

function reclaim(kind, asked) {
  const able = typeof kind === 'function' ? new kind() : kind;
  return able.reclaim(asked.key, asked.handle);
}

// What other processes may know of a session: its own `handle`, or itself if it is plain JSON data.
function handle(live) {
  const told = live && live.handle !== undefined ? live.handle : live;
  const plain = told === null || typeof told !== 'object' || [Object.prototype, Array.prototype].includes(Object.getPrototypeOf(told));
  try {
    return plain && typeof told !== 'function' ? JSON.parse(JSON.stringify(told)) : null;
  } catch {
    return null;
  }
}

function lent(marker) {
  if (!marker || typeof marker !== 'object' || !('$session' in marker || 'handle' in marker)) return marker;
  const found = tenants.get(marker.$session);
  return found ? found.live : marker.handle;
}

function lentAll(markers) {
  return Object.fromEntries(Object.entries(markers || {}).map(([name, marker]) => [name, lent(marker)]));
}

// Put live sessions into the call contexts among a call's arguments, in place.
function lend(args) {
  for (const argument of args) {
    if (argument && typeof argument === 'object' && argument.sessions && typeof argument.sessions === 'object') {
      argument.sessions = lentAll(argument.sessions);
    }
  }
}

// Give a last piece of work its time; what takes longer is an error, so that it is not written down as done.
async function inTime(work, milliseconds = LAST_GRACE_MS) {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it took more than ${milliseconds / 1000} s`)), milliseconds);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

// Close what still lives here, the newest first: the engine is gone and nobody else will.
async function end(write) {
  for (const [key, found] of [...tenants].reverse()) {
    tenants.delete(key);
    try {
      await inTime(found.close());
      write({ closed: key });
    } catch {
      // The others are still to be closed, and nobody is there to hear.
    }
  }
}

module.exports = { abilities, treat, lend, end, inTime };
