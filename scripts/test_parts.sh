# shellcheck shell=bash
# The parts of ./test. Each is a function part_<name> that fails when a test fails and leaves JUnit
# reports in the directory given. Needs scripts/setup.sh.

# Used by ./test.
# shellcheck disable=SC2034
ALL_PARTS=(format style unit contract security fault asan tsan tidy)
RESULTS="$CLOISTER_ROOT/build/test-results"
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/cloister"

# run_part <name>: runs a part with a heading, keeps its exit status for the summary and goes on.
run_part() {
  local name=$1 status=0 directory="$RESULTS/$1" started=$SECONDS
  mkdir -p "$directory"
  printf '\n=== %s\n' "$name"
  # A process of its own, so that `set -e` holds inside the function although its failure is handled.
  bash -c 'set -euo pipefail
    source "$1/scripts/setup.sh"; source "$1/scripts/test_parts.sh"; cd "$1"; "part_$2" "$3"' \
    - "$CLOISTER_ROOT" "$name" "$directory" || status=$?
  echo "$status" >"$directory/exit-status"
  printf -- '--- %s: %s in %d s\n' "$name" "$( ((status == 0)) && echo passed || echo FAILED)" \
    "$((SECONDS - started))"
}

# Our C++ files, tracked or new.
source_files() {
  git ls-files --cached --others --exclude-standard -- 'src/*.cpp' 'src/*.h' 'fuzz/*.cpp' 'fuzz/*.h'
}

# venv_python: prints the interpreter that has the packages of tests/requirements.txt.
venv_python() {
  local key directory
  key=$( (python3 --version && cat tests/requirements.txt) | sha256sum | cut -c1-16)
  directory="$CACHE/venv-$key"
  if [[ ! -f $directory/.complete ]]; then
    say "Installing the Python packages of the test suites into $directory"
    rm -rf "$directory"
    python3 -m venv "$directory"
    "$directory/bin/pip" install --quiet --disable-pip-version-check \
      --requirement tests/requirements.txt >&2
    touch "$directory/.complete"
  fi
  echo "$directory/bin/python"
}

# ctest_preset <preset> <report directory> [ctest option...]
ctest_preset() {
  local preset=$1 directory=$2
  shift 2
  # ThreadSanitizer of this compiler does not know the wider address space randomisation of newer
  # kernels, so all unit tests run without it.
  GTEST_OUTPUT="xml:$directory/" setarch "$(uname -m)" -R \
    ctest --test-dir "build/$preset" --parallel 2 --output-on-failure --no-tests=error "$@"
}

# pytest_suite <binary> <report> <suite directory>...
pytest_suite() {
  local binary=$1 report=$2 python
  shift 2
  python=$(venv_python)
  create_system_user
  build_image "$binary"
  build_image "$binary" full
  CLOISTER_BIN="$binary" CLOISTER_IMAGES_DIR="${CLOISTER_IMAGES_DIR:-$(state_dir)/images}" \
    "$python" -m pytest -p no:cacheprovider --quiet --rootdir=tests -c tests/pytest.ini \
    --junitxml="$report" "$@"
}

dev_suite() {
  build_preset dev
  pytest_suite "$CLOISTER_ROOT/build/dev/src/bin/cloister" "$2/pytest.xml" "tests/$1"
}

part_format() {
  source_files | xargs clang-format-19 --dry-run --Werror
  shellcheck --external-sources run test .ci/run scripts/*.sh tests/vm/run.sh tests/vm/guest-init
}

part_style() {
  "$(venv_python)" -m pytest -p no:cacheprovider --quiet --rootdir=tests -c tests/pytest.ini \
    --junitxml="$1/pytest.xml" tests/style
}

part_unit() {
  local status=0
  build_preset dev
  ctest_preset dev "$1" || status=$?
  # The programs that run inside sandboxes, outside of one.
  "$(venv_python)" -m pytest -p no:cacheprovider --quiet --rootdir=tests -c tests/pytest.ini \
    --junitxml="$1/guest.xml" tests/guest || status=$?
  return "$status"
}

part_contract() { dev_suite contract "$1"; }
part_security() { dev_suite security "$1"; }
part_fault() { dev_suite fault "$1"; }

part_asan() {
  local status=0
  export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}"
  export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"
  build_preset asan
  ctest_preset asan "$1" || status=$?
  # What languages, plots and LibreChat's client do is decided in the sandbox, which has no sanitizer.
  pytest_suite "$CLOISTER_ROOT/build/asan/src/bin/cloister" "$1/pytest.xml" \
    tests/contract tests/security --ignore=tests/contract/librechat/test_languages.py \
    --ignore=tests/contract/librechat/test_plots.py \
    --ignore-glob='*/contract/librechat/test_client_*.py' || status=$?
  return "$status"
}

part_tsan() {
  export TSAN_OPTIONS="${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}"
  build_preset tsan engine_test net_test
  ctest_preset tsan "$1" --tests-regex '^(engine|net)$'
}

part_tidy() {
  # The analysis reads headers that the build generates.
  build_preset dev
  python3 scripts/tidy.py --build build/dev --cache "$CACHE/tidy"
}

# Not one of ALL_PARTS: it installs a kernel and an emulator.
part_vm() {
  install_packages vm
  build_preset release
  local programs="$CLOISTER_ROOT/build/release/src/bin"
  build_image "$programs/cloister"
  tests/vm/run.sh "$programs" "$(state_dir)/images"
}
