# Makes /program/main.js of the TypeScript text $1, with the modules of the working directory that it
# imports. The source map is in the file, so messages have the lines of the text. A text that awaits at
# its top level or asks for `import.meta` becomes an ES module, all others a script, which has `require`.
build() {
  # To standard output: the names in the map are then relative to the working directory.
  esbuild --bundle --platform=node --target=node18 --packages=external --sourcefile=main.ts --loader=ts \
    --sourcemap=inline --color=false --log-level="$2" --format="$1" <"$source" >/program/main.js
}
source=$1
if ! grep -q 'import\.meta' "$source"; then
  build cjs silent && exit
fi
build esm warning
