#!/usr/bin/env bash
# Builds the fuzz targets with clang and runs them: scripts/fuzz.sh [seconds [target...]]
#
# Each target runs for the given number of seconds (20) and ends at its first finding. Fails when
# any target found something.

set -euo pipefail

# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cd "$CLOISTER_ROOT"

seconds=${1:-20}
[[ $seconds =~ ^[0-9]+$ ]] || die "usage: scripts/fuzz.sh [seconds [target...]]"
shift $(($# > 0 ? 1 : 0))
targets=("$@")
if ((${#targets[@]} == 0)); then
  for source in fuzz/*_fuzz.cpp; do
    name=${source#fuzz/}
    targets+=("${name%_fuzz.cpp}")
  done
fi

install_packages build fuzz
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --target "${targets[@]/%/_fuzz}"

failed=()
for target in "${targets[@]}"; do
  corpus=build/fuzz/corpus/$target
  findings=build/fuzz/findings/$target
  mkdir -p "$corpus" "$findings"
  say "$target, for $seconds seconds"
  seeds=()
  [[ ! -d fuzz/seeds/$target ]] || seeds=("fuzz/seeds/$target")
  "build/fuzz/fuzz/${target}_fuzz" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
    -rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$findings/" \
    "$corpus" "${seeds[@]}" 2>"$findings/log" || failed+=("$target")
  grep -E '^stat::number_of_executed_units|^broken promise|ERROR|SUMMARY' "$findings/log" || true
done
((${#failed[@]} == 0)) || die "findings in: ${failed[*]} (build/fuzz/findings/<target>)"
