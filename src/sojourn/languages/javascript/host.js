// The Node.js process in which users' code runs; started by process.py. It speaks the frames that python/sojourn_host/host.py tells of.
'use strict';

const { AsyncLocalStorage } = require('node:async_hooks');
const { createRequire } = require('node:module');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const carrying = require('./carrying.js');
const held = require('./held.js');
const lastWill = require('./last_will.js');
const living = require('./living.js');
const sharing = require('./sharing.js');
const { withTools } = require('./tools.js');
const typescript = require('./typescript.js');

const DESCRIPTOR = Number(process.argv[2]);
const current = new AsyncLocalStorage();
const definitions = new Map();
const functions = new Map();
const instances = new Map();
const controllers = new Map();
const abandoned = new Set();
const underWay = new Set();
const FINISH_MS = 10000;
const OPTIONAL = 'callSimilarityApi'; // a provider without it answers nothing, which is no mistake
const HOOKS_CHANGE = ['suite', 'test', 'result'];

const PARAMETERS = {
  assertion: ['output', 'context'],
  value: ['output', 'context'],
  transform: ['output', 'context'],
  transform_vars: ['vars', 'context'],
  context_transform: ['output', 'context'],
};
// What a provider's configuration says in JavaScript: an expression over several lines, a function, or a body.
const EXPRESSIONS = {
  request: ['prompt', 'vars', 'context'],
  response: ['json', 'text', 'context'],
  parser: ['data'],
  status: ['status'],
  stream: ['accumulator', 'event', 'context'],
  tool: ['args'],
  result: ['result', 'content', 'context'],
  page: ['extracted', 'finalHtml'],
};
const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor;
const DECLARATION = /^(?:const|let|var)\s/;

class Unanswerable extends Error {
  constructor(what, known) {
    super(what);
    this.known = known;
  }
}

const socket = new net.Socket({ fd: DESCRIPTOR, readable: true, writable: true });
let outgoing = [];

function flush() {
  const text = outgoing.join('');
  outgoing = [];
  socket.write(text);
}

function send(frame) {
  if (outgoing.length === 0) setImmediate(flush);
  outgoing.push(JSON.stringify(frame) + '\n');
}

function sendNow(frame) {
  const text = outgoing.join('') + JSON.stringify(frame) + '\n';
  outgoing = [];
  try {
    fs.writeSync(DESCRIPTOR, text);
  } catch {
    // The engine is gone or its pipe is full: nothing more can be said.
  }
}

