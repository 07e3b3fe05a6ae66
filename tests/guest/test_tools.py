"""Python programs with tools: src/runtimes/python/tools.py."""

import json
import time

from harness.tool_process import run

WEATHER = {
    "name": "get-weather",
    "description": "The weather.",
    "parameters": {
        "type": "object",
        "properties": {"units": {}, "city": {"type": "string"}, "from": {}},
        "required": ["city"],
    },
}


def echo(value):
    return value


def test_a_call_is_awaited_at_the_top_level(tmp_path):
    text = "w = await get_weather('Oslo', units=None)\nprint(w['temp'], get_weather.__doc__)"
    ended = run(tmp_path, text, {"get-weather": lambda _: {"temp": -3}}, [WEATHER])
    assert (ended.status, ended.stdout, ended.stderr) == (0, "-3 The weather.\n", "")
    assert ended.batches == [[("get-weather", {"city": "Oslo"})]]


def test_names_of_parameters_may_be_no_names_of_python(tmp_path):
    text = "await get_weather('a', from_tool=1)\nawait get_weather(**{'city': 'b', 'from': 2})"
    ended = run(tmp_path, text, {"get-weather": echo}, [WEATHER])
    inputs = [call[1] for batch in ended.batches for call in batch]
    assert inputs == [{"city": "a", "from": 1}, {"city": "b", "from": 2}], ended.stderr


def test_calls_that_are_made_together_are_one_batch(tmp_path):
    text = (
        "async def one(i):\n"
        "    first = await f(i=i)\n"
        "    return (await f(i=first['i'] + 100))['i']\n"
        "print(sum(await asyncio.gather(*[one(i) for i in range(25)])))"
    )
    ended = run(tmp_path, text, {"f": echo})
    assert ended.stdout == f"{sum(range(25)) + 2500}\n", ended.stderr
    assert [len(batch) for batch in ended.batches] == [25, 25]


def test_asyncio_run_works_where_nothing_is_awaited_at_the_top_level(tmp_path):
    text = (
        "async def main():\n    return await f(a=1)\nfor _ in range(2): print(asyncio.run(main()))"
    )
    ended = run(tmp_path, text, {"f": echo})
    assert ended.stdout == "{'a': 1}\n{'a': 1}\n", ended.stderr


def test_loops_of_several_threads_share_the_channel(tmp_path):
    text = (
        "import threading\n"
        "async def many(n): return await asyncio.gather(*[f(n=n) for _ in range(5)])\n"
        "threads = [threading.Thread(target=lambda n=n: asyncio.run(many(n))) for n in range(4)]\n"
        "for t in threads: t.start()\n"
        "for t in threads: t.join()\n"
        "print('all')"
    )
    ended = run(tmp_path, text, {"f": echo})
    assert ended.stdout == "all\n", ended.stderr
    assert sum(len(batch) for batch in ended.batches) == 20


def test_an_abandoned_call_does_not_block_later_ones(tmp_path):
    text = (
        "async def hasty():\n"
        "    try: await asyncio.wait_for(slow(), 0.01)\n"
        "    except asyncio.TimeoutError: print('too slow')\n"
        "async def calm(): print(await f(a=2))\n"
        "asyncio.run(hasty())\nasyncio.run(calm())"
    )
    ended = run(tmp_path, text, {"slow": lambda _: time.sleep(0.3), "f": echo})
    assert ended.stdout == "too slow\n{'a': 2}\n", ended.stderr


def test_output_comes_before_the_call_it_precedes(tmp_path):
    seen = []
    text = "sys.stdout = open('out', 'w')\nprint('before')\nawait look(path='out')\nprint('after')"
    tools = {"look": lambda value: seen.append((tmp_path / value["path"]).read_text())}
    ended = run(tmp_path, text, tools)
    assert seen == ["before\n"], ended.stderr


def test_results_that_are_json_are_parsed(tmp_path):
    results = iter(['{"a": 1}', "plain text", "[1", 5, None, "NaN", "12"])
    ended = run(
        tmp_path, "for _ in range(7): print(repr(await f()))", {"f": lambda _: next(results)}
    )
    expected = ["{'a': 1}", "'plain text'", "'[1'", "5", "None", "'NaN'", "12"]
    assert ended.stdout.splitlines() == expected, ended.stderr


