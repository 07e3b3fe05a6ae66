# Makes the program /program/main of the Go text $1: compiler and linker directly, with the standard
# library that the image holds compiled. `go build` would look after modules and a cache, which takes
# longer than the compiler does.
set -e
importcfg=/usr/share/cloister/go/importcfg
tools=$(echo "$(dirname "$(readlink -f /usr/bin/go)")"/../pkg/tool/linux_*)
# Other files of the package lie in the working directory, unless they are programs of their own.
for file in ./*.go; do
  case $file in *_test.go) continue ;; esac
  if grep -qs '^package main\b' "$file" && ! grep -q '^func main()' "$file"; then
    set -- "$@" "$file"
  fi
done
"$tools/compile" -importcfg "$importcfg" -p main -complete -pack -o /tmp/main.a "$@"
exec "$tools/link" -importcfg "$importcfg" -buildmode=exe -s -w -o /program/main /tmp/main.a