function capture(stream) {
  const plain = stream.write.bind(stream);
  stream.write = (chunk, encoding, done) => {
    const call = current.getStore();
    if (call === undefined) return plain(chunk, encoding, done);
    send({ id: call, print: typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8') });
    const callback = typeof encoding === 'function' ? encoding : done;
    if (callback) process.nextTick(callback);
    return true;
  };
}

// Several lines are a body that returns; one line is an expression, or declarations whose last statement is the value.
function body({ source, role }) {
  const line = source.trim();
  if ((role === 'assertion' ? line : source).includes('\n')) return source;
  const expression = line.replace(/;+\s*$/, '');
  const last = expression.lastIndexOf(';') + 1;
  if (role === 'assertion' && last > 0 && DECLARATION.test(line)) {
    return `${expression.slice(0, last)} return (${expression.slice(last)}\n)`;
  }
  return `return (${expression}\n)`;
}

// Code in a configuration is also given `process`, and reaches modules as `process.mainModule.require` only.
function made(names, source) {
  const called = new AsyncFunction(...names, 'process', 'require', source);
  return (...args) => called(...names.map((_, index) => args[index]), process);
}

function compiled(names, source) {
  try {
    return made(names, `return (${source.trim().replace(/;+\s*$/, '')}\n)`);
  } catch (error) {
    if (!/\breturn\b/.test(source)) throw error;
    return made(names, source);
  }
}

function expression(names, source) {
  const evaluate = compiled(names, source);
  return async (...args) => {
    const value = await evaluate(...args);
    return typeof value === 'function' ? value(...args) : value;
  };
}

function inline(definition) {
  if (EXPRESSIONS[definition.role]) return expression(EXPRESSIONS[definition.role], definition.source);
  const names = PARAMETERS[definition.role] || ['output', 'context'];
  return made(names, body(definition));
}

async function loadModule(file) {
  if (!fs.existsSync(file)) throw new Unanswerable(`there is no file ${file}`);
  if (typescript.isTyped(file)) typescript.prepare(file);
  if (file.endsWith('.mjs')) return import(pathToFileURL(file).href);
  try {
    return createRequire(file)(file);
  } catch (error) {
    const esm = error && (error.code === 'ERR_REQUIRE_ESM' || error.code === 'ERR_REQUIRE_ASYNC_MODULE');
    if (!esm && !(error instanceof SyntaxError && /import|export|await/.test(error.message))) throw error;
    return import(pathToFileURL(file).href).catch((again) => {
      throw /Unexpected status of a module/.test(again.message) ? error : again; // it was begun, and failed as before
    });
  }
}

function pick(module, definition) {
  const main = module && module.default !== undefined ? module.default : module;
  if (!definition.name) return typeof main === 'function' || !main ? main : main.default || main;
  const steps = definition.name.split('.');
  for (const start of [module, main]) {
    const found = steps.reduce((value, step) => (value === null || value === undefined ? value : value[step]), start);
    if (found !== undefined && found !== null) return found;
  }
  if (typeof main === 'function' && definition.role !== 'provider' && definition.role !== 'assertion') return main;
  return undefined;
}

function nameless(module, definition) {
  const there = Object.keys(module || {}).filter((name) => typeof module[name] === 'function');
  const what = definition.name ? `has no export '${definition.name}'` : 'exports no function';
  return new Unanswerable(`${path.basename(definition.path)} ${what}; it exports: ${there.join(', ') || 'none'}`, there);
}

async function load(ref) {
  const definition = definitions.get(ref);
  if (definition.source) return inline(definition);
  const module = await loadModule(definition.path);
  const target = held.isName(definition.name) ? await behind(module, definition) : pick(module, definition);
  if (target === undefined) throw nameless(module, definition);
  if (definition.role === 'session') return target;
  const plainValue = definition.role === 'config' || definition.role === 'tests' || definition.role === 'prompt';
  if (typeof target !== 'function' && !(plainValue && target !== undefined)) {
    if (!(definition.role === 'provider' && target && typeof target.callApi === 'function')) {
      throw nameless(module, definition);
    }
  }
  if (definition.role === 'provider') return provider(target, ref);
  if (typeof target !== 'function') return async () => target;
  return target;
}

function behind(module, { path: file, name }) {
  return held.behind(file, name, async (holder) => {
    const target = pick(module, { path: file, name: holder, role: 'config' });
    return typeof target === 'function' ? target() : target;
  });
}

function isClass(target) {
  if (typeof target === 'function' && /^class\b/.test(Function.prototype.toString.call(target))) return true;
  return typeof target === 'function' && target.prototype && typeof target.prototype.callApi === 'function';
}

// A provider is asked with (method, options, ...arguments): one instance for each distinct set of options.
function provider(target, ref) {
  return async (method, options, ...rest) => {
    if (!isClass(target) && typeof target === 'function') {
      return method === OPTIONAL ? null : target(rest[0], rest[1], rest[2]);
    }
    const key = `${ref} ${JSON.stringify(options)}`;
    if (!instances.has(key)) instances.set(key, isClass(target) ? new target(options) : target);
    const instance = instances.get(key);
    if (method === OPTIONAL && typeof instance[method] !== 'function') return null;
    if (typeof instance[method] !== 'function') throw new Unanswerable(`this provider has no method ${method}`);
    const controller = new AbortController();
    controllers.set(current.getStore(), controller);
    return instance[method](rest[0], withTools(rest[1], instance), { abortSignal: controller.signal });
  };
}

// What is thrown may be anything, and even looking at it may throw.
function describe(error, where) {
  try {
    return explained(error, where);
  } catch {
    return { what: 'it threw what cannot be shown', trace: '', where, type: 'unknown' };
  }
}

function explained(error, where) {
  if (error instanceof Unanswerable) return { what: error.message, trace: '', where, known: error.known };
  if (!(error instanceof Error)) {
    const what = `it threw ${typeof error === 'object' ? JSON.stringify(error) : String(error)}`;
    return { what, trace: '', where, type: typeof error };
  }
  const name = error.name === 'Error' ? error.constructor.name : error.name;
  const lines = error.stack ? error.stack.split('\n') : [];
  const own = lines.filter((line) => !line.includes(__dirname) && !line.includes('node:internal'));
  const place = syntaxPlace(error, own) || framePlace(own) || where;
  const lacking = lackingPackage(error);
  if (lacking) return { what: lacking, trace: '', where: place, type: name };
  return { what: `${name}: ${error.message}`, trace: own.join('\n'), where: place, type: name };
}

// The name of a package that is not installed, and how to mend that: there is no more to tell.
// A package that is there but has no such part, and what somebody throws in the same words, is told with its trace.
function lackingPackage(error) {
  if (error.code !== 'MODULE_NOT_FOUND' && error.code !== 'ERR_MODULE_NOT_FOUND') return null;
  const found = /^Cannot find (?:package|module) '((?:@[^'/]+\/)?[^'./@][^'/]*)/.exec(error.message);
  const isThere = ([from]) => createRequire(from).resolve.paths(found[1]).some((at) => fs.existsSync(path.join(at, found[1])));
  if (found && error.requireStack && error.requireStack.length > 0 && isThere(error.requireStack)) return null;
  return found && `Error: ${error.message.split('\n')[0]} (npm install ${found[1]})`;
}

function framePlace(lines) {
  const found = /\(?((?:file:\/\/)?\/[^\s()]+:\d+)(?::\d+)?\)?/.exec(lines.slice(1).join('\n') || lines[0] || '');
  return found && found[1];
}

