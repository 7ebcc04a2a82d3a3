// Names that a tsconfig.json gives to files of a suite (`paths`, `baseUrl`): where an import of one may lead.
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const COMMENTS = /("(?:\\.|[^"\\])*")|\/\/.*|\/\*[^]*?\*\//g;
const TRAILING = /("(?:\\.|[^"\\])*")|,(?=\s*[}\]])/g;
const known = new Map();

function read(file) {
  try {
    const keep = (_, text) => text || '';
    return JSON.parse(fs.readFileSync(file, 'utf8').replace(COMMENTS, keep).replace(TRAILING, keep)) || {};
  } catch {
    return {}; // it is for the compiler, which tells what is wrong with it
  }
}

// Return { paths, base, root } of a file, or of the one that it extends; `seen` ends a circle.
function settings(file, seen = []) {
  const { compilerOptions, extends: other } = read(file);
  const own = compilerOptions || {};
  const parents = [other].flat().filter((name) => typeof name === 'string' && name.startsWith('.') && !seen.includes(file));
  const from = parents.map((name) => settings(beside(file, name), [...seen, file]));
  const inherited = Object.assign({ paths: {}, base: '', root: path.dirname(file) }, ...from);
  const root = typeof own.baseUrl === 'string' ? path.resolve(path.dirname(file), own.baseUrl) : '';
  if (root) Object.assign(inherited, { base: root, root });
  if (own.paths) Object.assign(inherited, { paths: own.paths, root: root || inherited.base || path.dirname(file) });
  return inherited;
}

function beside(file, name) {
  const found = path.resolve(path.dirname(file), name);
  return found.endsWith('.json') ? found : `${found}.json`;
}

function nearest(folder) {
  if (!known.has(folder)) {
    const file = path.join(folder, 'tsconfig.json');
    const parent = path.dirname(folder);
    const above = () => (parent === folder ? { paths: {}, base: '', root: folder } : nearest(parent));
    known.set(folder, fs.existsSync(file) ? settings(file) : above());
  }
  return known.get(folder);
}

function matched(pattern, name) {
  const [start, end] = pattern.split('*');
  if (end === undefined) return pattern === name ? '' : null;
  const fits = name.startsWith(start) && name.endsWith(end) && name.length >= start.length + end.length;
  return fits ? name.slice(start.length, name.length - end.length) : null;
}

// Return the files, without their endings, that a name may mean in a file of a folder, the likeliest first.
function meant(name, folder) {
  const { paths, base, root } = nearest(folder);
  const fitting = Object.entries(paths).filter(([pattern]) => matched(pattern, name) !== null);
  fitting.sort(([one], [other]) => other.indexOf('*') - one.indexOf('*'));
  const targets = fitting.flatMap(([pattern, all]) => [all].flat().map((each) => String(each).replace('*', () => matched(pattern, name))));
  return [...targets.map((each) => path.resolve(root, each)), ...(base ? [path.resolve(base, name)] : [])];
}

module.exports = { meant };
