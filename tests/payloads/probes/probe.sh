# Prints, as JSON, which of four things succeed that no sandboxed program may do.
try() {
  if "${@:2}" >/dev/null 2>&1; then echo "\"$1\": true"; else echo "\"$1\": false"; fi
}
connect() { (exec 3<>/dev/tcp/127.0.0.1/@PORT@); }
write() { (echo escaped > '@PATH@'); }
processes() { grep -qs '@PATTERN@' /proc/[0-9]*/cmdline; }
privilege() { chroot / /bin/true; }
echo "{$(try connect connect), $(try write write), $(try processes processes), $(try privilege privilege)}"
