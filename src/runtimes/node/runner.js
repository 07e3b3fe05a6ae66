// Runs one JavaScript program as `node <filename> <arguments>` would, without a file of that name.
//
// Without arguments it is a process that was started ahead: it loads what costs time, waits on
// descriptor 3 for {"source", "filename", "argv", "environment"} up to the end, and runs that.
// With arguments, `runner.js <file> <arguments>`, it runs the text of the file at once. Either way
// the program sees itself in the directory that it was started in.
'use strict';

const fs = require('fs');
const Module = require('module');
const path = require('path');
const url = require('url');
const vm = require('vm');

const MESSAGE = 3;
const HOOKS = path.join(__dirname, 'main_module_hooks.mjs');
const MAIN_SCHEME = 'cloister-main:';
const WRAPPER = ['exports', 'require', 'module', '__filename', '__dirname'];

// What programs commonly load; the rest of the library is as it always is.
const PRELOADED = ['assert', 'buffer', 'child_process', 'crypto', 'events', 'fs/promises', 'http',
  'https', 'net', 'os', 'perf_hooks', 'querystring', 'readline', 'stream', 'stream/promises',
  'string_decoder', 'timers/promises', 'tty', 'url', 'util', 'zlib'];

// Messages of V8 for text that is a module and no script, and for what may be one: an `await` at the
// top level, or a name of its own that a script's wrapper has already.
const MODULE_ERRORS = ['Cannot use import statement outside a module', "Unexpected token 'export'",
  "Cannot use 'import.meta' outside a module"];
const MAYBE_MODULE_ERRORS = ['await is only valid in async functions and the top level bodies of modules',
  'missing ) after argument list', 'Unexpected identifier', 'Unexpected reserved word',
  ...WRAPPER.map((name) => `Identifier '${name}' has already been declared`)];

function isOneOf(beginnings, message) {
  return beginnings.some((beginning) => message.startsWith(beginning));
}

function syntaxError(source, parameters) {
  try {
    vm.compileFunction(source, parameters);
    return null;
  } catch (error) {
    return error.message;
  }
}

// As Node does it: the text is a script unless only a module can be meant.
function isModule(source, filename) {
  const type = packageType(path.dirname(filename));
  if (type !== undefined) return type === 'module';
  const message = syntaxError(source, WRAPPER);
  if (message === null) return false;
  if (isOneOf(MODULE_ERRORS, message)) return true;
  if (!isOneOf(MAYBE_MODULE_ERRORS, message)) return false;
  const second = syntaxError(`(async function () {${source}\n})`, []);
  return second === null || isOneOf(MODULE_ERRORS, second);
}

// "type" of the nearest package.json, as for a file in `directory`.
function packageType(directory) {
  for (;;) {
    let text;
    try {
      text = fs.readFileSync(path.join(directory, 'package.json'), 'utf8');
    } catch {
      if (directory === path.dirname(directory)) return undefined;
      directory = path.dirname(directory);
      continue;
    }
    const type = JSON.parse(text).type;
    return type === 'module' || type === 'commonjs' ? type : undefined;
  }
}

// Starts the thread that gives a main module its text, once.
let hooked = false;
function registerHooks() {
  if (!hooked) Module.register(url.pathToFileURL(HOOKS));
  hooked = true;
}

function runScript(source, filename) {
  const main = new Module(filename, null);
  main.id = '.';
  main.filename = filename;
  main.paths = Module._nodeModulePaths(path.dirname(filename));
  process.mainModule = main;
  Module._cache[filename] = main;
  main._compile(source, filename);
  main.loaded = true;
}

function runModule(source, filename) {
  registerHooks();
  process.mainModule = undefined;
  const address = url.pathToFileURL(filename).href;
  let settled = false;
  process.once('exit', (code) => {
    // What Node says of a module that waits for what can never happen.
    if (settled || code !== 0 || process.exitCode !== undefined) return;
    process.stderr.write(`Warning: Detected unsettled top-level await at ${address}\n`);
    process.exitCode = 13;
  });
  const end = () => { settled = true; };
  import(MAIN_SCHEME + encodeURIComponent(JSON.stringify({ address, source }))).then(end);
}

function run({ source, filename, argv }) {
  process.argv = [process.execPath, filename, ...argv];
  delete Module._cache[__filename];
  source = source.replace(/^\uFEFF/, '').replace(/^#!.*/, '');
  if (isModule(source, filename)) {
    runModule(source, filename);
  } else {
    runScript(source, filename);
  }
}

function readAll(descriptor) {
  const parts = [];
  const buffer = Buffer.allocUnsafe(65536);
  for (;;) {
    const size = fs.readSync(descriptor, buffer);
    if (size === 0) return Buffer.concat(parts).toString('utf8');
    parts.push(Buffer.from(buffer.subarray(0, size)));
  }
}

function waitForProgram() {
  for (const name of PRELOADED) require(name);
  registerHooks();
  // Standard input is left alone. What is written before process.exit() is written whole, and
  // processes that inherit these streams do not find them non-blocking.
  for (const stream of [process.stdout, process.stderr]) {
    if (stream._handle && stream._handle.setBlocking) stream._handle.setBlocking(true);
  }
  isModule('0', path.join(process.cwd(), 'main.js'));
  const text = readAll(MESSAGE);
  fs.closeSync(MESSAGE);
  if (text === '') process.exit(0);  // The server has let go of this process.
  const message = JSON.parse(text);
  for (const entry of message.environment) {
    const at = entry.indexOf('=');
    process.env[entry.slice(0, at)] = entry.slice(at + 1);
  }
  run(message);
}

function runFile(file, argv) {
  const filename = path.join(process.cwd(), path.basename(file));
  run({ source: fs.readFileSync(file, 'utf8'), filename, argv });
}

if (process.argv.length > 2) {
  runFile(process.argv[2], process.argv.slice(3));
} else {
  waitForProgram();
}
