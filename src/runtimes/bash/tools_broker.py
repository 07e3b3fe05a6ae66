"""Runs a shell script whose functions are answered by the client: programmatic tool calling.

The script is the first argument, its own follow. Run by tools.py, whose channel it reads. Each tool is
a shell function: it puts its call into a directory, says so on a FIFO, and waits on another one. The
calls go out as one batch as soon as nothing of the script runs any more: every process that comes of it
waits for a tool, or for one that does. That is seen in /proc; a script that goes on computing beside
its calls gets them sent PATIENCE after the last one.
"""

import ctypes
import json
import os
import re
import select
import signal
import sys
import tempfile
import time

import _cloister_tools as tools

BASH = "/bin/bash"
SCRIPT = "/program/main.sh"
PATIENCE_SECONDS = 2.0
LOOK_SECONDS = 0.001
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
RESERVED = frozenset(
    "if then else elif fi case esac for select while until do done in function time coproc".split()
)
CALL_LINE = re.compile(rb"(\d{1,6}) (\d+\.\d+)")

# One call: number of the tool and its input. Works under any options that a script has set.
CALL_FUNCTION = r"""() {
  local - IFS=$' \t\n' fifo=$CLOISTER_TOOLS/$BASHPID.$RANDOM input=${2-} status result fd
  builtin set +Ceux
  command mkfifo -m 600 "$fifo" || return 1
  builtin exec {fd}<>"$fifo"
  builtin printf '%s' "$input" >"$fifo.in"
  builtin printf '%s %s\n' "$1" "${fifo##*/}" >"$CLOISTER_TOOLS/calls"
  builtin read -r -u "$fd" status
  builtin exec {fd}>&-
  result=$(<"$fifo.out")
  command rm -f "$fifo" "$fifo.in" "$fifo.out"
  if [[ $status == 0 ]]; then
    builtin printf '%s\n' "$result"
  else
    builtin printf '%s\n' "$result" >&2
  fi
  return "$status"
}"""


def function_names(definitions):
    names = []
    for definition in definitions:
        name = tools.identifier(definition["name"].replace(".", "_"), RESERVED.__contains__)
        names.append(tools.unique(name, names))
    return names


def environment(directory, names):
    """Functions that are exported reach every shell that the script starts, too."""
    variables = dict(os.environ, CLOISTER_TOOLS=directory)
    variables["BASH_FUNC__cloister_call%%"] = CALL_FUNCTION
    for number, name in enumerate(names):
        variables[f"BASH_FUNC_{name}%%"] = f'() {{ _cloister_call {number} "$@"; }}'
    return variables


class Call:
    def __init__(self, number, name, path):
        self.number, self.name, self.path = number, name, path
        self.input = read_file(f"{path}.in").decode("utf-8", "replace").strip() or "{}"

    def problem(self):
        try:
            value = json.loads(self.input)
        except ValueError as error:
            return f"{self.name}: the argument is not JSON: {error}"
        if not isinstance(value, dict):
            return f"{self.name}: the argument is not a JSON object"
        self.input = tools.to_json(value)
        return None

    def finish(self, value, error):
        text = error
        if error is None:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        try:
            with open(f"{self.path}.out", "w", encoding="utf-8", errors="replace") as file:
                file.write(text)
            fifo = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return  # Whoever called was ended.
        os.write(fifo, b"0\n" if error is None else b"1\n")
        os.close(fifo)


