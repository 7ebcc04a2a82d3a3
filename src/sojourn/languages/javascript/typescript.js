// TypeScript: the types are taken away as a file is loaded, by Node.js itself or, where it is too old, by the suite's own esbuild.
'use strict';

const fs = require('node:fs');
const nodeModule = require('node:module');
const { fileURLToPath } = require('node:url');

const TYPED = /\.[cm]?ts$/;
const ENDINGS = ['.ts', '.mts', '.cts', '/index.ts'];
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
      require.extensions[ending] = (made, path) => made._compile(compiler(path), path);
    }
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
  return (path) => compiler.transformSync(fs.readFileSync(path, 'utf8'), { ...options, sourcefile: path }).code;
}

// Node.js warns of its own way to take types away; the user has no say in it.
function hush() {
  const warn = process.emitWarning.bind(process);
  process.emitWarning = (warning, ...rest) => {
    if (!String(warning).includes('stripTypeScriptTypes')) warn(warning, ...rest);
  };
}

// TypeScript's files name each other without an ending, or with that of the JavaScript that is made of them.
function resolve(specifier, context, next) {
  try {
    return next(specifier, context);
  } catch (error) {
    if (!/^(?:\.{1,2}\/|\/)/.test(specifier)) throw error;
    for (const ending of ENDINGS) {
      try {
        return next(specifier.replace(/\.[cm]?js$/, '') + ending, context);
      } catch {
        continue;
      }
    }
    throw error;
  }
}

function load(url, context, next) {
  if (!url.startsWith('file:') || !TYPED.test(url)) return next(url, context);
  const file = fileURLToPath(url);
  const source = nodeModule.stripTypeScriptTypes(fs.readFileSync(file, 'utf8'), { mode: 'transform', sourceUrl: url });
  const isModule = file.endsWith('.mts') || (!file.endsWith('.cts') && ESM.test(source));
  return { format: isModule ? 'module' : 'commonjs', source, shortCircuit: true };
}

module.exports = { prepare, isTyped: (file) => TYPED.test(file) };
