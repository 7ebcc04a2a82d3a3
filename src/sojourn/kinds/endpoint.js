// The `session` of an HTTP provider: a request that opens it, an expression that finds its id in the answer, and a
// request that closes it. In the closing request `{{sessionId}}` is the id; a parent may be where the service is.
'use strict';

const { createRequire } = require('node:module');
const { pathToFileURL } = require('node:url');

const MOST_SHOWN = 500;
const GONE = [404, 410];
// Headers whose values are no credentials; the others stand under a name that no ledger writes down.
const PLAIN = ['accept', 'accept-language', 'content-type', 'if-match', 'prefer', 'user-agent'];
const BLANKED = '[REDACTED]';
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
  const expression = new Function('data', `return (${written.trim().replace(/;+\s*$/, '')}\n)`);
  return (data) => {
    const value = expression(data);
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

function apart(request) {
  if (!request) return null;
  const isPlain = ([name]) => PLAIN.includes(name.toLowerCase());
  const headers = Object.entries(request.headers);
  return {
    ...request,
    headers: Object.fromEntries(headers.filter(isPlain)),
    secrets: Object.fromEntries(headers.filter((header) => !isPlain(header))),
  };
}

async function found(config, parse, data) {
  try {
    const id = await parse(data);
    if (id !== undefined && id !== null && id !== '') return typeof id === 'string' ? id : JSON.stringify(id);
    throw new Error(`responseParser found no id in ${JSON.stringify(data.body).slice(0, MOST_SHOWN)}`);
  } catch (error) {
    error.message += await undone(config);
    throw error;
  }
}

// Close what has no id, where closing needs none; tells what may be left.
async function undone(config) {
  if (!config.close) return '';
  const left = '; what it opened may be left at the service';
  if (JSON.stringify([config.close, config.headers]).search(ID) >= 0) return `${left}: closing it needs the id`;
  return send('close', closing(config, ''), GONE).then(() => '', (error) => `${left}: ${error.message}`);
}

module.exports = {
  async open(written, parents) {
    const base = Object.values(parents).map((parent) => parent && parent.url).find(Boolean);
    const config = { ...written, url: new URL(written.url, base).href };
    const { url, method = 'POST', headers = {}, body } = config;
    const parse = await parser(config.responseParser);
    const id = await found(config, parse, await send('open', { url, method, headers, body }));
    return { close: closing(config, id), handle: { id, reclaim: apart(closing(config, id)) } };
  },
  async close(live) {
    if (live.close) await send('close', live.close, GONE);
  },
  async reclaim(tag, handle) {
    if (!handle || !handle.reclaim) return;
    const { secrets, ...request } = handle.reclaim;
    if (JSON.stringify(handle.reclaim).includes(BLANKED)) {
      throw new Error(`it may be left at ${request.url}: its closing request needs a credential, which is not kept`);
    }
    await send('close', { ...request, headers: { ...request.headers, ...secrets } }, GONE);
  },
};
