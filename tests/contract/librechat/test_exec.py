"""Section 3: POST /exec, at the root and under /v1."""

import pytest

from contract.librechat.librechat_api import NANOID, LibreChatApi, check_run


@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_both_paths(chat_server, prefix):
    client = LibreChatApi(chat_server.base_url, prefix)
    run = client.python("print(6 * 7)").ok()
    assert run.stdout == "42\n" and run.stderr == "" and run.files == []
    assert NANOID.fullmatch(run.session_id)
    client.close()


def test_answer_of_the_old_client_exactly(chat):
    """Nothing that a client reads is null."""
    body = chat.post_exec(lang="py", code="pass").json()
    assert body["stdout"] == "" and body["stderr"] == "" and body["files"] == []
    assert body["exit_code"] == 0 and isinstance(body["session_id"], str)


def test_unknown_fields_are_ignored(chat):
    run = chat.python(
        "print(1)",
        user_id="u1",
        entity_id="agent_1",
        LIBRECHAT_CODE_API_KEY="k",
        codeSessionKey="execute_code",
        runtime_session_hint="hint",
        something={"deep": [1, None]},
    )
    assert run.ok().stdout == "1\n"


def test_nulls_are_absent(chat):
    run = chat.python("print(1)", args=None, session_id=None, timeout=None, files=None, stdin=None)
    assert run.ok().stdout == "1\n"


def test_each_call_is_a_session_of_its_own(chat):
    first, second = chat.python("open('f', 'w')"), chat.python("import os\nprint(os.listdir())")
    assert first.session_id != second.session_id
    assert second.ok().stdout == "[]\n"


@pytest.mark.parametrize("session", ["chat-42", "a" * 128, "A_b-9", "x"])
def test_a_session_that_was_never_issued_is_made(chat, session):
    run = chat.bash("echo made > f.txt; ls", session_id=session).ok()
    assert run.session_id == session and run.stdout == "f.txt\n"
    assert chat.bash("cat f.txt", session_id=session).ok().stdout == "made\n"


@pytest.mark.parametrize(
    "session", ["../x", "a/b", ".", "..", "a b", "a.b", "é", "x" * 1000, "%2e%2e"]
)
def test_a_session_that_is_no_id_is_refused(chat, session):
    assert chat.post_exec(lang="py", code="1", session_id=session).status_code in (400, 422)


def test_args(chat):
    run = chat.python("import sys\nprint(sys.argv[1:])", args=["a b", "", "--x=ü", "*"])
    assert run.ok().stdout == "['a b', '', '--x=ü', '*']\n"


def test_args_as_one_string(chat):
    assert chat.python("import sys\nprint(sys.argv[1:])", args="one two").stdout in (
        "['one two']\n",
        "['one', 'two']\n",
    )


def test_stdin(chat):
    assert chat.python("print(input() + '!')", stdin="line ü\n").ok().stdout == "line ü!\n"
    assert chat.python("import sys\nprint(repr(sys.stdin.read()))").ok().stdout == "''\n"


def test_failure_is_200(chat):
    run = chat.python("print('before')\nraise ValueError('why')").failed()
    assert run.stdout == "before\n" and "ValueError: why" in run.stderr
    assert "line 2" in run.stderr


@pytest.mark.parametrize("code", [1, 3, 77, 255])
def test_exit_code(chat, code):
    assert chat.python(f"import sys\nsys.exit({code})").exit_code == code
    assert chat.bash(f"exit {code}").exit_code == code


def test_signal(chat):
    run = chat.python("import os\nos.kill(os.getpid(), 9)")
    assert run.exit_code == 137


def test_files_of_a_failed_run_come_back(chat):
    run = chat.python("open('part.txt', 'w').write('half')\n1 / 0").failed()
    assert chat.produced(run, "part.txt") == b"half"


# Time limits.


@pytest.mark.parametrize("timeout", [1, 1000])
def test_timeout_in_seconds_or_milliseconds(chat, timeout):
    """Below 1000 it is seconds; both of these are one second."""
    run = chat.python("import time\nprint('start', flush=True)\ntime.sleep(60)", timeout=timeout)
    assert run.exit_code == 124
    assert run.stdout == "start\n" and run.stderr.strip()


@pytest.mark.parametrize("timeout", [999, 999_999_999, 300, 300_000])
def test_timeout_is_clamped_to_the_most(chat, timeout):
    assert chat.python("print(1)", timeout=timeout).ok().stdout == "1\n"


def test_clamp(chat_factory):
    chat = chat_factory(CI_MAX_RUN_TIMEOUT_SECONDS=1)
    for fields in ({}, {"timeout": 30}, {"timeout": 30000}):
        run = chat.bash("echo a; sleep 60", **fields)
        assert (run.exit_code, run.stdout) == (124, "a\n"), fields


def test_timeout_ends_every_process(chat):
    run = chat.bash("(trap '' TERM; sleep 300) & trap '' TERM INT; sleep 300", timeout=1)
    assert run.exit_code == 124
    assert chat.bash("echo on", session_id=run.session_id).ok().stdout == "on\n"


def test_files_of_a_timeout_come_back(chat):
    run = chat.bash("echo kept > early.txt; sleep 60", timeout=1)
    assert run.exit_code == 124 and chat.produced(run, "early.txt") == b"kept\n"


# Output.


def test_more_than_64_kib_of_output(chat):
    """LibreChat reads pictures in pieces of 43.7 kB of text, and H keeps 65536 bytes."""
    run = chat.bash("head -c 65536 /dev/zero | tr '\\0' x").ok()
    assert run.stdout == "x" * 65536


