"""The interpreter side of Python sandboxes.

Started by the launcher as `python3 /proc/self/fd/4 <number>` with a socket to the launcher on
descriptor 3 and the guest library on descriptor 5. It imports what its number names and then only
forks: `guest.serve` returns in children alone. A child either becomes the next zygote of the tree or is
a process that the guest library has put into a sandbox and armed; that one waits for a program, runs
it as the main module, and ends as the interpreter itself would end.

With the arguments `fresh`, `interactive` or `plain`, a directory, a file of tools or nothing, and the
program's own arguments it runs one program without any zygote.
"""

import ast
import atexit
import builtins
import ctypes
import gc
import importlib.machinery
import linecache
import os
import sys
import threading
import time
import types

SOCKET = 3
LIBRARY = 5
GUEST_DIRECTORY = "/cloister/python"
WORKSPACE = "/workspace"
WORKSPACE_NAMES = ("/workspace/", "/mnt/data/", "/sandbox/")
PROGRAM = f"{WORKSPACE}/__main__.py"
LAST_LINE_INTERACTIVE = 1
HAS_TOOLS = 2

# What each zygote of the tree has loaded, beyond its parent's. Only modules that start no thread. A
# fork costs time for every page that the parent has, so the first one holds what programs commonly
# import, and the rest of the standard library that is large (asyncio with ssl) comes with the second.
MODULES = {
    1: (
        "base64 bisect calendar collections contextlib copy csv dataclasses datetime decimal enum "
        "fractions functools glob hashlib heapq html inspect io itertools json linecache math "
        "numbers operator pathlib pprint random re secrets shutil signal statistics string struct "
        "subprocess tempfile textwrap time traceback typing uuid warnings weakref zlib"
    ).split(),
    2: "asyncio concurrent.futures logging pickle urllib.parse zipfile numpy numpy.linalg "
    "numpy.random numpy.fft pandas".split(),
    3: "PIL.Image matplotlib matplotlib.figure matplotlib.backends.backend_agg matplotlib.pyplot "
    "mpl_toolkits.mplot3d".split(),
}


class Guest:
    """The functions of the guest library, and nothing else of it."""

    def __init__(self):
        library = ctypes.PyDLL(f"/proc/self/fd/{LIBRARY}")
        hooks = [
            ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p)
            for name in ("PyOS_BeforeFork", "PyOS_AfterFork_Parent", "PyOS_AfterFork_Child")
        ]
        library.cloister_guest_hooks(*hooks)
        self.serve = library.cloister_guest_serve
        self.receive = library.cloister_guest_receive
        self.receive.argtypes = [ctypes.c_int, ctypes.POINTER(ctypes.c_uint64)]
        self.flush = library.cloister_guest_flush


class Program:
    """What the server sends: a text, and how it is to be run."""

    def __init__(self, source, interactive):
        self.source = source
        self.interactive = interactive
        self.directory = WORKSPACE
        self.arguments = []
        self.environment = []
        self.tools = None

    def text(self):
        """Text, not bytes: the program came as Unicode, whatever an encoding line in it says."""
        return self.source.decode("utf-8").removeprefix("\ufeff")


guest_modules = {}


def guest_module(name):
    """A module of this folder, under a name that no program's import finds by chance."""
    module = guest_modules.get(name)
    if module is None:
        path = f"{GUEST_DIRECTORY}/{name}.py"
        module = types.ModuleType(f"_cloister_{name}")
        module.__file__ = path
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec", dont_inherit=True)
        sys.modules[module.__name__] = module
        exec(code, module.__dict__)
        guest_modules[name] = module
    return module


def load(number):
    for name in MODULES[number]:
        __import__(name)


def check_single_threaded():
    threads = os.listdir("/proc/self/task")
    if len(threads) != 1:
        raise RuntimeError(f"an imported module has started {len(threads) - 1} threads")