// Of a syntax error Node.js tells the line at the very top of its stack, and the column by marks below the line.
function syntaxPlace(error, lines) {
  const found = error instanceof SyntaxError && /^(?:file:\/\/)?(\/.+:\d+)$/.exec(lines[0] || '');
  return found && `${found[1]}:${Math.max((lines[2] || '').indexOf('^'), 0) + 1}`;
}

function answer(call, value) {
  let text;
  try {
    text = carrying.text(value);
  } catch (error) {
    send({ id: call, error: { what: `it returned what JSON cannot carry: ${error.message}`, trace: '', where: '', type: 'value' } });
    return;
  }
  if (outgoing.length === 0) setImmediate(flush);
  outgoing.push(`{"id":${call},"value":${text}}\n`);
}

// A hook may change what it was lent instead of returning it; only what it may change is meant for the engine.
function hookAnswer(value, [first, second]) {
  const moment = typeof first === 'string' ? first : second && second.hookName;
  const context = value || (moment === 'afterAll' ? null : typeof first === 'string' ? second : first);
  if (!context || typeof context !== 'object' || Array.isArray(context)) return context;
  return Object.fromEntries(HOOKS_CHANGE.filter((key) => key in context).map((key) => [key, context[key]]));
}

sharing.speakThrough(send);

function tellState() {
  const changes = sharing.changes();
  if (changes) send({ state: changes });
}

async function act(target, definition, frame) {
  if (frame.load) return { abilities: definition.role === 'session' ? living.abilities(target) : [] };
  if (frame.session) {
    living.lend(frame.session.args || []);
    sharing.lend(frame.session.args || []);
    return living.treat(target, frame.session);
  }
  living.lend(frame.args);
  sharing.lend(frame.args);
  const value = await target(...frame.args);
  if (definition.role === 'config' || definition.role === 'tests') return held.replaced(value, definition.path, definition.name);
  return definition.role === 'hook' ? hookAnswer(value, frame.args) : value;
}

async function run(frame) {
  underWay.add(frame.id);
  const definition = definitions.get(frame.ref);
  try {
    if (!functions.has(frame.ref)) functions.set(frame.ref, load(frame.ref));
    const target = await functions.get(frame.ref).catch((error) => {
      functions.delete(frame.ref);
      throw error;
    });
    const value = await act(target, definition, frame);
    tellState();
    if (!abandoned.delete(frame.id)) answer(frame.id, value);
  } catch (error) {
    tellState();
    if (!abandoned.delete(frame.id)) send({ id: frame.id, error: describe(error, definition.path) });
  } finally {
    controllers.delete(frame.id);
    underWay.delete(frame.id);
  }
}

function cancel(call) {
  if (controllers.has(call)) controllers.get(call).abort();
  abandoned.add(call);
  underWay.delete(call);
  send({ id: call, error: { what: 'abandoned', trace: '', where: '', type: 'abandoned' } });
}

function take(frame) {
  if (frame.define) definitions.set(frame.ref, frame.define);
  else if (frame.cancel) cancel(frame.cancel);
  else if (frame.state) sharing.take(frame.state);
  else if (frame.answer) sharing.answered(frame);
  else if (frame.will) lastWill.take(frame);
  else if (frame.exit) living.end(lastWill.write).finally(() => leave(0));
  else {
    if (frame.mark) lastWill.begin(frame.mark);
    current.run(frame.id, () => run(frame));
  }
}

let pieces = []; // of a line that is still to end: a long one comes in very many
socket.setEncoding('utf8');
socket.on('data', (chunk) => {
  const lines = chunk.split('\n');
  pieces.push(lines[0]);
  if (lines.length === 1) return;
  lines[0] = pieces.join('');
  pieces = [lines.pop()];
  for (const line of lines) take(JSON.parse(line));
});
socket.on('end', orphaned);
socket.on('error', orphaned);

// The engine is gone: what is under way is finished, the last will done, and all that lives here is closed.
let isOrphan = false;
async function orphaned() {
  if (isOrphan) return;
  isOrphan = true;
  const deadline = Date.now() + FINISH_MS;
  while (underWay.size > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
  await lastWill.execute(async (ref, args) => {
    try {
      if (!functions.has(ref)) functions.set(ref, load(ref));
      sharing.lend(args);
      await living.inTime((await functions.get(ref))(...args));
    } catch {
      // Nobody is there to hear how it went.
    }
  });
  await living.end(lastWill.write);
  leave(0);
}

const leave = process.exit.bind(process);
process.exit = (code) => {
  sendNow({ guilty: current.getStore() || 0, what: `it called process.exit(${code === undefined ? '' : code})` });
  leave(code);
};
for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, (error) => {
    const call = current.getStore();
    const told = describe(error, '');
    if (call === undefined) process.stderr.write(`uncaught: ${told.what}\n${told.trace}\n`);
    else send({ id: call, print: `uncaught: ${told.what}\n${told.trace}\n` });
  });
}

process.argv = [process.argv[0], path.join(process.cwd(), 'sojourn')];
process.mainModule = { require: createRequire(process.argv[1]) };
for (const stream of [process.stdout, process.stderr]) {
  capture(stream);
  stream.on('error', () => {}); // when the engine is gone, nobody reads what is printed
}
send({ ready: process.pid });
