"""Section 10: programs that call tools, over plain HTTP."""

import pytest

from contract.librechat.librechat_api import check_error, reference
from contract.librechat.programs import PATH, SAY, Program, tool


@pytest.fixture
def start(chat):
    return lambda code, **options: Program(chat, code, **options)


# Python.


def test_one_round(start):
    program = start("x = await add(a=1, b=2)\nprint(x['sum'])")
    (call,) = program.calls()
    assert call["name"] == "add" and call["input"] == {"a": 1, "b": 2}
    assert isinstance(call["id"], str) and call["id"].startswith("call_")
    done = program.answer({"sum": 3}).completed()
    assert (done["stdout"], done["stderr"], done["files"]) == ("3\n", "", [])


def test_a_program_that_calls_nothing(start):
    assert start("print('plain')").completed()["stdout"] == "plain\n"


def test_gathered_calls_are_one_batch(start):
    program = start("print(await asyncio.gather(*(add(a=i, b=0) for i in range(50))))")
    calls = program.calls()
    assert [call["input"]["a"] for call in calls] == list(range(50))
    assert len({call["id"] for call in calls}) == 50
    assert program.answer(*range(50)).completed()["stdout"] == f"{list(range(50))}\n"


def test_results_may_come_in_any_order(start):
    program = start("print(await asyncio.gather(add(a=1, b=0), add(a=2, b=0)))")
    first, second = program.calls()
    results = [{"call_id": second["id"], "result": "two", "is_error": False}]
    results += [{"call_id": first["id"], "result": "one", "is_error": False}]
    program.send({"continuation_token": program.token(), "tool_results": results})
    assert program.completed()["stdout"] == "['one', 'two']\n"


def test_side_effects_happen_once(start):
    code = (
        "with open('log', 'a') as f: f.write('x')\nawait say(text='1')\n"
        "with open('log', 'a') as f: f.write('y')\nawait say(text='2')\nprint(open('log').read())"
    )
    program = start(code).answer("a").answer("b")
    assert program.completed()["stdout"] == "xy\n"


def test_whole_output_is_in_the_end(start):
    """The client shows the last answer's text only."""
    program = start(
        "print('a')\nawait say(text='x')\nprint('b')\nimport sys\nprint('e', file=sys.stderr)"
    )
    assert program.state["partial_stdout"] == "a\n"
    done = program.answer(1).completed()
    assert (done["stdout"], done["stderr"]) == ("a\nb\n", "e\n")


def test_names_in_scope(start):
    code = (
        "print(asyncio.__name__, json.dumps([1]), os.sep, sys.argv is not None, Any, Dict, List,"
        " Optional, ToolExecutionError.__name__, pd.DataFrame.__name__, np.zeros(1))"
    )
    assert start(code).completed()["stdout"].startswith("asyncio [1] / True typing.Any")


def test_positional_arguments_and_none(start):
    optional = {
        "name": "search",
        "description": "",
        "parameters": {
            "type": "object",
            "properties": {"limit": {"type": "number"}, "query": {"type": "string"}},
            "required": ["query"],
        },
    }
    program = start("await search('q', None)\nawait search('q', 3)", tools=[optional])
    assert program.calls()[0]["input"] == {"query": "q"}
    assert program.answer(0).calls()[0]["input"] == {"query": "q", "limit": 3}
    program.answer(0).completed()


@pytest.mark.parametrize(
    "name, function",
    [
        ("get-weather", "get_weather"),
        ("get weather", "get_weather"),
        ("a.b!c", "abc"),
        ("3d", "_3d"),
        ("class", "class_tool"),
        ("lambda", "lambda_tool"),
        ("été", "t"),
    ],
)
def test_python_names(start, name, function):
    program = start(f"print(await {function}(text='x'))", tools=[tool(name, text="string")])
    assert program.calls()[0]["name"] == name
    assert program.answer("y").completed()["stdout"] == "y\n"


@pytest.mark.parametrize(
    "result, shown",
    [
        ({"a": [1, None, True]}, "{'a': [1, None, True]}"),
        ('{"a": 1}', "{'a': 1}"),
        ("[1, 2]", "[1, 2]"),
        ("plain ü 漢", "'plain ü 漢'"),
        ("", "''"),
        (None, "None"),
        (1.5, "1.5"),
        ("{broken", "'{broken'"),
    ],
)
def test_results(start, result, shown):
    program = start("print(repr(await say(text='x')))")
    assert program.answer(result).completed()["stdout"] == shown + "\n"


def test_large_result(start):
    text = "x" * 3_000_000
    program = start("print(len(await say(text='x')))")
    assert program.answer(text).completed()["stdout"] == "3000000\n"


def test_large_input(start):
    program = start("await say(text='ü' * 1_000_000)")
    assert program.calls()[0]["input"]["text"] == "ü" * 1_000_000
    program.answer(0).completed()


def test_error_of_a_tool(start):
    program = start(
        "try:\n    await say(text='x')\nexcept ToolExecutionError as e:\n    print('got', e)"
    )
    assert "got" in program.answer(RuntimeError("the why")).completed()["stdout"]
    program = start("await say(text='x')")
    failed = program.answer(RuntimeError("the why")).failed()
    assert "the why" in failed["stderr"] and failed["error"] == "Sandbox exited with code 1"


