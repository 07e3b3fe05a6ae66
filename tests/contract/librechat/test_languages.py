"""Section 7: every language, each through the same tasks."""

import re
import threading
import time
import uuid

import pytest

from contract.librechat.librechat_api import reference
from harness.languages import BY_NAME, LANGUAGES

ARGUMENTS = ["a b", "-n", "--x=1", "ü*"]
COMPILED = [language for language in LANGUAGES if language.is_compiled]
# A line that a program of that language may end with, so that no cache knows the text.
COMMENTS = {"bash": "#", "python": "#", "r": "#", "ruby": "#", "perl": "#"}
COMMENTS |= {"lua": "--", "fortran": "!"}


@pytest.fixture(params=LANGUAGES, ids=str)
def language(request):
    return request.param


def run(api, language, task, **fields):
    return api.exec(language.codes[0], language.program(task), **fields)


def unseen(language, task):
    """The program with an ending that it never had before."""
    mark = COMMENTS.get(language.name, "//")
    return language.program(task).rstrip("\n") + f"\n{mark} {uuid.uuid4()}\n"


def test_hello(full, language):
    answer = run(full, language, "hello").ok()
    assert (answer.stdout, answer.stderr, answer.files) == ("hello\n", "", [])


def test_codes(full, language):
    for code in language.codes:
        for spelling in (code, code.upper()):
            assert full.exec(spelling, language.program("hello")).ok().stdout == "hello\n"


def test_args(full, language):
    answer = run(full, language, "args", args=ARGUMENTS).ok()
    assert answer.stdout == "".join(f"[{word}]\n" for word in ARGUMENTS)


def test_no_args(full, language):
    assert run(full, language, "args").ok().stdout == ""


def test_stdin(full, language):
    answer = run(full, language, "stdin", stdin="one\ntwo three\nü\n").ok()
    assert answer.stdout == "one.\ntwo three.\nü.\n"


def test_no_stdin(full, language):
    assert run(full, language, "stdin").ok().stdout == ""


def test_a_file_in_and_a_file_out(full, language):
    entry = full.upload("in.txt", "abc\n")
    answer = run(full, language, "file", files=[reference(entry)]).ok()
    assert answer.names == ["in.txt", "out.txt"] and answer.new_names == ["out.txt"]
    assert full.produced(answer, "out.txt") == b"abc\nabc\n"


def test_several_files(full, language):
    entry = full.upload(language.helper, language.helper_text())
    answer = run(full, language, "parts", files=[reference(entry)]).ok()
    assert answer.stdout == "helped\n" and answer.new_names == []


def test_a_changed_helper_counts(full, language):
    """What a compiler made of the old one is not used."""
    program = unseen(language, "parts")
    for word in ("helped", "changed"):
        text = language.helper_text().replace("helped", word)
        entry = full.upload(language.helper, text)
        answer = full.exec(language.codes[0], program, files=[reference(entry)]).ok()
        assert answer.stdout == word + "\n"


def test_error_in_the_text(full, language):
    """The text is as the client sent it, so the third line is the third line."""
    answer = run(full, language, "broken").failed()
    assert re.search(language.broken_line, answer.stderr), answer.stderr
    if language.is_checked_first:
        assert answer.stdout == ""
    assert answer.files == []


def test_crash(full, language):
    answer = run(full, language, "crash").failed()
    assert answer.exit_code != 124
    assert language.crash in answer.stderr, answer.stderr
    if language.name in ("bash", "c"):
        assert answer.exit_code == 139


CRASH_LINES = {"python": 2, "javascript": 2, "typescript": 5, "java": 4, "go": 5, "rust": 3}
CRASH_LINES |= {"php": 4, "ruby": 2, "perl": 1, "lua": 2}


@pytest.mark.parametrize("name", sorted(CRASH_LINES))
def test_line_of_a_crash(full, name):
    answer = run(full, BY_NAME[name], "crash").failed()
    assert re.search(rf"(line |[:(]){CRASH_LINES[name]}\b", answer.stderr), answer.stderr


def test_timeout(full, language):
    answer = run(full, language, "forever", timeout=2).failed()
    assert answer.exit_code == 124
    assert answer.stdout in ("started\n", "")  # Text in a buffer of the program's is lost.
    assert answer.stderr.strip()