def test_an_error_of_a_tool_is_raised(tmp_path):
    def fail(_):
        raise ValueError("no such city")

    text = (
        "try:\n    await f()\nexcept ToolExecutionError as error:\n    print('caught', error)\n\n"
        "async def deep():\n    return await f()\nawait deep()"
    )
    ended = run(tmp_path, text, {"f": fail})
    assert (ended.status, ended.stdout) == (1, "caught no such city\n")
    lines = [line.strip() for line in ended.stderr.splitlines()]
    main = tmp_path / "__main__.py"
    assert [line for line in lines if line.startswith("File")] == [
        f'File "{main}", line 8, in <module>',
        f'File "{main}", line 7, in deep',
    ]
    assert lines[-1].endswith("ToolExecutionError: no such city")


def test_wrong_arguments_are_errors_of_the_program(tmp_path):
    for call, message in [
        ("get_weather()", "missing a required argument: 'city'"),
        ("get_weather(city='a', town='b')", "unexpected keyword argument 'town'"),
        ("get_weather(city=object())", "a object cannot be an argument"),
        ("get_weather(city=float('nan'))", "not JSON compliant"),
        ("get_weather(city='\\ud800')", "surrogates not allowed"),
    ]:
        ended = run(tmp_path, f"\nawait {call}", {"get-weather": echo}, [WEATHER])
        assert ended.status == 1 and message in ended.stderr and "line 2" in ended.stderr
        assert ended.batches == []


def test_values_that_json_does_not_know(tmp_path):
    text = (
        "import datetime, pathlib\n"
        "await f(a={1}, b=datetime.date(2025, 1, 2), c=pathlib.Path('x'), d=(1, 2), e='\\u00e4\\u4e2d')"
    )
    ended = run(tmp_path, text, {"f": echo})
    expected = {"a": [1], "b": "2025-01-02", "c": "x", "d": [1, 2], "e": "ä中"}
    assert ended.batches == [[("f", expected)]], ended.stderr


def test_large_inputs_and_results(tmp_path):
    text = "print(len((await f(text='x' * 300_000))['text']))"
    ended = run(tmp_path, text, {"f": echo})
    assert ended.stdout == "300000\n", ended.stderr


def test_function_names(tmp_path):
    names = ["a b", "1x", "class", "x.y", "fetch-it", "fetch_it", "ünï"]
    text = "print(sorted(n for n, v in globals().items() if getattr(v, '__module__', 0) == '__main__'))"
    ended = run(tmp_path, text, dict.fromkeys(names, echo))
    expected = ["_1x", "a_b", "class_tool", "fetch_it", "fetch_it_2", "n", "xy"]
    assert ended.stdout == f"{expected}\n", ended.stderr


def test_names_that_need_no_import(tmp_path):
    text = "def f(x: Optional[List[Any]]) -> Dict: return json.dumps([sys.argv[1:], os.sep])\nprint(f([]))"
    ended = run(tmp_path, text, {"f1": echo}, arguments=["x"])
    assert json.loads(ended.stdout) == [["x"], "/"], ended.stderr


def test_modules_are_loaded_when_they_are_used(tmp_path):
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "pandas.py").write_text("value = 7\n")
    text = "print('pandas' in sys.modules, pd.value, 'pandas' in sys.modules, pd is sys.modules['pandas'])"
    ended = run(tmp_path, text, {"f": echo}, path=tmp_path / "modules")
    assert ended.stdout == "False 7 True True\n", ended.stderr


def test_exit_status(tmp_path):
    for text, status in [
        ("sys.exit(3)", 3),
        ("await f(); sys.exit(4)", 4),
        ("await f(); sys.exit()", 0),
        ("sys.exit('why')", 1),
        ("x = = 1", 1),
        ("1/0", 1),
        ("asyncio.create_task(f()); await asyncio.sleep(0)", 0),
    ]:
        assert run(tmp_path, text, {"f": echo}).status == status, text


def test_syntax_errors_have_the_lines_of_the_program(tmp_path):
    ended = run(tmp_path, "\n\nawait f(\n", {"f": echo})
    assert ended.status == 1 and "line 3" in ended.stderr and "tools.py" not in ended.stderr


def test_future_imports_stay_first(tmp_path):
    text = "from __future__ import annotations\ndef g(x: Nope): pass\nprint(await f(a=1))"
    assert run(tmp_path, text, {"f": echo}).stdout == "{'a': 1}\n"
