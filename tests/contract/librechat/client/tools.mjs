// The model's tools that programs call back: what an MCP server or an action would be in LibreChat.

import { require } from './modules.mjs';

const { tool } = require('@librechat/agents/langchain/tools');

const number = { type: 'number' };
const string = { type: 'string' };

function definition(name, description, properties, required) {
  return {
    name,
    description,
    parameters: { type: 'object', properties, required },
    allowed_callers: ['code_execution'],
  };
}

// Each invocation is counted here, so that a test sees that nothing ran twice.
export const invocations = [];

const implementations = [
  [
    definition('add', 'adds two numbers', { a: number, b: number }, ['a', 'b']),
    async ({ a, b }) => ({ sum: a + b }),
  ],
  [
    definition('get-weather', 'the weather of a city', { unit: string, city: string }, ['city']),
    async ({ city, unit }) => ({ city, unit: unit ?? null, temp: -3, text: 'snow "ü" 漢' }),
  ],
  [
    definition('say', 'returns plain text', { text: string }, ['text']),
    async ({ text }) => text,
  ],
  [
    definition('broken', 'always fails', { why: string }, ['why']),
    async ({ why }) => {
      throw new Error(`broken: ${why}`);
    },
  ],
  [definition('class', 'a Python keyword', {}, []), async () => 'a class'],
];

// Tool objects by name and their definitions by name, of the names given.
export function toolset(names) {
  const tools = new Map();
  const definitions = new Map();
  for (const [described, run] of implementations) {
    if (!names.includes(described.name)) continue;
    const counted = async (input) => {
      invocations.push({ name: described.name, input });
      return run(input);
    };
    const { name, description, parameters } = described;
    tools.set(name, tool(counted, { name, description, schema: parameters }));
    definitions.set(name, described);
  }
  return { tools, definitions };
}
