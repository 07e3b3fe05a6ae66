#!/usr/bin/env bash
# tests/vm/run.sh <directory of cloister and cloister-launcher> <image store>
#
# Boots Debian's kernel in QEMU with the default image as its root and checks the server in it.
# Needs the packages of scripts/packages/vm.txt and root (the image's files belong to it).

set -euo pipefail

programs=$1
store=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

digest=$("$programs/cloister" image list --json | python3 -c '
import json, sys
print(next(i["digest"] for i in json.load(sys.stdin) if "default" in i["names"]))')
root=$work/root
cp -a "$store/by-digest/$digest/rootfs" "$root"

# The programs with the libraries of this machine, which the image may have in other versions.
mkdir -p "$root/opt/cloister"
cp "$programs/cloister" "$programs/cloister-launcher" "$root/opt/cloister/"
strip "$root/opt/cloister/cloister"
ldd "$programs/cloister" | grep -o '/[^ ]*' | xargs -I{} cp -L {} "$root/opt/cloister/"

# The image store of the guest: its own root, bound in place by guest-init.
guest_store=$root/var/lib/cloister/images
mkdir -p "$guest_store/by-digest/$digest/rootfs"
cp -a "$store/refs" "$guest_store/"
cp "$store/by-digest/$digest/manifest.json" "$guest_store/by-digest/$digest/"
echo 'cloister:x:990:990::/:/bin/false' >>"$root/etc/passwd"
echo 'cloister:x:990:' >>"$root/etc/group"
install -m 755 "$here/guest-init" "$root/guest-init"
install -m 644 "$here/guest_check.py" "$root/guest_check.py"

mkfs.ext4 -q -d "$root" "$work/disk" 3G
kernel=$(find /boot -name 'vmlinuz-*' | sort -V | tail -n 1)
timeout 900 qemu-system-x86_64 -cpu max -m 3G -smp 2 -nographic -no-reboot \
  -kernel "$kernel" -initrd "${kernel/vmlinuz/initrd.img}" \
  -drive "file=$work/disk,if=virtio,format=raw" \
  -append "root=/dev/vda rw init=/guest-init console=ttyS0 panic=-1 quiet" </dev/null |
  tee "$work/console"
grep -q '^VM PASSED' "$work/console"
