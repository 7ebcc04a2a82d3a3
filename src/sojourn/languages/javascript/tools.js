// What a provider finds in its context besides data: where to log, a cache, itself.
'use strict';

// What promptfoo's cache is to a provider: it forgets with the run.
const kept = new Map();
const cache = {
  get: async (key) => kept.get(key),
  set: async (key, value) => kept.set(key, value) && value,
  del: async (key) => kept.delete(key),
  wrap: async (key, make) => (kept.has(key) ? kept.get(key) : cache.set(key, await make())),
};

function withTools(context, instance) {
  if (!context || typeof context !== 'object') return context;
  const logger = { debug: () => {}, info: console.log, warn: console.warn, error: console.error };
  return { logger, getCache: () => cache, originalProvider: instance, ...context };
}

module.exports = { withTools };
