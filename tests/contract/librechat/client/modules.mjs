// The client packages, loaded as LibreChat loads them: by require.

import { createRequire } from 'node:module';
import { join } from 'node:path';

const folder = process.env.CLOISTER_CLIENT_MODULES;

export const require = createRequire(join(folder, 'package.json'));

// The packages log with console.log in places; stdout belongs to the answers.
console.log = console.error;

export function load(generation) {
  return require(generation === 'old' ? 'librechat-agents-old' : '@librechat/agents');
}
