"""Sections 3.3 and 6.4: what is left out of the files is said, never silently."""


def test_too_many_files(chat_factory):
    chat = chat_factory(CI_MAX_FILES_PER_SESSION=5)
    run = chat.bash("for i in 1 2 3 4 5 6 7 8; do echo $i > f$i.txt; done").ok()
    assert len(run.files) == 5
    told = run.artifact_truncation
    assert told["code"] == "artifact_truncated"
    assert told["reasons"]["max_files"] == 3 == told["skipped_count"]
    assert set(told["skipped"]) | set(run.names) <= {f"f{i}.txt" for i in range(1, 9)}
    assert len(told["skipped"]) == 3


def test_full_session_accepts_changes(chat_factory):
    chat = chat_factory(CI_MAX_FILES_PER_SESSION=2)
    first = chat.bash("echo 1 > a; echo 1 > b").ok()
    second = chat.bash("echo 2 >> a; echo 3 > c", session_id=first.session_id).ok()
    assert chat.produced(second, "a") == b"1\n2\n"
    assert "c" not in second.names and second.artifact_truncation["reasons"]["max_files"] == 1


def test_depth(chat):
    run = chat.bash("d=$(printf 'd/%.0s' $(seq 60)); mkdir -p $d; echo 1 > ${d}f; echo 2 > top.txt")
    names = run.ok().names
    assert "top.txt" in names
    if len(names) == 1:
        assert run.artifact_truncation["reasons"]["depth"] >= 1
    else:
        assert "artifact_truncation" not in vars(run)


def test_names_that_are_no_text(chat):
    run = chat.bash("echo 1 > \"$(printf 'bad\\377')\"; echo 2 > good.txt").ok()
    assert "good.txt" in run.names
    reasons = vars(run).get("artifact_truncation", {}).get("reasons", {})
    assert len(run.names) == 2 or reasons.get("path") == 1, vars(run)


def test_unreadable(chat):
    run = chat.bash("echo 1 > locked.txt; chmod 000 locked.txt; echo 2 > open.txt").ok()
    assert "open.txt" in run.names
    reasons = vars(run).get("artifact_truncation", {}).get("reasons", {})
    assert "locked.txt" in run.names or reasons.get("unreadable") == 1, vars(run)


def test_control_characters_in_names(chat):
    run = chat.python("open('a\\nb\\x1b.txt', 'w').write('x')").ok()
    if run.files:
        assert chat.fetch(run.files[0]) == b"x"
    else:
        assert run.artifact_truncation["reasons"]["path"] == 1


def test_nothing_is_left_out_of_a_hundred(chat):
    run = chat.bash("for i in $(seq 100); do echo $i > f$i; done").ok()
    assert len(run.files) == 100 and "artifact_truncation" not in vars(run)
