// Drives the real client package for the tests: one JSON command a line on stdin, one JSON answer a
// line on stdout, matched by "id". Commands run at the same time.
//
// CLOISTER_CLIENT_MODULES is the folder with node_modules. The base URL is LIBRECHAT_CODE_BASEURL, as
// in LibreChat; the old client reads it once, when it is loaded.

import { createInterface } from 'node:readline';

import { conversations } from './conversations.mjs';
import { uploads } from './uploads.mjs';

const handlers = { ...conversations, ...uploads };

function describe(error) {
  return { name: error.name, message: error.message, status: error.response?.status ?? null };
}

function reply(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function answer(command) {
  const handler = handlers[command.do];
  if (handler === undefined) throw new Error(`no command ${command.do}`);
  return handler(command);
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  answer(command).then(
    (value) => reply({ id: command.id, value: value ?? null }),
    (error) => reply({ id: command.id, error: describe(error) }),
  );
}
