// The `session` of an HTTP provider: a request that opens it, an expression that finds its id in the answer, and a
// request that closes it. In the closing request `{{sessionId}}` is the id; a parent may be where the service is.
'use strict';

const { createRequire } = require('node:module');
const { pathToFileURL } = require('node:url');

const MOST_SHOWN = 500;
const GONE = [404, 410];
const ID = /\{\{\s*(?:sessionId|id)\s*\}\}/g;

function filled(value, id) {
  if (typeof value === 'string') return value.replace(ID, () => id);
  if (Array.isArray(value)) return value.map((item) => filled(item, id));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, id)]));
}

async function send(what, { url, method, headers, body }, right = []) {
  const isText = body === undefined || body === null || typeof body === 'string';
  const answer = await fetch(url, {
    method: method.toUpperCase(),
    headers: { ...(isText ? {} : { 'content-type': 'application/json' }), ...headers },
    body: isText || method.toUpperCase() === 'GET' ? body || undefined : JSON.stringify(body),
  }).catch((error) => {
    throw new Error(`${what}: ${url} cannot be reached: ${(error.cause || error).message}`);
  });
  const text = await answer.text();
  if (!answer.ok && !right.includes(answer.status)) {
    throw new Error(`${what}: HTTP ${answer.status} ${answer.statusText}: ${text.slice(0, MOST_SHOWN)}`);
  }
  return { headers: Object.fromEntries(answer.headers), body: parsed(text) };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function parser(written) {
  const file = /^file:\/\/(.*\.[cm]?[jt]s)(?::(\w+))?$/.exec(written);
  if (file) {
    const module = file[1].endsWith('.mjs') ? await import(pathToFileURL(file[1]).href) : createRequire(file[1])(file[1]);
    return (file[2] && module[file[2]]) || module.default || module;
  }
  return (data) => {
    const value = new Function('data', `return (${written.trim().replace(/;+\s*$/, '')}\n)`)(data);
    return typeof value === 'function' ? value(data) : value;
  };
}

// The closing request as it will be sent, or null where there is none.
function closing(config, id) {
  if (!config.close) return null;
  const close = typeof config.close === 'string' ? { url: config.close } : config.close;
  const { url, method = 'DELETE', headers = config.headers || {}, body } = close;
  return filled({ url: new URL(filled(url || config.url, id), config.url).href, method, headers, body }, id);
}

module.exports = {
  async open(written, parents) {
    const base = Object.values(parents).map((parent) => parent && parent.url).find(Boolean);
    const config = { ...written, url: new URL(written.url, base).href };
    const { url, method = 'POST', headers = {}, body } = config;
    const data = await send('open', { url, method, headers, body });
    const id = await (await parser(config.responseParser))(data);
    if (id === undefined || id === null || id === '') {
      throw new Error(`responseParser found no id in ${JSON.stringify(data.body).slice(0, MOST_SHOWN)}`);
    }
    const text = typeof id === 'string' ? id : JSON.stringify(id);
    return { close: closing(config, text), handle: { id: text, reclaim: closing(config, text) } };
  },
  async close(live) {
    if (live.close) await send('close', live.close, GONE);
  },
  async reclaim(tag, handle) {
    if (handle && handle.reclaim) await send('close', handle.reclaim, GONE);
  },
};