@pytest.mark.timeout(300)
def test_memory_bomb(full_server, full, language):
    """It fails by itself or is killed; neighbours and server do not notice."""
    failures, count, done = [], [], threading.Event()

    def neighbour():
        client = type(full)(full_server.base_url)
        while not done.is_set():
            answer = client.python("print(bytes(50 << 20).count(0))")
            if (answer.exit_code, answer.stdout) != (0, f"{50 << 20}\n"):
                failures.append(vars(answer))
            count.append(1)
        client.close()

    thread = threading.Thread(target=neighbour)
    thread.start()
    try:
        answer = run(full, language, "memory", timeout=25)
    finally:
        done.set()
        thread.join()
    assert answer.exit_code not in (0, 124), vars(answer)
    assert answer.stderr.strip()
    assert count and not failures, failures[:1]
    assert run(full, language, "hello").ok().stdout == "hello\n"


@pytest.mark.parametrize("language", COMPILED, ids=str)
def test_second_run_is_faster(full, language):
    """The compiler's result is kept: the fastest of three later runs is faster than the first."""
    code = unseen(language, "hello")

    def timed():
        begin = time.monotonic()
        assert full.exec(language.codes[0], code).ok().stdout == "hello\n"
        return time.monotonic() - begin

    first = timed()
    later = min(timed() for _ in range(3))
    assert later < first, (later, first)


@pytest.mark.parametrize("language", COMPILED, ids=str)
def test_second_run_equals_the_first(full, language):
    code = unseen(language, "args")
    for words in (["1"], ["2", "3"]):
        answer = full.exec(language.codes[0], code, args=words).ok()
        assert answer.stdout == "".join(f"[{word}]\n" for word in words)


@pytest.mark.parametrize("language", COMPILED, ids=str)
def test_a_kept_program_fails_as_it_did_at_first(full, language):
    code = unseen(language, "crash")
    first, second = (full.exec(language.codes[0], code) for _ in range(2))
    assert (first.exit_code, first.stdout) == (second.exit_code, second.stdout)
    assert language.crash in second.stderr


def test_program_leaves_nothing_in_the_folder(full, language):
    answer = run(full, language, "hello").ok()
    assert full.bash("ls -A", session_id=answer.session_id).ok().stdout == ""


def test_session_changes_its_language(full):
    """Files stay over all of them."""
    session = full.upload("in.txt", "x\n")["session_id"]
    for language in LANGUAGES:
        run(full, language, "file", session_id=session).ok()
    assert full.bash("cat out.txt", session_id=session).ok().stdout == "x\nx\n"


# Java, whose files have to be named after their classes elsewhere.


@pytest.mark.parametrize("task", ["hello", "main_further_down"])
def test_java_names(full, task):
    assert run(full, BY_NAME["java"], task).ok().stdout == "hello\n"


def test_what_models_write(full):
    """Includes and flags that are taken for granted."""
    code = (
        "#include <bits/stdc++.h>\nusing namespace std;\nint main() { cout << sqrt(16) << endl; }"
    )
    assert full.exec("cpp", code).ok().stdout == "4\n"
    code = '#include <math.h>\n#include <stdio.h>\nint main() { printf("%g\\n", sqrt(16)); }'
    assert full.exec("c", code).ok().stdout == "4\n"
    code = "const x = await Promise.resolve(4);\nconsole.log(x);"
    assert full.exec("js", code).ok().stdout == "4\n"
    code = "import fs from 'fs';\nconsole.log(typeof fs.readFileSync);"
    assert full.exec("js", code).ok().stdout == "function\n"
    assert full.exec("ts", "enum E { A = 4 }\nconsole.log(E.A);").ok().stdout == "4\n"
    assert full.exec("bash", "python3 -c 'print(4)'; node -p 4").ok().stdout == "4\n4\n"
    code = "library(ggplot2)\nlibrary(Cairo)\ncat(4, '\\n')"
    assert full.exec("r", code).ok().stdout.strip() == "4"


def test_health_lists_what_works(full, chat):
    names = {language.name for language in LANGUAGES}
    assert names <= set(full.get("/v1/librechat/health").json()["languages"])
    default = set(chat.get("/v1/librechat/health").json()["languages"])
    assert {"python", "javascript", "bash"} <= default and "rust" not in default
    for name in default & names:
        language = BY_NAME[name]
        assert chat.exec(language.codes[0], language.program("hello")).ok().stdout == "hello\n"
