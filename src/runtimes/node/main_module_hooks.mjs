// Loads the main module from its address: `cloister-main:` and the module's URL and text as JSON. It
// then is the module of that URL, for its imports and its messages. All else is as Node has it.
const SCHEME = 'cloister-main:';
const texts = new Map();

export async function resolve(specifier, context, next) {
  if (!specifier.startsWith(SCHEME)) return next(specifier, context);
  const { address, source } = JSON.parse(decodeURIComponent(specifier.slice(SCHEME.length)));
  texts.set(address, source);
  return { url: address, format: 'module', shortCircuit: true };
}

export async function load(address, context, next) {
  const source = texts.get(address);
  if (source === undefined) return next(address, context);
  texts.delete(address);
  return { format: 'module', source, shortCircuit: true };
}
