// Prints, as JSON, which of four things succeed that no sandboxed program may do.
const fs = require("fs");
const net = require("net");

function run(command) {
  require("child_process").execSync(command, { stdio: "ignore" });
}

function succeeds(action) {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}

const found = {
  write: succeeds(() => fs.writeFileSync("@PATH@", "escaped")),
  processes: succeeds(() => run("grep -qs '@PATTERN@' /proc/[0-9]*/cmdline")),
  privilege: succeeds(() => run("chroot / /bin/true")),
};
const socket = net.connect({ host: "127.0.0.1", port: @PORT@ });
for (const [event, connect] of [["connect", true], ["error", false]]) {
  socket.on(event, () => {
    console.log(JSON.stringify({ ...found, connect }));
    socket.destroy();
  });
}
