"""Section 10: the real client answers the tool calls of programs."""

import json

import pytest

from contract.librechat.agents_client import ClientError, Conversation
from contract.librechat.librechat_api import KEY
from harness import host

BEARER = {"Authorization": f"Bearer {KEY}"}
CREDENTIALS = {"new": {"headers": BEARER}, "old": {"key": KEY}}
TOOLS = ["add", "get-weather", "say", "broken", "class"]
PYTHON, BASH = "run_tools_with_code", "run_tools_with_bash"


def opened(driver, generation="new", **options):
    driver.run("invocations")
    return Conversation(driver, generation, tools=TOOLS, **CREDENTIALS[generation], **options)


@pytest.fixture(params=["new", "old"])
def conversation(request, driver):
    return opened(driver, request.param)


def run(conversation, code, tool=PYTHON, **fields):
    answer = conversation.call(tool, code=code, **fields)
    assert answer["status"] == "success", answer
    return answer


def test_one_call(conversation, driver):
    answer = run(conversation, "w = await get_weather(city='Oslo')\nprint(w['temp'], w['text'])")
    assert answer["content"] == 'stdout:\n-3 snow "ü" 漢'
    assert driver.run("invocations") == [{"name": "get-weather", "input": {"city": "Oslo"}}]


def test_twenty_parallel_calls(conversation, driver):
    code = (
        "found = await asyncio.gather(*(add(a=i, b=1) for i in range(20)))\n"
        "print([x['sum'] for x in found])"
    )
    answer = run(conversation, code)
    assert answer["content"] == f"stdout:\n{list(range(1, 21))}"
    assert sorted(x["input"]["a"] for x in driver.run("invocations")) == list(range(20))


def test_a_hundred_parallel_calls_are_one_round_trip(conversation):
    """The client gives up after twenty."""
    code = "x = await asyncio.gather(*(add(a=i, b=1) for i in range(100)))\nprint(len(x))"
    assert run(conversation, code)["content"] == "stdout:\n100"


def test_twenty_round_trips(conversation, driver):
    code = (
        "n = 0\nfor i in range(20):\n    n = (await add(a=n, b=i))['sum']\n"
        "    open('log.txt', 'a').write(f'{n}\\n')\nprint(n, len(open('log.txt').readlines()))"
    )
    answer = run(conversation, code)
    assert answer["content"].startswith("stdout:\n190 20")
    assert len(driver.run("invocations")) == 20


def test_twenty_one_round_trips_are_too_many_for_the_client(conversation):
    code = "for i in range(21):\n    await add(a=1, b=i)"
    try:
        text = conversation.call(PYTHON, code=code)["content"]
    except ClientError as error:
        text = str(error)
    assert "Exceeded maximum round trips" in text


def test_output_is_given_once(conversation):
    code = "print('a')\nawait say(text='x')\nprint('b')\nawait say(text='y')\nprint('c')"
    assert run(conversation, code)["content"] == "stdout:\na\nb\nc"


def test_error_of_a_tool(conversation):
    code = (
        "try:\n    await broken(why='as told')\nexcept ToolExecutionError as e:\n    print(e)\n"
        "print((await add(a=1, b=1))['sum'])"
    )
    assert "broken: as told" in run(conversation, code)["content"]


def test_error_that_the_program_does_not_catch(conversation):
    try:
        text = conversation.call(PYTHON, code="await broken(why='not caught')")["content"]
    except ClientError as error:
        text = str(error)
    assert "broken: not caught" in text and "ToolExecutionError" in text


def test_names_that_are_no_identifiers(conversation):
    assert run(conversation, "print(await class_tool())")["content"] == "stdout:\na class"


def test_results_of_text(conversation):
    code = "print(repr(await say(text='plain')), repr(await say(text='{\"a\": [1]}')))"
    content = run(conversation, code)["content"]
    assert content == "stdout:\n'plain' {'a': [1]}"


def test_files_come_back(conversation, driver):
    code = "open('r.json', 'w').write(json.dumps(await add(a=1, b=2)))"
    answer = run(conversation, code)
    (entry,) = answer["artifact"]["files"]
    fetched = driver.download(entry["session_id"], entry["id"], headers=BEARER)
    assert json.loads(fetched) == {"sum": 3}