def reseed():
    """Fresh randomness where modules keep a state of their own; `random` reseeds itself at fork."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def make_main_module():
    module = types.ModuleType("__main__")
    module.__builtins__ = builtins
    module.__cached__ = None
    return module


def name_program(main, directory, arguments):
    """Where the interpreter keeps the name of the main file and its arguments."""
    path = f"{directory}/__main__.py"
    main.__file__ = path
    main.__loader__ = importlib.machinery.SourceFileLoader("__main__", path)
    sys.argv = [path, *arguments]
    sys.orig_argv = ["python3", path, *arguments]
    sys.path[0] = directory


def compile_program(text, interactive, path):
    """The code objects of a program, in order; nothing has run when it raises."""
    if not interactive:
        return [compile(text, path, "exec", dont_inherit=True)]
    tree = compile(text, path, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    if not tree.body or not isinstance(tree.body[-1], ast.Expr):
        return [compile(tree, path, "exec", dont_inherit=True)]
    # The last statement alone is compiled the way that shows a value, under the same __future__ flags.
    last = ast.Interactive([tree.body.pop()])
    first = compile(tree, path, "exec", dont_inherit=True)
    flags = first.co_flags & FUTURE_FLAGS
    return [first, compile(last, path, "single", flags, dont_inherit=True)]


def future_flags():
    import __future__

    flags = 0
    for name in __future__.all_feature_names:
        flags |= getattr(__future__, name).compiler_flag
    # nested_scopes and generators share a bit with ordinary code flags.
    return flags & ~0xFF


FUTURE_FLAGS = future_flags()


def show_exception(error, traceback):
    error.__traceback__ = traceback
    try:
        sys.excepthook(type(error), error, traceback)
    except BaseException as second:
        print("Error in sys.excepthook:", file=sys.stderr)
        sys.__excepthook__(type(second), second, second.__traceback__)
        print("\nOriginal exception was:", file=sys.stderr)
        sys.__excepthook__(type(error), error, traceback)


def exit_status(error):
    """What the interpreter makes of SystemExit (Python/pythonrun.c, handle_system_exit)."""
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if -(2**63) <= code < 2**63 else 0xFF
    try:
        print(code, file=sys.stderr)
    except Exception:
        return 1
    return 1


def execute(program, namespace, path):
    try:
        parts = compile_program(program.text(), program.interactive, path)
    except BaseException as error:
        show_exception(error, None)
        return 1
    try:
        for part in parts:
            exec(part, namespace)
    except SystemExit as error:
        return exit_status(error)
    except KeyboardInterrupt as error:
        show_exception(error, error.__traceback__.tb_next)
        return 130
    except BaseException as error:
        show_exception(error, error.__traceback__.tb_next)
        return 1
    return 0


def clear(namespace):
    """Drops a module's names in the interpreter's order, so that open files are flushed."""
    for name in list(namespace):
        if name[:1] == "_" and name[1:2] != "_" and name != "__builtins__":
            namespace[name] = None
    for name in list(namespace):
        if name != "__builtins__":
            namespace[name] = None


def flush_streams():
    failed = False
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except Exception:
            failed = True
    return failed


def finish(status, main, preloaded, guest):
    """Ends like the interpreter, without walking through everything that the zygote has loaded."""
    try:
        threading._shutdown()
    except BaseException as error:
        show_exception(error, error.__traceback__)
    atexit._run_exitfuncs()
    failed = flush_streams()
    sys.last_exc = sys.last_value = sys.last_traceback = None
    clear(main.__dict__)
    for name in [name for name in sys.modules if name not in preloaded]:
        module = sys.modules.get(name)
        # What came from the image only holds what it always holds; the workspace's is the user's.
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and path.startswith(WORKSPACE_NAMES):
            clear(module.__dict__)
    gc.collect()
    failed = flush_streams() or failed
    guest.flush()
    os._exit(120 if failed and status == 0 else status)


def read_exactly(fd, size):
    parts = []
    while size > 0:
        part = os.read(fd, size)
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def receive_program(guest):
    fields = (ctypes.c_uint64 * 6)()
    fd = guest.receive(SOCKET, fields)
    if fd < 0:
        os._exit(0)  # The server has let go of this sandbox.
    flags, text_bytes, parameter_bytes, tools_bytes, argument_count, variable_count = fields
    program = Program(read_exactly(fd, text_bytes), bool(flags & LAST_LINE_INTERACTIVE))
    if parameter_bytes:
        strings = [os.fsdecode(part) for part in read_exactly(fd, parameter_bytes).split(b"\0")]
        program.arguments = strings[:argument_count]
        program.environment = strings[argument_count : argument_count + variable_count]
        program.directory = strings[argument_count + variable_count]
    if flags & HAS_TOOLS:
        program.tools = read_exactly(fd, tools_bytes).decode("utf-8")
    os.close(fd)
    return program


def save_program(source, path):
    """For tracebacks with source lines and for modules that look at the main file."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except OSError:
        return  # A full workspace; the program runs without its file.
    try:
        while source:
            source = source[os.write(fd, source) :]
    except OSError:
        pass
    os.close(fd)


