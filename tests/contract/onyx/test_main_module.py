"""Section 8.1: the program is an ordinary main module, in both modes."""

import pytest


@pytest.fixture(params=[True, False], ids=["interactive", "script"])
def run(api, request):
    def run_in_mode(code, **fields):
        return api.execute(code, last_line_interactive=request.param, **fields)

    return run_in_mode


def test_name_and_file(run):
    outcome = run("import sys\nprint(__name__, __file__, sys.argv, sys.path[0])").ok()
    assert outcome.stdout == (
        "__main__ /workspace/__main__.py ['/workspace/__main__.py'] /workspace\n"
    )


def test_main_is_importable_and_is_the_program(run):
    assert run("import __main__\nx = 5\nprint(__main__.x)").ok().stdout == "5\n"
    assert (
        run("import sys\nprint(sys.modules['__main__'].__dict__ is globals())").stdout == "True\n"
    )


def test_pickling_of_own_classes(run):
    code = (
        "import pickle\nclass C:\n    def __init__(self): self.x = 3\n"
        "print(pickle.loads(pickle.dumps(C())).x)"
    )
    assert run(code).ok().stdout == "3\n"


def test_dataclasses_and_type_hints(run):
    code = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\nimport typing\n"
        "@dataclass\nclass P:\n    x: int\n    y: P | None = None\n"
        "print(P(1, P(2)), typing.get_type_hints(P)['x'])"
    )
    assert run(code).ok().stdout == "P(x=1, y=P(x=2, y=None)) <class 'int'>\n"


def test_inspect_finds_the_source(run):
    code = "import inspect\ndef f():\n    return 1\nprint(inspect.getsource(f))"
    assert run(code).ok().stdout == "def f():\n    return 1\n\n"


def test_file_holds_the_program(run):
    code = "print(open(__file__).read(), end='')"
    assert run(code).ok().stdout == code


def test_streams_are_not_terminals(run):
    code = "import sys\nprint([s.isatty() for s in (sys.stdin, sys.stdout, sys.stderr)])"
    assert run(code).ok().stdout == "[False, False, False]\n"


def test_stdout_is_unbuffered_utf8(run):
    code = (
        "import sys, os\nsys.stdout.write('a')\nos.write(1, b'b')\nsys.stdout.write('c')\n"
        "print(sys.stdout.encoding)"
    )
    assert run(code).ok().stdout == "abcutf-8\n"


def test_staged_modules_import(run, api):
    module = api.upload(b"def answer():\n    return 42\n", "helper.py")
    outcome = run(
        "import helper, pkg.inner\nprint(helper.answer(), pkg.inner.answer(), helper.__file__)",
        files=[
            {"path": "helper.py", "file_id": module},
            {"path": "pkg/__init__.py", "file_id": api.upload(b"")},
            {"path": "pkg/inner.py", "file_id": module},
        ],
    ).ok()
    assert outcome.stdout == "42 42 /workspace/helper.py\n"
    # No byte code is left behind.
    assert outcome.files == []


def test_local_module_shadows_the_library(run, api):
    """sys.path[0] comes first, also for what the interpreter may have loaded before."""
    outcome = run(
        "import colorsys\nprint(colorsys.mine)",
        files=[{"path": "colorsys.py", "file_id": api.upload(b"mine = 1\n")}],
    )
    assert outcome.ok().stdout == "1\n"


EXITS = [
    ("import sys\nsys.exit()", 0, ""),
    ("import sys\nsys.exit(None)", 0, ""),
    ("import sys\nsys.exit(0)", 0, ""),
    ("import sys\nsys.exit(3)", 3, ""),
    ("import sys\nsys.exit(True)", 1, ""),
    ("import sys\nsys.exit(255)", 255, ""),
    ("import sys\nsys.exit(256)", 0, ""),
    ("import sys\nsys.exit(-1)", 255, ""),
    ("import sys\nsys.exit('text')", 1, "text\n"),
    ("import sys\nsys.exit((1, 2))", 1, "(1, 2)\n"),
    ("raise SystemExit", 0, ""),
    ("raise SystemExit(4)", 4, ""),
    ("exit(5)", 5, ""),
    ("quit(6)", 6, ""),
    ("import os\nos._exit(7)", 7, ""),
    ("def f():\n    raise SystemExit(8)\nf()", 8, ""),
]


@pytest.mark.parametrize("code, status, stderr", EXITS)
def test_exit_variants(run, code, status, stderr):
    outcome = run(f"print('out')\n{code}\nprint('not reached')")
    assert (outcome.stdout, outcome.stderr, outcome.exit_code) == ("out\n", stderr, status)


