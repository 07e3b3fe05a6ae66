#!/usr/bin/env bash
# Installs the Debian packages that are listed in scripts/packages/ and missing on this machine.
#
#   scripts/setup.sh build run test     installs what these lists name
#   source scripts/setup.sh             defines the functions only
#
# Looks before it asks for anything: with nothing missing it needs no privileges and no network.

set -euo pipefail

CLOISTER_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '==> %s\n' "$*" >&2; }

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Prints the packages of the named lists, without comments. `name unless:command` is left out where the
# command exists, from whatever source.
listed_packages() {
  local list package condition
  for list in "$@"; do
    sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$CLOISTER_ROOT/scripts/packages/$list.txt" |
      while read -r package condition; do
        if [[ $condition == unless:* ]] && command -v "${condition#unless:}" >/dev/null; then
          continue
        fi
        echo "$package"
      done
  done
}

# Prints those of the packages given that are not installed.
missing_packages() {
  local installed
  # dpkg-query fails when it knows nothing about one of them, which is no error here.
  # shellcheck disable=SC2016  # The format is dpkg-query's, not the shell's.
  installed=$(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
  printf '%s\n' "$@" | sort -u |
    comm -23 - <(sed -n 's/^installed //p' <<<"$installed" | sort -u)
}

# install_packages <list>...: makes sure that everything in these lists is installed.
install_packages() {
  local wanted missing sudo=()
  command -v dpkg-query >/dev/null ||
    die "this needs Debian 12 or newer"
  mapfile -t wanted < <(listed_packages "$@")
  mapfile -t missing < <(missing_packages "${wanted[@]}")
  ((${#missing[@]} > 0)) || return 0

  local command="apt-get update && apt-get install --no-install-recommends ${missing[*]}"
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die "packages are missing; ask an administrator to run: $command"
    sudo=(sudo)
  fi
  say "Installing packages for '$*' (reasons: scripts/packages/): ${missing[*]}"
  local apt_get=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet)
  local install=("${apt_get[@]}" install --no-install-recommends "${missing[@]}")
  # Package lists that are there may be new enough; fetching them takes longer than trying.
  if compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null && "${install[@]}" >&2; then
    return 0
  fi
  say "Fetching the package lists: the ones here are missing or too old"
  "${apt_get[@]}" update >&2 || die "apt-get update failed; is there a network?"
  "${install[@]}" >&2 || die "the packages could not be installed; to see why, run: $command"
}

# Prints where the server keeps its state: the same default as the server's own setting.
state_dir() {
  if [[ -n ${CLOISTER_STATE_DIR:-} ]]; then
    echo "$CLOISTER_STATE_DIR"
  elif ((EUID == 0)); then
    echo /var/lib/cloister
  else
    echo "${XDG_DATA_HOME:-$HOME/.local/share}/cloister"
  fi
}

# build_preset <preset> [target...]: configures once, then builds what changed.
build_preset() {
  local preset=$1 output
  shift
  local directory="$CLOISTER_ROOT/build/$preset"
  if [[ ! -f $directory/build.ninja ]]; then
    say "Configuring build/$preset"
    (cd "$CLOISTER_ROOT" && cmake --preset "$preset") >&2
  fi
  # On a terminal ninja shows its progress on one line; elsewhere only what it built is of interest.
  if [[ -t 2 ]]; then
    ninja -C "$directory" "$@" >&2
  elif ! output=$(ninja --quiet -C "$directory" "$@" 2>&1); then
    printf '%s\n' "$output" >&2
    die "building build/$preset failed"
  fi
}

# The account that the server changes to when it is started as root.
create_system_user() {
  ((EUID == 0)) || return 0
  ! getent passwd cloister >/dev/null || return 0
  say "Creating the system user 'cloister': the server gives up root before it opens its port"
  useradd --system --user-group --no-create-home --home-dir /var/lib/cloister \
    --shell /usr/sbin/nologin cloister
}

# build_image <cloister binary> [<recipe>]: an image, the default one unless named, when it is missing
# or a recipe is newer.
build_image() {
  local binary=$1 name=${2:-default} reference recipe newer=
  reference="${CLOISTER_IMAGES_DIR:-$(state_dir)/images}/refs/$name"
  # A recipe may include another one.
  for recipe in "$CLOISTER_ROOT"/images/*/recipe.toml; do
    if [[ -f $reference && $recipe -nt $reference ]]; then newer=yes; fi
  done
  if [[ -f $reference && -z $newer ]]; then return 0; fi
  if [[ ! -f $reference ]]; then
    say "Building the image '$name' from Debian packages: once, a few minutes, hundreds of MB to fetch"
  fi
  if "$binary" image build "$name"; then
    touch "$reference"
  elif [[ -f $reference ]]; then
    say "The image '$name' could not be brought up to date; the present one stays in use"
  else
    die "there is no image '$name' to run programs in; see above for what to do"
  fi
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  (($# > 0)) || set -- build run test
  install_packages "$@"
fi