def test_traceback_has_the_lines_of_the_text(start):
    failed = start("print(1)\nx = 0\n1 / x").failed()
    assert "line 3" in failed["stderr"] and "ZeroDivisionError" in failed["stderr"]
    failed = start("print(1)\nif True print(2)").failed()
    assert "line 2" in failed["stderr"] and "SyntaxError" in failed["stderr"]


def test_strings_of_many_lines_are_kept(start):
    code = 'x = """a\n b\n"""\nprint(repr(x))\nawait say(text=x)'
    program = start(code)
    assert program.state["partial_stdout"] == "'a\\n b\\n'\n"
    program.answer(1).completed()


def test_exit_code(start):
    failed = start("print('half')\nsys.exit(3)").failed()
    assert failed["error"] == "Sandbox exited with code 3" and failed["stdout"] == "half\n"


def test_program_that_asks_for_a_tool_it_was_not_given(start):
    failed = start("await missing(text='x')").failed()
    assert "NameError" in failed["stderr"]


# Files and sessions.


def test_files(start, chat):
    entry = chat.upload("in.txt", "data")
    code = "t = open('in.txt').read()\nr = await say(text=t)\nopen('out.txt', 'w').write(r)"
    program = start(code, files=[reference(entry)])
    done = program.answer("result").completed()
    names = {e["name"]: e for e in done["files"]}
    assert set(names) == {"in.txt", "out.txt"} and names["in.txt"]["inherited"] is True
    assert chat.fetch(names["out.txt"]) == b"result"
    assert chat.bash("cat out.txt", files=[reference(names["out.txt"])]).ok().stdout == "result"


def test_unknown_reference(chat):
    body = {"code": "1", "tools": [SAY], "files": [{"id": "x" * 21, "session_id": "s"}]}
    check_error(chat.post(PATH, json=body), 404)


def test_session(start, chat):
    program = start("open('a.txt', 'w').write('1')", session_id="tools-1")
    assert program.completed()["session_id"] == "tools-1"
    assert chat.bash("cat a.txt", session_id="tools-1").ok().stdout == "1"


def test_a_paused_program_lets_others_have_its_session(start, chat):
    program = start("await say(text='x')\nopen('late.txt', 'w').write('1')", session_id="let-others")
    program.calls()
    assert chat.bash("echo 2 > early.txt; ls", session_id="let-others").ok().stdout == "early.txt\n"
    program.answer("go on").completed()
    after = chat.bash("cat early.txt late.txt", session_id="let-others").ok()
    assert after.stdout == "2\n1"


def test_plot(start, chat):
    code = "import matplotlib.pyplot as plt\nplt.plot(await say(text='x'))\nplt.show()"
    (entry,) = start(code).answer([1, 2]).completed()["files"]
    assert entry["name"] == "plot_1.png" and chat.fetch(entry).startswith(b"\x89PNG")


# Bash.


@pytest.mark.parametrize("field", [{"lang": "bash"}, {"language": "bash"}, {"lang": "Bash"}])
def test_bash(start, field):
    program = start('r=$(say \'{"text": "x"}\')\necho "$r" | jq .a', **field)
    (call,) = program.calls()
    assert (call["name"], call["input"]) == ("say", {"text": "x"})
    assert program.answer({"a": 1}).completed()["stdout"] == "1\n"


def test_bash_results_are_compact(start):
    program = start('say \'{"text": "x"}\'', lang="bash")
    assert program.answer({"a": [1, "ü"]}).completed()["stdout"].strip() == '{"a":[1,"ü"]}'


def test_bash_text(start):
    program = start('say \'{"text": "x"}\'', lang="bash")
    assert program.answer("plain").completed()["stdout"].strip() in ("plain", '"plain"')


def test_bash_error(start):
    program = start('say \'{"text": "x"}\' || echo failed', lang="bash")
    done = program.answer(RuntimeError("the why")).completed()
    assert done["stdout"].strip() == "failed" and "the why" in done["stderr"]


def test_bash_background_jobs_are_one_batch(start):
    code = (
        'for i in 1 2 3 4 5 6; do say "{\\"text\\": \\"$i\\"}" > o.$i & done\nwait\ncat o.*\nrm o.*'
    )
    program = start(code, lang="bash")
    calls = program.calls()
    assert sorted(call["input"]["text"] for call in calls) == list("123456")
    done = program.answer(*[int(call["input"]["text"]) for call in calls]).completed()
    assert done["stdout"].split() == list("123456")


def test_bash_prefix_of_the_newest_client(start):
    program = start(': &\nwait "$!"\nset -u\nsay \'{"text": "x"}\'', lang="bash")
    assert program.answer(1).completed()["stdout"] == "1\n"


@pytest.mark.parametrize(
    "name, function", [("a.b", "a_b"), ("get-it", "get_it"), ("if", "if_tool"), ("3d", "_3d")]
)
def test_bash_names(start, name, function):
    program = start(f"{function} '{{}}'", lang="bash", tools=[tool(name)])
    assert program.calls()[0]["name"] == name
    program.answer(1).completed()


def test_bash_exit_code(start):
    assert start("echo a; exit 4", lang="bash").failed()["error"] == "Sandbox exited with code 4"
