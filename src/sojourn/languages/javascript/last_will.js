// What this process still does when the engine dies: the calls that the engine left with it, each at most once.
'use strict';

const fs = require('node:fs');

let items = new Map();
let ledger = '';
const begun = new Set(['']);

function take(frame) {
  ledger = frame.ledger;
  for (const mark of frame.begun) begun.add(mark);
  items = new Map(frame.will.map((item) => [item.mark, item]));
}

function write(entry) {
  if (!ledger) return;
  try {
    const out = fs.openSync(ledger, 'a');
    fs.writeSync(out, JSON.stringify(entry) + '\n');
    fs.fsyncSync(out);
    fs.closeSync(out);
  } catch {
    // What cannot be written down is done all the same.
  }
}

function begin(mark) {
  items.delete(mark);
  begun.add(mark);
  write({ begun: mark });
}

async function execute(call) {
  for (const [mark, item] of [...items]) {
    if (!begun.has(item.needs)) continue;
    begin(mark);
    await call(item.ref, item.args);
  }
}

module.exports = { take, write, begin, execute };