def remember_lines(program, path):
    """For tracebacks with source lines, where no file of the program lies among the user's files."""
    lines = program.text().splitlines(keepends=True)
    linecache.cache[path] = (len(program.source), None, lines, path)


def show_main_file(program, main):
    """Only /workspace has the file: those who see it as /mnt/data find nothing but their own there."""
    if program.directory == WORKSPACE:
        save_program(program.source, main.__file__)
    else:
        remember_lines(program, main.__file__)


def prepare_main(directory, arguments):
    """Makes the zygote look like a program's process, so that children have little left to change."""
    main = make_main_module()
    sys.modules["__main__"] = main
    name_program(main, directory, arguments)
    return main, frozenset(sys.modules)


def take_parameters(program, main):
    """What a new process would have found: environment, arguments and working directory."""
    for variable in program.environment:
        name, _, value = variable.partition("=")
        os.environ[name] = value
        if name == "TZ":
            time.tzset()
    if program.arguments or program.directory != WORKSPACE:
        os.chdir(program.directory)
        name_program(main, program.directory, program.arguments)


def started_with_hooks():
    """Whether the hooks of plots were set at the interpreter's start (site/sitecustomize.py)."""
    customization = sys.modules.get("sitecustomize")
    return getattr(customization, "__file__", "") == f"{GUEST_DIRECTORY}/site/sitecustomize.py"


def run_program(program, main):
    """The exit status. Where plots are wanted, their hooks end with the interpreter (atexit)."""
    if "CLOISTER_PLOTS" in os.environ and not started_with_hooks():
        guest_module("plots").install()
    if program.tools is not None:
        return guest_module("tools").run(program.text(), program.tools, main, main.__file__)
    return execute(program, main.__dict__, main.__file__)


def run_sandboxed(guest, main, preloaded):
    reseed()
    # Goes the way of a program once, while nobody waits: what it touches is then this process's own.
    execute(Program(b"0", False), {"__builtins__": builtins}, PROGRAM)
    program = receive_program(guest)
    take_parameters(program, main)
    show_main_file(program, main)
    status = run_program(program, main)
    finish(status, main, preloaded, guest)


def run_fresh(mode, directory, tools_path, *arguments):
    """One program in an interpreter of its own, which ends in the ordinary way."""
    main_module, _ = prepare_main(directory, arguments)
    with open(main_module.__file__, "rb") as file:
        program = Program(file.read(), mode == "interactive")
    program.directory = directory
    if directory != WORKSPACE:
        os.unlink(main_module.__file__)
        remember_lines(program, main_module.__file__)
    if tools_path:
        os.set_inheritable(SOCKET, False)
        with open(tools_path, encoding="utf-8") as file:
            program.tools = file.read()
        os.unlink(tools_path)
    sys.exit(run_program(program, main_module))


def main():
    if sys.argv[1] == "fresh":
        run_fresh(*sys.argv[2:])
    number = int(sys.argv[1])
    guest = Guest()
    os.close(4)
    os.close(LIBRARY)
    guest_module("plots")
    guest_module("tools")
    while True:
        sys.path[0] = "/cloister/none"  # Nothing is loaded from a workspace here.
        load(number)
        main_module, preloaded = prepare_main(WORKSPACE, [])
        check_single_threaded()
        gc.collect()
        gc.freeze()
        number = guest.serve(SOCKET)
        if number < 0:
            os._exit(1)
        if number == 0:
            run_sandboxed(guest, main_module, preloaded)


main()
