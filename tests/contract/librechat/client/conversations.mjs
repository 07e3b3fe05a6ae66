// A conversation: the agents package's own tools and, in the newest generation, its own ToolNode,
// which remembers the files of earlier turns and sends them with the next one.

import { load, require } from './modules.mjs';
import { invocations, toolset } from './tools.mjs';

const opened = new Map();
const running = new Map();

const FACTORIES = {
  execute_code: 'createCodeExecutionTool',
  bash_tool: 'createBashExecutionTool',
  run_tools_with_code: 'createProgrammaticToolCallingTool',
  run_tools_with_bash: 'createBashProgrammaticToolCallingTool',
};

// How each generation is told its credential. The old one wants a key, the newest headers.
function credentials(command) {
  if (command.generation === 'old') {
    return { LIBRECHAT_CODE_API_KEY: command.key ?? '' };
  }
  return command.headers === undefined ? {} : { authHeaders: command.headers };
}

function parameters(command) {
  const result = { user_id: 'user-1', ...credentials(command) };
  if (command.profile !== undefined) result.executionProfile = command.profile;
  if (command.base_url !== undefined) result.baseUrl = command.base_url;
  return result;
}

function makeTools(agents, command) {
  const made = new Map();
  for (const [name, factory] of Object.entries(FACTORIES)) {
    if (agents[factory] === undefined) continue;
    const isProgrammatic = name.startsWith('run_tools');
    const given = isProgrammatic ? { ...parameters(command), ...command.programmatic } : parameters(command);
    const files = !isProgrammatic && command.generation === 'old' ? { files: command.files } : {};
    made.set(name, agents[factory]({ ...given, ...files }));
  }
  return made;
}

function open(command) {
  const agents = load(command.generation);
  const own = makeTools(agents, command);
  const { tools, definitions } = toolset(command.tools ?? []);
  const conversation = { own, tools, definitions, sessions: new Map(), generation: command.generation };
  if (command.generation !== 'old') {
    if (command.files !== undefined) {
      conversation.sessions.set('execute_code', {
        session_id: command.files[0]?.storage_session_id ?? '',
        files: command.files,
        lastUpdated: Date.now(),
      });
    }
    conversation.node = new agents.ToolNode({
      tools: [...own.values(), ...tools.values()],
      toolRegistry: definitions,
      sessions: conversation.sessions,
      handleToolErrors: true,
    });
  }
  opened.set(command.conversation, conversation);
}

// The newest generation: a message of the model goes in, the tool's message comes out.
async function callByNode(conversation, command, signal) {
  const { AIMessage } = require('@librechat/agents/langchain/messages');
  const message = new AIMessage({
    content: '',
    tool_calls: [{ name: command.tool, args: command.args, id: `call_${command.id}` }],
  });
  const { messages } = await conversation.node.invoke(
    { messages: [message] },
    { signal, configurable: { thread_id: command.conversation } },
  );
  const [answer] = messages;
  return { status: answer.status ?? 'success', content: answer.content, artifact: answer.artifact ?? null };
}

// The old generation, whose ToolNode is not exported, calls its tools in this way.
async function callDirectly(conversation, command, signal) {
  const call = {
    name: command.tool,
    args: command.args,
    id: `call_${command.id}`,
    type: 'tool_call',
    toolMap: conversation.tools,
    toolDefs: [...conversation.definitions.values()],
  };
  const answer = await conversation.own.get(command.tool).invoke(call, { signal });
  return { status: answer.status ?? 'success', content: answer.content, artifact: answer.artifact ?? null };
}

async function call(command) {
  const conversation = opened.get(command.conversation);
  const controller = command.abortable ? new AbortController() : undefined;
  if (controller !== undefined) running.set(command.id, controller);
  try {
    const way = conversation.node === undefined ? callDirectly : callByNode;
    return await way(conversation, command, controller?.signal);
  } finally {
    running.delete(command.id);
  }
}

export const conversations = {
  open: async (command) => open(command),
  call,
  abort: async ({ call: id }) => running.get(id).abort(),
  files: async ({ conversation }) => opened.get(conversation).sessions.get('execute_code') ?? null,
  invocations: async () => invocations.splice(0),
};
