"""Section 9: the real client runs code and bash, newest and one old generation."""

import pytest

from contract.librechat.agents_client import ClientError, Conversation
from contract.librechat.librechat_api import KEY
from harness import host

BEARER = {"Authorization": f"Bearer {KEY}"}
CREDENTIALS = {"new": {"headers": BEARER}, "old": {"key": KEY}}
GENERATIONS = ["new", "old"]
PROGRAMS = {
    "py": "import sys\nprint('hi', sys.argv[1:])",
    "js": "console.log('hi', process.argv.slice(2))",
    "ts": "const words: string[] = process.argv.slice(2); console.log('hi', words)",
}


@pytest.fixture(params=GENERATIONS)
def generation(request):
    return request.param


@pytest.fixture
def conversation(driver, generation):
    return Conversation(driver, generation, **CREDENTIALS[generation])


@pytest.mark.parametrize("lang", sorted(PROGRAMS))
def test_code(conversation, lang):
    answer = conversation.code(lang, PROGRAMS[lang], args=["a b"])
    assert answer["status"] == "success"
    assert answer["content"].startswith("stdout:\nhi [") and "'a b'" in answer["content"]
    assert "stderr" not in answer["content"] and "Generated files" not in answer["content"]
    assert len(answer["artifact"]["session_id"]) == 21


def test_empty_output(conversation):
    assert "stdout: Empty" in conversation.code("py", "pass")["content"]


def test_failure_is_shown_to_the_model(conversation):
    answer = conversation.code("py", "print('half')\n1 / 0")
    assert answer["status"] == "success"
    assert "stdout:\nhalf" in answer["content"]
    assert "ZeroDivisionError" in answer["content"] and "line 2" in answer["content"]


def test_bash(driver):
    conversation = Conversation(driver, headers=BEARER)
    answer = conversation.bash(
        "echo '{\"a\": 1}' | jq .a; python3 -c 'print(2)'; echo bad >&2; exit 3"
    )
    assert answer["status"] == "success"
    assert answer["content"].startswith("stdout:\n1\n2\n") and "stderr:\nbad" in answer["content"]


@pytest.mark.parametrize("profile", ["default", "stateful"])
def test_profiles(driver, profile):
    conversation = Conversation(driver, headers=BEARER, profile=profile)
    assert conversation.bash("echo 1")["content"] == "stdout:\n1"


def test_key_in_the_base_url(driver_factory, chat_server):
    """LibreChat turns it into Basic authorization without a colon; the client itself sends headers."""
    import base64

    headers = {"Authorization": "Basic " + base64.b64encode(KEY.encode()).decode()}
    driver = driver_factory(chat_server.base_url)  # At the root this time.
    assert Conversation(driver, headers=headers).bash("echo 1")["content"] == "stdout:\n1"


def test_timeout(chat_factory, driver_factory, generation):
    chat = chat_factory(CI_MAX_RUN_TIMEOUT_SECONDS=1)
    driver = driver_factory(chat.server.base_url)
    conversation = Conversation(driver, generation, **CREDENTIALS[generation])
    answer = conversation.code("py", "import time\nprint('half', flush=True)\ntime.sleep(60)")
    assert answer["status"] == "success" and "stdout:\nhalf" in answer["content"]
    assert "stderr:" in answer["content"]


# What the client makes of a refusal.


def refusal(conversation, tool="execute_code", **arguments):
    """The text that the model gets, or that the old client's tool throws."""
    try:
        answer = conversation.call(tool, **arguments)
    except ClientError as error:
        return str(error)
    assert answer["status"] == "error", answer
    return answer["content"]


def test_401(driver, generation):
    wrong = {"new": {"headers": {"Authorization": "Bearer wrong"}}, "old": {"key": "wrong"}}
    conversation = Conversation(driver, generation, **wrong[generation])
    text = refusal(conversation, lang="py", code="print(1)")
    assert "not authorized" in text if generation == "new" else "status: 401" in text


def test_unknown_reference(driver):
    missing = {"id": "x" * 21, "resource_id": "u", "kind": "user", "name": "a.csv"}
    missing["storage_session_id"] = "y" * 21
    conversation = Conversation(driver, headers=BEARER, files=[missing])
    assert "temporarily unavailable" in refusal(conversation, lang="py", code="print(1)")


def test_429(chat_factory, driver_factory, generation):
    """One slot, taken by a program that shows on the host that it runs."""
    chat = chat_factory(
        MAX_CONCURRENT_EXECUTIONS=1, CLOISTER_QUEUE_LENGTH=0, EXECUTION_RETRY_AFTER_SEC=7
    )
    driver = driver_factory(chat.server.base_url)
    conversation = Conversation(driver, generation, **CREDENTIALS[generation])
    holder = Conversation(driver, headers=BEARER).start("bash_tool", command="sleep 4243.5")
    host.wait_for_marker("4243.5")
    text = refusal(conversation, lang="py", code="print(1)")
    expected = "Retry after 7 seconds" if generation == "new" else "status: 429"
    assert expected in text
    driver.run("abort", call=holder.number)
    host.wait_until_marker_gone("4243.5")
    assert conversation.code("py", "print(1)")["content"] == "stdout:\n1"


def test_abort_ends_the_program(driver):
    conversation = Conversation(driver, headers=BEARER)
    pending = conversation.start("bash_tool", command="sleep 4244.5")
    host.wait_for_marker("4244.5")
    driver.run("abort", call=pending.number)
    host.wait_until_marker_gone("4244.5")
