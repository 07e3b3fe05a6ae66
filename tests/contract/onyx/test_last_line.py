"""Section 8.1: what the last line shows, and the defects of the original."""

import pytest

SHOWN = [
    ("1 + 1", "2\n"),
    ("'text'", "'text'\n"),
    ("None", ""),
    ("x = 3", ""),
    ("x = 3\nx", "3\n"),
    ("5\nx = 1", ""),
    ("5\n6", "6\n"),
    ("1; 2; 3", "3\n"),
    ("1; 2; 3;", "3\n"),
    ("7;", "7\n"),
    ("7  # seven", "7\n"),
    ("7\n\n# the end\n\n", "7\n"),
    ("print('a')", "a\n"),
    ("print('a')\n'b'", "a\n'b'\n"),
    ("if True:\n    5", ""),
    ("for i in range(2):\n    i", ""),
    ("with open('f', 'w') as f:\n    5", ""),
    ("try:\n    5\nfinally:\n    6", ""),
    ("def f():\n    return 5", ""),
    ("class C:\n    5", ""),
    ("f = open('f', 'w')\nf.write('ab')", "2\n"),
    ("(\n1,\n2\n)", "(1, 2)\n"),
    ("'''a\nb'''", "'a\\nb'\n"),
    ("'doc'\n", "'doc'\n"),
    ("[1,\n 2]", "[1, 2]\n"),
    ("lambda: 0\n3", "3\n"),
    ("(yield_ := 4)", "4\n"),
    ("'\u00e9\u6f22'", "'\u00e9\u6f22'\n"),
    ("...", "Ellipsis\n"),
]


@pytest.mark.parametrize("code, stdout", SHOWN)
def test_shown(api, code, stdout):
    outcome = api.execute(code, last_line_interactive=True)
    assert (outcome.stdout, outcome.stderr, outcome.exit_code) == (stdout, "", 0)


@pytest.mark.parametrize("code", ["1 + 1", "5\n6", "'doc'", "1; 2"])
def test_plain_script_shows_nothing(api, code):
    outcome = api.execute(code, last_line_interactive=False)
    assert (outcome.stdout, outcome.stderr, outcome.exit_code) == ("", "", 0)


def interactive(api, code):
    return api.execute(code, last_line_interactive=True)


def test_it_goes_through_displayhook(api):
    assert interactive(
        api, "import sys\nsys.displayhook = lambda v: print('<', v, '>')\n5"
    ).stdout == ("< 5 >\n")


def test_it_sets_the_underscore(api):
    code = (
        "import atexit, builtins\n" "atexit.register(lambda: print('then', builtins._))\n" "41 + 1"
    )
    assert interactive(api, code).stdout == "42\nthen 42\n"


def test_repr_that_raises(api):
    outcome = interactive(
        api, "class C:\n    def __repr__(self):\n        raise KeyError('no')\nprint('x')\nC()"
    )
    assert outcome.stdout == "x\n"
    assert outcome.exit_code == 1 and "KeyError" in outcome.stderr


def test_last_expression_that_raises(api):
    outcome = interactive(api, "print('before')\n1 / 0")
    assert outcome.stdout == "before\n"
    assert outcome.exit_code == 1
    assert outcome.stderr.rstrip().endswith("ZeroDivisionError: division by zero")


def test_last_expression_is_evaluated_once(api):
    outcome = interactive(api, "n = []\ndef f():\n    n.append(1)\n    return len(n)\nf()")
    assert outcome.stdout == "1\n"


@pytest.mark.parametrize("code", ["%matplotlib inline", "!ls", "await x", "?print"])
def test_no_ipython(api, code):
    outcome = interactive(api, code)
    assert outcome.exit_code == 1
    assert "SyntaxError" in outcome.stderr


ASSIGNED_NAMES = [
    "tree = 1",
    "ast = 1",
    "code = 1",
    "node = 1",
    "sys = None",
    "compile = None",
    "exec = None",
    "eval = None",
    "isinstance = None",
    "len = print = None",
    "__builtins__ = {}",
    "__name__ = 'other'",
    "import sys\nsys.modules.clear",
]


@pytest.mark.parametrize("line", ASSIGNED_NAMES)
def test_top_level_names_do_not_disturb_the_last_line(api, line):
    outcome = interactive(api, f"{line}\n3 + 4")
    assert (outcome.stdout, outcome.exit_code) == ("7\n", 0), outcome.stderr


@pytest.mark.parametrize(
    "shadow", ["def compile(*a): 1/0", "class exec: pass", "import json as ast"]
)
def test_shadowed_functions(api, shadow):
    assert interactive(api, f"{shadow}\n'ok'").ok().stdout == "'ok'\n"