def test_endless_output_is_cut_with_a_notice(chat):
    run = chat.bash("yes | head -c 30000000; echo end >&2").ok()
    assert run.stdout.startswith("y\ny\n") and 65000 <= len(run.stdout) < 30_000_000
    assert not run.stdout.endswith("y\n") and "truncated" in run.stdout[-200:]
    assert run.stderr == "end\n"


def test_bytes_that_are_no_text(chat):
    run = chat.bash("printf 'a\\377b\\000c'").ok()
    assert run.stdout == "a\ufffdb\0c"


def test_unicode(chat):
    assert chat.python("print('é漢😀\\u2028')").ok().stdout == "é漢😀\u2028\n"


def test_lone_surrogate_in_the_code(chat):
    answer = chat.post(
        "/exec",
        data=b'{"lang":"py","code":"print(1) # \\ud800"}',
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code in (200, 400, 422)


# The working directory.


def test_working_directory(chat):
    run = chat.bash(
        "pwd -P; pwd; cd /sandbox && ls; cd /workspace && ls; echo $HOME; touch /tmp/t ~/h"
    )
    lines = run.ok().stdout.splitlines()
    assert "/mnt/data" in lines[:2], lines
    assert run.files == []


def test_three_names_are_one_folder(chat):
    run = chat.bash(
        "echo 1 > /mnt/data/a; echo 2 > /sandbox/b; echo 3 > /workspace/c; cat a b c;"
        " cat /workspace/a /mnt/data/b /sandbox/c"
    ).ok()
    assert run.stdout == "1\n2\n3\n1\n2\n3\n"
    assert run.names == ["a", "b", "c"]


def test_home_is_writable_and_scratch(chat):
    first = chat.bash("echo x > ~/kept; echo y > /tmp/kept; pip --version >/dev/null 2>&1; echo $?")
    assert first.files == []
    second = chat.bash("ls -A ~ /tmp", session_id=first.session_id).ok()
    assert "kept" not in second.stdout


def test_no_leftovers_of_the_program_itself(chat):
    """Neither the text nor anything made of it is in the working directory."""
    for lang, code in (("py", "import os\nprint(os.listdir())"), ("bash", "ls -A | wc -l")):
        run = chat.exec(lang, code).ok()
        assert run.stdout in ("[]\n", "0\n") and run.files == []


def test_utilities_that_the_model_is_told_of(chat):
    wanted = "cat ls find grep sed awk base64 jq python3 head sort tr wc zip unzip tar"
    missing = chat.bash(f"for u in {wanted}; do command -v $u >/dev/null || echo $u; done").ok()
    assert missing.stdout == ""


def test_trailing_expression_prints_nothing(chat):
    assert chat.python("6 * 7").ok().stdout == ""


def test_variables_do_not_survive(chat):
    first = chat.python("kept = 1")
    run = chat.python("print('kept' in globals())", session_id=first.session_id)
    assert run.ok().stdout == "False\n"


def test_no_network(chat):
    run = chat.python(
        "import socket\ntry:\n    socket.create_connection(('1.1.1.1', 53), 2)\n"
        "except OSError as e:\n    print('refused')"
    )
    assert run.ok().stdout == "refused\n"


@pytest.mark.parametrize(
    "lang", ["py", "PY", "python", "Python3", "js", "JavaScript", "bash", "sh", "ts"]
)
def test_spelling_of_languages(chat, lang):
    programs = {"p": "print('hi')", "j": "console.log('hi')", "t": "console.log('hi')"}
    run = chat.exec(lang, programs.get(lang[0].lower(), "echo hi"))
    assert run.ok().stdout == "hi\n"


# What only some generations look at.


def test_profile_is_echoed(chat):
    for profile in ("default", "stateful"):
        answer = chat.post(
            "/exec",
            json={"lang": "bash", "code": "true"},
            headers={"X-CodeAPI-Expected-Profile": profile},
        )
        assert answer.status_code == 200
        assert answer.headers["x-codeapi-execution-profile"] == profile


def test_prewarm_call_of_stateful_clients(chat):
    run = chat.bash("true", runtime_session_hint="thread-1")
    assert run.ok().stdout == ""


def test_accept_encoding(chat):
    answer = chat.post(
        "/exec",
        json={"lang": "bash", "code": "echo zip"},
        headers={"Accept-Encoding": "gzip,deflate"},
    )
    assert check_run(answer.json()).stdout == "zip\n"


def test_helper_that_reads_a_picture(chat):
    """LibreChat's own: Python by a here-document prints one JSON object for each 32 KiB chunk."""
    entry = chat.upload("p.bin", bytes(range(256)) * 256)
    code = (
        "python3 - <<'PY'\nimport base64, json\n"
        "data = open('/mnt/data/p.bin', 'rb').read()\n"
        "print(json.dumps({'total': len(data), 'n': 32768,"
        " 'b64': base64.b64encode(data[:32768]).decode()}))\nPY\n"
    )
    run = chat.bash(code, files=[entry]).ok()
    assert run.stdout.startswith('{"total": 65536') and len(run.stdout) > 43690


def test_helper_that_writes_a_file(chat):
    code = (
        "python3 - <<'PY'\nimport os\nos.makedirs('/mnt/data/notes', exist_ok=True)\n"
        "open('/mnt/data/notes/a.md', 'w').write('text')\nprint('WROTE notes/a.md')\nPY\n"
    )
    run = chat.bash(code).ok()
    assert run.stdout == "WROTE notes/a.md\n" and run.names == ["notes/a.md"]