def read_file(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""  # The process has ended meanwhile.


def descendants():
    """The processes that come of this one."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            # Behind the name, which may hold anything: state, parent.
            fields = read_file(f"/proc/{entry}/stat").rpartition(b")")[2].split()
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry))
    found, left = [], [os.getpid()]
    while left:
        below = children.get(left.pop(), [])
        found += below
        left += below
    return found


def waiting_threads():
    """How often each thread of the script has waited so far; None while one of them runs."""
    switches = {}
    for process in descendants():
        try:
            threads = os.listdir(f"/proc/{process}/task")
        except OSError:
            continue
        for thread in threads:
            status = read_file(f"/proc/{process}/task/{thread}/status")
            state = re.search(rb"^State:\t(.)", status, re.M)
            if state and state[1] in b"RD":
                return None
            switches[process, thread] = re.findall(rb"ctxt_switches:\t(\d+)", status)
    return switches


class Broker:
    def __init__(self, directory, names):
        self.directory = directory
        self.names = names
        os.mkfifo(f"{directory}/calls", 0o600)
        # Open for writing too, so that it never is at its end.
        self.fifo = os.open(f"{directory}/calls", os.O_RDWR | os.O_NONBLOCK)
        self.rest = b""
        self.count = 0
        self.unsent = []
        self.under_way = {}
        self.last_call = 0.0
        self.seen = None

    def read_calls(self):
        self.rest += os.read(self.fifo, 65536)
        *lines, self.rest = self.rest.split(b"\n")
        for line in lines:
            match = CALL_LINE.fullmatch(line)
            if match is None or int(match[1]) >= len(self.names):
                continue
            self.count += 1
            self.last_call = time.monotonic()
            name = self.names[int(match[1])]
            call = Call(self.count, name, f"{self.directory}/{match[2].decode()}")
            problem = call.problem()
            if problem is None:
                self.unsent.append(call)
            else:
                call.finish(None, problem)

    def may_send(self):
        """Whether nothing runs, and nothing has run since the last look."""
        if time.monotonic() - self.last_call > PATIENCE_SECONDS:
            return True
        before, self.seen = self.seen, waiting_threads()
        return self.seen is not None and self.seen == before

    def send(self):
        self.under_way = {call.number: call for call in self.unsent}
        tools.Current.channel.send_calls((c.number, c.name, c.input) for c in self.unsent)
        self.unsent = []

    def read_results(self):
        calls, self.under_way = self.under_way, {}
        results = tools.Current.channel.receive_results()
        for number, call in calls.items():
            call.finish(*results.get(number, (None, f"{call.name}: no result")))

    def wait(self, wake):
        """Goes on with whatever happens next."""
        is_gathering = bool(self.unsent) and not self.under_way
        poll = select.poll()
        poll.register(self.fifo, select.POLLIN)
        poll.register(wake, select.POLLIN)
        if self.under_way:
            poll.register(tools.DESCRIPTOR, select.POLLIN)
        ready = {fd for fd, _ in poll.poll(LOOK_SECONDS * 1000 if is_gathering else None)}
        if wake in ready:
            os.read(wake, 4096)
        if self.fifo in ready:
            self.seen = None
            self.read_calls()
        if tools.DESCRIPTOR in ready:
            self.read_results()
        if is_gathering and not ready and self.may_send():
            self.seen = None
            self.send()


def start(script, arguments, directory, names):
    path = SCRIPT
    try:
        file = open(path, "w", encoding="utf-8", errors="surrogateescape")
    except OSError:
        path = f"{directory}/main.sh"
        file = open(path, "w", encoding="utf-8", errors="surrogateescape")
    with file:
        file.write(script)
    return os.posix_spawn(
        BASH,
        ["bash", path, *arguments],
        environment(directory, names),
        setsigmask=(),
        setsigdef=(signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD),  # As Python found them.
    )


def reap(shell):
    """The status of the shell when it has ended; whatever else has ended is taken note of."""
    status = None
    while True:
        try:
            process, raw = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if process == 0:
            return status
        if process == shell:
            status = raw


def hide_program():
    """The shell script finds the workspace without this text."""
    path = sys.modules["__main__"].__file__
    if read_file(path) == tools.Current.text.encode():
        os.unlink(path)


def main(script, *arguments):
    hide_program()
    # Orphans stay in sight.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with tempfile.TemporaryDirectory(prefix="tools-") as directory:
        names = [definition["name"] for definition in tools.Current.definitions]
        broker = Broker(directory, names)
        shell = start(script, arguments, directory, function_names(tools.Current.definitions))
        while (status := reap(shell)) is None:
            broker.wait(wake)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


sys.exit(main(*sys.argv[1:]))