def test_no_name_exists_before_the_program(api):
    code = "print(sorted(name for name in dir() if not name.startswith('__')))"
    assert interactive(api, code).stdout == "[]\n"
    for name in ("code", "tree", "node", "sys", "ast", "os"):
        outcome = interactive(api, f"print({name})")
        assert outcome.exit_code == 1
        assert f"NameError: name '{name}' is not defined" in outcome.stderr


def test_dunder_names_are_those_of_a_script(api):
    code = "print(sorted(name for name in dir() if name.startswith('__')))"
    usual = {
        "__annotations__",
        "__builtins__",
        "__cached__",
        "__doc__",
        "__file__",
        "__loader__",
        "__name__",
        "__package__",
        "__spec__",
    }
    assert set(eval(interactive(api, code).stdout)) <= usual  # pylint: disable=eval-used


def test_future_imports_reach_later_statements(api):
    code = (
        "from __future__ import annotations\n"
        "def f(x: not_defined_anywhere): pass\n"
        "f.__annotations__['x']"
    )
    assert interactive(api, code).ok().stdout == "'not_defined_anywhere'\n"


def test_docstring_of_the_module(api):
    assert interactive(api, "'the text'\n__doc__").ok().stdout == "'the text'\n"
    # The only statement is both the docstring and the last expression.
    assert interactive(api, "'the text'").ok().stdout == "'the text'\n"


COMPILER_ERRORS = [
    ("return 5", "'return' outside function"),
    ("x = 1\nfrom __future__ import annotations", "from __future__ imports must occur"),
    ("break", "'break' outside loop"),
    ("yield 1", "'yield' outside function"),
    ("def f():\n    nonlocal x", "no binding for nonlocal"),
    ("x = (", "was never closed"),
    ("if True:\nprint(1)", "IndentationError"),
    ("class", "invalid syntax"),
]


@pytest.mark.parametrize("line, message", COMPILER_ERRORS)
@pytest.mark.parametrize("mode", [True, False])
def test_nothing_runs_before_a_syntax_error(api, line, message, mode):
    outcome = api.execute(f"print('ran')\n{line}", last_line_interactive=mode)
    assert outcome.stdout == ""
    assert outcome.exit_code == 1
    assert message in outcome.stderr
    assert 'File "/workspace/__main__.py", line ' in outcome.stderr
    assert (
        outcome.stderr.rstrip().splitlines()[-1].startswith(("SyntaxError: ", "IndentationError: "))
    )


@pytest.mark.parametrize("mode", [True, False])
def test_nul_in_code_is_a_syntax_error_of_the_program(api, mode):
    outcome = api.execute("print('ran')\n\0", last_line_interactive=mode)
    assert outcome.stdout == ""
    assert outcome.exit_code == 1
    assert "null byte" in outcome.stderr.lower()


@pytest.mark.parametrize("mode", [True, False])
def test_traceback_has_file_lines_and_no_foreign_frames(api, mode):
    code = "def outer():\n    inner()\n\ndef inner():\n    raise ValueError('why')\n\nouter()"
    outcome = api.execute(code, last_line_interactive=mode)
    assert outcome.exit_code == 1
    lines = [
        line
        for line in outcome.stderr.splitlines()
        if line.strip() and set(line.strip()) - set("^~")
    ]
    assert lines == [
        "Traceback (most recent call last):",
        '  File "/workspace/__main__.py", line 7, in <module>',
        "    outer()",
        '  File "/workspace/__main__.py", line 2, in outer',
        "    inner()",
        '  File "/workspace/__main__.py", line 5, in inner',
        "    raise ValueError('why')",
        "ValueError: why",
    ]


def test_chained_exceptions_are_shown(api):
    code = "try:\n    1/0\nexcept ZeroDivisionError as e:\n    raise RuntimeError('outer') from e"
    stderr = interactive(api, code).stderr
    assert "ZeroDivisionError" in stderr and "direct cause" in stderr
    assert stderr.rstrip().endswith("RuntimeError: outer")


def test_statements_after_an_exception_do_not_run(api):
    outcome = interactive(api, "print(1)\nraise KeyError('x')\nprint(2)\n3")
    assert outcome.stdout == "1\n"
    assert outcome.stderr.rstrip().endswith("KeyError: 'x'")


def test_source_encoding_and_line_ends(api):
    assert interactive(api, "x = 1\r\ny = 2\r\nx + y\r\n").ok().stdout == "3\n"
    assert interactive(api, "# -*- coding: latin-1 -*-\nprint('\u00e9')").ok().stdout == "\u00e9\n"
    assert interactive(api, "'a\u2028b\x0c'").ok().stdout == "'a\\u2028b\\x0c'\n"