def test_files_go_on_to_the_next_tool(driver):
    conversation = opened(driver)
    run(conversation, "open('n.txt', 'w').write(str((await add(a=1, b=2))['sum']))")
    assert conversation.bash("cat n.txt")["content"] == "stdout:\n3"
    answer = run(conversation, 'add "{\\"a\\": $(cat n.txt), \\"b\\": 4}"', BASH)
    assert answer["content"].startswith('stdout:\n{"sum":7}')


# Bash.


def test_bash_calls(driver):
    conversation = opened(driver)
    code = (
        'set -u\nadd \'{"a": 1, "b": 2}\' | jq .sum\nget_weather \'{"city": "Oslo"}\' | jq -r .text\n'
        'broken \'{"why": "told"}\' || echo failed $?'
    )
    answer = run(conversation, code, BASH)
    assert answer["content"].startswith('stdout:\n3\nsnow "ü" 漢\nfailed ')
    assert "broken: told" in answer["content"]


def test_bash_background_jobs_are_batched(driver):
    conversation = opened(driver)
    code = (
        'for i in $(seq 25); do add "{\\"a\\": $i, \\"b\\": 0}" > out.$i & done\nwait\n'
        "cat out.* | jq -s 'map(.sum) | add'\nrm out.*"
    )
    assert run(conversation, code, BASH)["content"] == "stdout:\n325"
    assert len(driver.run("invocations")) == 25


def test_bash_round_trips(driver):
    conversation = opened(driver)
    code = (
        'n=0\nfor i in $(seq 20); do n=$(add "{\\"a\\": $n, \\"b\\": $i}" | jq .sum); done\necho $n'
    )
    assert run(conversation, code, BASH)["content"] == "stdout:\n210"


# Without tools the client uses plain /exec.


def test_program_without_tools(driver):
    conversation = opened(driver)
    answer = run(
        conversation,
        "await asyncio.sleep(0)\nprint('plain')",
        tool_manifest=[],
        timeout=5000,
    )
    assert answer["content"] == "stdout:\nplain"


def test_session_of_an_earlier_answer_is_sent_along(driver):
    conversation = opened(driver)
    conversation.bash("echo 1 > a.txt")
    answer = run(conversation, "print(open('a.txt').read())", tool_manifest=[])
    assert answer["content"].startswith("stdout:\n1")


# The end.


def test_time_limit(driver):
    conversation = opened(driver)
    answer = conversation.call(PYTHON, code="await say(text='x')\nwhile True: pass", timeout=1000)
    assert answer["status"] == "error"
    assert "Execution exceeded the time limit." in answer["content"]


def test_traceback_is_shown(driver):
    conversation = opened(driver)
    answer = conversation.call(PYTHON, code="x = await say(text='x')\n\n1 / 0")
    assert answer["status"] == "error"
    assert "ZeroDivisionError" in answer["content"] and "line 3" in answer["content"]


def test_401(driver):
    conversation = Conversation(driver, tools=TOOLS, headers={"Authorization": "Bearer wrong"})
    answer = conversation.call(PYTHON, code="await say(text='x')")
    assert answer["status"] == "error" and "not authorized" in answer["content"]


@pytest.mark.parametrize(
    "tool, code",
    [
        (PYTHON, "import subprocess\nawait say(text='x')\nsubprocess.run(['sleep', '{mark}'])"),
        (BASH, 'say \'{{"text": "x"}}\'\nsleep {mark}'),
    ],
)
def test_abort_ends_the_program(driver, tool, code):
    mark = {PYTHON: "4245.5", BASH: "4246.5"}[tool]
    conversation = opened(driver)
    pending = conversation.start(tool, code=code.format(mark=mark))
    host.wait_for_marker(mark)
    driver.run("abort", call=pending.number)
    host.wait_until_marker_gone(mark)
    assert run(conversation, "print((await add(a=1, b=1))['sum'])")["content"] == "stdout:\n2"
