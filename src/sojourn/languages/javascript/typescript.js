// TypeScript: the types are taken away as a file is loaded, by Node.js itself or, where it is too old, by the suite's own esbuild.
'use strict';

const fs = require('node:fs');
const nodeModule = require('node:module');
const path = require('node:path');
const { fileURLToPath, pathToFileURL } = require('node:url');
const aliases = require('./aliases.js');

const TYPED = /\.[cm]?ts$/;
const ENDINGS = ['.ts', '.mts', '.cts', '/index.ts'];
const RELATIVE = /^(?:\.{1,2}\/|\/)/;
const ESM = /^\s*(?:import\s*(?:[\w*{'"]|type\b)|export\b)/m;
let isReady = false;

// What is loaded from now on may be TypeScript; says no more than once what is missing for that.
function prepare(file) {
  if (isReady) return;
  if (nodeModule.registerHooks && nodeModule.stripTypeScriptTypes) {
    hush();
    nodeModule.registerHooks({ resolve, load });
  } else {
    const compiler = esbuild(file);
    for (const ending of ['.ts', '.cts', '.mts']) {
      require.extensions[ending] = (made, file) => made._compile(compiler(file), file);
    }
    const find = nodeModule._resolveFilename;
    nodeModule._resolveFilename = function (name, parent, ...rest) {
      return first(name, names(name, parent && parent.filename), (each) => find.call(this, each, parent, ...rest));
    };
  }
  isReady = true;
}

function esbuild(file) {
  let compiler;
  try {
    compiler = nodeModule.createRequire(file)('esbuild');
  } catch {
    const how = "pip install 'sojourn[node]', or install esbuild beside the suite";
    throw new Error(`TypeScript needs Node.js 22.15 or newer, and this is ${process.version} (${how})`);
  }
  const options = { loader: 'ts', format: 'cjs', target: 'node18', sourcemap: 'inline' };
  return (typed) => compiler.transformSync(fs.readFileSync(typed, 'utf8'), { ...options, sourcefile: typed }).code;
}

// Node.js warns of its own way to take types away; the user has no say in it.
function hush() {
  const warn = process.emitWarning.bind(process);
  process.emitWarning = (warning, ...rest) => {
    if (!String(warning).includes('stripTypeScriptTypes')) warn(warning, ...rest);
  };
}

// Return what the first of several names leads to; raises what became of the written one where none leads anywhere.
function first(written, names, find) {
  let failed;
  for (const name of names) {
    try {
      return find(name);
    } catch (error) {
      if (name === written || !failed) failed = error;
    }
  }
  throw failed;
}

// TypeScript's files name each other without an ending, or with that of the JavaScript that is made of them,
// or by a name that the suite's tsconfig.json gives, which goes before a package's.
function* names(name, file, asName = (place) => place) {
  const relative = RELATIVE.test(name);
  if (!relative && file && !name.includes('://') && !file.includes('/node_modules/')) {
    for (const place of aliases.meant(name, path.dirname(file))) {
      for (const ending of ['', ...ENDINGS, '.js']) yield asName(place + ending);
    }
  }
  yield name;
  if (relative) for (const ending of ENDINGS) yield name.replace(/\.[cm]?js$/, '') + ending;
}

function resolve(specifier, context, next) {
  const { conditions, parentURL } = context;
  const file = parentURL && parentURL.startsWith('file:') ? fileURLToPath(parentURL) : '';
  const asName = (place) => (conditions.includes('import') ? pathToFileURL(place).href : place);
  return first(specifier, names(specifier, file, asName), (name) => next(name, context));
}

function load(url, context, next) {
  if (!url.startsWith('file:') || !TYPED.test(url)) return next(url, context);
  const file = fileURLToPath(url);
  const source = nodeModule.stripTypeScriptTypes(fs.readFileSync(file, 'utf8'), { mode: 'transform', sourceUrl: url });
  const isModule = file.endsWith('.mts') || (!file.endsWith('.cts') && ESM.test(source));
  return { format: isModule ? 'module' : 'commonjs', source, shortCircuit: true };
}

module.exports = { prepare, isTyped: (file) => TYPED.test(file) };
