# Makes the program /program/main of the Rust text $1. `mod name;` finds name.rs and name/mod.rs of the
# working directory: the compiler sees the text in a folder with links to those.
set -e
here=$PWD
folder=$(mktemp -d)
cd "$folder"
for entry in "$here"/*.rs "$here"/*/; do
  [ -e "$entry" ] && ln -s "${entry%/}" .
done
ln -sf "$1" main.rs
rustc --edition=2021 --crate-name=main -C opt-level=1 -C debuginfo=0 -C overflow-checks=on \
  -C strip=debuginfo --color=never -o /program/main main.rs