def test_exit_inside_the_last_expression(api):
    outcome = api.execute("import sys\n[1, sys.exit(9)]", last_line_interactive=True)
    assert (outcome.stdout, outcome.exit_code) == ("", 9)


def test_file_left_open_is_written_at_exit(run, api):
    outcome = run("f = open('left.txt', 'w')\nf.write('not flushed') and None").ok()
    assert api.output(outcome, "left.txt") == b"not flushed"


def test_file_left_open_is_written_at_sys_exit_and_exception(run, api):
    for ending in ("import sys; sys.exit(3)", "raise ValueError"):
        outcome = run(f"f = open('left.txt', 'w')\nf.write('abc')\n{ending}")
        assert outcome.exit_code in (1, 3)
        assert api.output(outcome, "left.txt") == b"abc"


def test_atexit_handlers_run(run):
    code = "import atexit\natexit.register(print, 'bye')\nprint('hi')"
    assert run(code).ok().stdout == "hi\nbye\n"
    assert run(f"{code}\nraise SystemExit(2)").stdout == "hi\nbye\n"


def test_threads_are_joined(run):
    code = (
        "import threading, time\n"
        "def work():\n    time.sleep(0.3)\n    print('thread done')\n"
        "threading.Thread(target=work).start()\nprint('main done')"
    )
    assert run(code).ok().stdout == "main done\nthread done\n"


def test_daemon_threads_are_not_waited_for(run):
    code = (
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\nprint('done')"
    )
    outcome = run(code).ok()
    assert outcome.stdout == "done\n"
    assert outcome.duration_ms < 20000


def test_exception_in_a_thread(run):
    outcome = run("import threading\nt = threading.Thread(target=lambda: 1/0)\nt.start()\nt.join()")
    assert outcome.exit_code == 0
    assert "ZeroDivisionError" in outcome.stderr


def test_finalizers_and_excepthook(run):
    code = (
        "import sys\nclass C:\n    def __del__(self): print('gone')\nc = C()\n"
        "sys.excepthook = lambda *a: print('hook', a[0].__name__)\nraise KeyError"
    )
    outcome = run(code)
    assert outcome.stdout.startswith("hook KeyError\n")
    assert outcome.exit_code == 1 and outcome.stderr == ""


def test_keyboard_interrupt(run):
    outcome = run("raise KeyboardInterrupt")
    assert outcome.exit_code in (1, 130)
    assert "KeyboardInterrupt" in outcome.stderr


def test_signals_have_their_usual_handlers(run):
    code = (
        "import signal, os\n"
        "print(signal.getsignal(signal.SIGINT) is signal.default_int_handler,\n"
        "      signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,\n"
        "      signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL)\n"
        "print(len(signal.pthread_sigmask(signal.SIG_BLOCK, [])))\n"
        "print(os.waitstatus_to_exitcode(os.system('exit 3')))"
    )
    assert run(code).ok().stdout == "True True True\n0\n3\n"


def test_interpreter_flags_are_the_default(run):
    code = (
        "import sys\nf = sys.flags\n"
        "print(f.optimize, f.isolated, f.no_site, f.interactive, f.verbose, sys.dont_write_bytecode)\n"
        "assert True\nprint(__debug__, hasattr(sys, 'ps1'))"
    )
    assert run(code).ok().stdout == "0 0 0 0 0 True\nTrue False\n"


def test_recursion_error_is_an_exception(run):
    outcome = run("def f(): return f()\ntry:\n    f()\nexcept RecursionError:\n    print('caught')")
    assert outcome.ok().stdout == "caught\n"


def test_asyncio_and_subprocess_work(run):
    code = (
        "import asyncio, subprocess, sys\n"
        "async def main():\n    await asyncio.sleep(0)\n    return 5\n"
        "print(asyncio.run(main()))\n"
        "print(subprocess.run([sys.executable, '-c', 'print(6)'], capture_output=True).stdout)"
    )
    assert run(code).ok().stdout == "5\nb'6\\n'\n"


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing(run, method):
    code = (
        "import multiprocessing as mp\ndef square(x):\n    return x * x\n"
        "if __name__ == '__main__':\n"
        f"    with mp.get_context('{method}').Pool(2) as pool:\n"
        "        print(pool.map(square, [1, 2, 3]))"
    )
    assert run(code).ok().stdout == "[1, 4, 9]\n"
