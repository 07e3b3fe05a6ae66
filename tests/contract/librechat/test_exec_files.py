"""Sections 3.2, 3.3 and 6: files that go into a run and come out of it."""

import pytest

from contract.librechat.librechat_api import reference


def test_new_file(chat):
    run = chat.python("open('summary.csv', 'w').write('a,b\\n')").ok()
    entry = run.file("summary.csv")
    assert entry["session_id"] == run.session_id
    assert "inherited" not in entry and "modified_from" not in entry
    assert chat.fetch(entry) == b"a,b\n"


def test_every_byte_survives(chat):
    run = chat.python("open('b.bin', 'wb').write(bytes(range(256)) * 4096)").ok()
    assert chat.produced(run, "b.bin") == bytes(range(256)) * 4096


NAMES = [
    "plain.txt",
    "with space.csv",
    "ü 漢字 😀.md",
    "no-extension",
    "semi;colon=.txt",
    "quote'.txt",
    'double".txt',
    "percent%20.txt",
    "a" * 200 + ".txt",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_outputs(chat, name):
    run = chat.python(f"open({name!r}, 'w').write('x')").ok()
    assert run.names == [name]
    assert chat.produced(run, name) == b"x"


def test_subfolders(chat):
    run = chat.bash("mkdir -p a/b/c; echo 1 > a/x.txt; echo 2 > a/b/c/y.txt").ok()
    assert run.names == ["a/b/c/y.txt", "a/x.txt"]
    assert chat.produced(run, "a/b/c/y.txt") == b"2\n"


def test_empty_file(chat):
    run = chat.bash("touch empty.txt").ok()
    assert chat.produced(run, "empty.txt") == b""


def test_links_and_devices_do_not_come_back(chat):
    run = chat.bash("ln -s /etc/passwd l; ln -s . d; mkfifo p; echo 1 > f; ln f hard").ok()
    assert set(run.names) <= {"f", "hard"} and "f" in run.names


def test_hidden_folders_and_build_products(chat):
    run = chat.bash(
        "mkdir .cache __pycache__; echo > .cache/x; echo > __pycache__/m.pyc; echo 1 > seen.txt"
    ).ok()
    assert "seen.txt" in run.names and ".cache/x" not in run.names, run.names


def test_imported_module_leaves_no_cache(chat):
    entry = chat.upload("helper.py", "def f():\n    return 7\n")
    run = chat.python("import helper\nprint(helper.f())", files=[reference(entry)]).ok()
    assert run.stdout == "7\n" and run.new_names == []


# Inputs.


@pytest.mark.parametrize("generation", [1, 7])
def test_upload_is_found(chat, generation):
    entry = chat.upload("in.csv", "a,b\n1,2\n")
    run = chat.python(
        "print(open('/mnt/data/in.csv').read())", files=[reference(entry, None, generation)]
    )
    assert run.ok().stdout == "a,b\n1,2\n\n"


def test_unchanged_input_of_new_clients_is_echoed(chat):
    entry = chat.upload("in.csv", "x")
    run = chat.bash("cat in.csv", files=[reference(entry)]).ok()
    (echoed,) = run.files
    assert echoed["inherited"] is True
    assert echoed["id"] == entry["id"] and echoed["name"] == "in.csv"
    assert echoed["storage_session_id"] == entry["session_id"] != run.session_id


def test_unchanged_input_of_old_clients_is_left_out(chat):
    entry = chat.upload("in.csv", "x")
    assert chat.bash("cat in.csv", files=[reference(entry, None, 1)]).ok().files == []


def test_touched_or_rewritten_with_the_same_bytes(chat):
    """Whether it counts as changed or not, the bytes are there and the name is given once."""
    entry = chat.upload("in.csv", "same")
    run = chat.bash("printf same > in.csv", files=[reference(entry)]).ok()
    assert run.names == ["in.csv"] and chat.produced(run, "in.csv") == b"same"


@pytest.mark.parametrize("generation", [1, 7])
def test_modified_input(chat, generation):
    entry = chat.upload("in.csv", "old\n")
    run = chat.bash("echo new >> in.csv", files=[reference(entry, None, generation)]).ok()
    changed = run.file("in.csv")
    assert changed["session_id"] == run.session_id
    assert changed["modified_from"]["id"] == entry["id"]
    assert changed["modified_from"]["storage_session_id"] == entry["session_id"]
    assert chat.fetch(changed) == b"old\nnew\n"
    # The version before is what it was.
    assert chat.fetch(entry) == b"old\n"


def test_same_size_and_time_but_other_bytes(chat):
    entry = chat.upload("in.bin", "aaaa")
    run = chat.python(
        "import os\ns = os.stat('in.bin')\nopen('in.bin', 'r+').write('bbbb')\n"
        "os.utime('in.bin', ns=(s.st_atime_ns, s.st_mtime_ns))",
        files=[reference(entry)],
    ).ok()
    assert chat.produced(run, "in.bin") == b"bbbb"


def test_deleted_input(chat):
    entries = [chat.upload(name, "x") for name in ("gone.txt", "kept.txt")]
    run = chat.bash("rm gone.txt", files=[reference(e) for e in entries]).ok()
    assert run.deleted_files == ["gone.txt"]
    assert run.names == ["kept.txt"]


def test_renamed_input(chat):
    entry = chat.upload("a.txt", "x")
    run = chat.bash("mv a.txt b.txt", files=[reference(entry)]).ok()
    assert run.deleted_files == ["a.txt"] and run.new_names == ["b.txt"]


def test_deleted_files_is_absent_or_empty_else(chat):
    assert not vars(chat.bash("echo 1 > new.txt")).get("deleted_files")


def test_destination_with_folders(chat):
    entry = chat.upload("SKILL.md", "skill")
    run = chat.bash("cat skills/a\\ b/SKILL.md", files=[reference(entry, "skills/a b/SKILL.md")])
    assert run.ok().stdout == "skill"
    assert run.names == ["skills/a b/SKILL.md"]


def test_name_of_the_upload_counts_without_a_destination(chat):
    entry = chat.upload("stored.txt", "x")
    without = {"id": entry["id"], "storage_session_id": entry["session_id"]}
    assert chat.bash("ls", files=[without]).ok().stdout == "stored.txt\n"


def test_references_from_many_sessions(chat):
    entries = [chat.upload(f"f{i}.txt", str(i)) for i in range(8)]
    assert len({e["session_id"] for e in entries}) == 8
    run = chat.bash("cat f?.txt", files=[reference(e) for e in entries]).ok()
    assert run.stdout == "01234567"


def test_last_of_two_with_one_destination_wins(chat):
    first, second = chat.upload("a.txt", "first"), chat.upload("b.txt", "second")
    files = [reference(first, "same.txt"), reference(second, "same.txt")]
    assert chat.bash("cat same.txt; ls", files=files).ok().stdout == "secondsame.txt\n"
    assert chat.bash("cat same.txt", files=files[::-1]).ok().stdout == "first"


def test_the_same_reference_twice(chat):
    entry = reference(chat.upload("a.txt", "x"))
    run = chat.bash("ls", files=[entry, entry]).ok()
    assert run.stdout == "a.txt\n" and run.names == ["a.txt"]


def test_file_over_a_folder_of_the_session(chat):
    """A destination that is a folder already; nothing of the server's fails."""
    run = chat.bash("mkdir -p d; echo 1 > d/x").ok()
    entry = chat.upload("d", "file")
    answer = chat.post_exec(
        lang="bash", code="ls -F", session_id=run.session_id, files=[reference(entry)]
    )
    assert answer.status_code in (200, 400), answer.text


def test_more_than_ten_references(chat):
    entries = [chat.upload(f"s{i:02}.md", "x") for i in range(40)]
    run = chat.bash("ls | wc -l", files=[reference(e) for e in entries]).ok()
    assert run.stdout.strip() == "40"


def test_storage_session_is_preferred(chat):
    entry = chat.upload("a.txt", "x")
    both = reference(entry) | {"session_id": "something-else"}
    assert chat.bash("cat a.txt", files=[both]).ok().stdout == "x"


def test_read_only_input(chat):
    entry = chat.upload("skill.md", "skill", [("kind", "skill"), ("read_only", "true")])
    sent = {"id": entry["id"], "name": "skill.md", "storage_session_id": entry["session_id"]}
    sent |= {"kind": "skill", "version": 1, "resource_id": "s1"}
    run = chat.bash("rm -f skill.md; echo changed > skill.md; cat skill.md", files=[sent])
    (echoed,) = run.files
    assert echoed["inherited"] is True and echoed["id"] == entry["id"]
    assert chat.fetch(entry) == b"skill"


# Three turns, as the tools make them: no session, references only.


@pytest.mark.parametrize("generation", [2, 7])
def test_three_turns(chat, generation):
    entry = chat.upload("data.csv", "n\n1\n")
    refs = [reference(entry, None, generation)]
    code = "rows = open('data.csv').read()\nopen('data.csv', 'a').write('2\\n')\nprint(len(rows))"
    first = chat.python(code, files=refs).ok()
    refs = [reference(e, None, generation) for e in first.files]
    second = chat.bash("echo 3 >> data.csv; wc -l < data.csv > count.txt", files=refs).ok()
    assert second.session_id != first.session_id
    known = {e["name"]: e for e in second.files}
    refs = [reference(e, None, generation) for e in known.values()]
    third = chat.python("print(open('data.csv').read(), open('count.txt').read())", files=refs)
    assert third.ok().stdout == "n\n1\n2\n3\n 4\n\n"
    assert chat.fetch(entry) == b"n\n1\n"


# A session that is named.


def test_files_of_a_session_stay(chat):
    first = chat.python("open('a.txt', 'w').write('1')").ok()
    second = chat.bash("cat a.txt; echo 2 > b.txt", session_id=first.session_id).ok()
    assert second.session_id == first.session_id
    assert second.stdout == "1" and second.new_names == ["b.txt"]
    third = chat.exec(
        "js",
        "console.log(require('fs').readdirSync('.').sort().join())",
        session_id=first.session_id,
    )
    assert third.ok().stdout == "a.txt,b.txt\n"


def test_a_file_of_a_session_that_changes(chat):
    first = chat.bash("echo 1 > a.txt").ok()
    second = chat.bash("echo 2 >> a.txt", session_id=first.session_id).ok()
    old, new = first.file("a.txt"), second.file("a.txt")
    assert old["id"] != new["id"]
    assert chat.fetch(new) == b"1\n2\n" and chat.fetch(old) == b"1\n"
    assert chat.bash("cat a.txt", session_id=first.session_id).ok().stdout == "1\n2\n"


def test_a_file_of_a_session_that_is_removed_stays_removed(chat):
    first = chat.bash("echo 1 > a.txt; echo 2 > b.txt").ok()
    chat.bash("rm a.txt", session_id=first.session_id).ok()
    assert chat.bash("ls", session_id=first.session_id).ok().stdout == "b.txt\n"
    # A link that a user got before still works.
    assert chat.fetch(first.file("a.txt")) == b"1\n"


def test_an_executable_stays_one(chat):
    first = chat.bash("printf '#!/bin/sh\\necho ran' > run.sh; chmod +x run.sh").ok()
    assert chat.bash("./run.sh", session_id=first.session_id).ok().stdout == "ran\n"


def test_a_reference_goes_over_a_file_of_the_session(chat):
    first = chat.bash("echo own > a.txt").ok()
    entry = chat.upload("a.txt", "referred\n")
    run = chat.bash("cat a.txt", session_id=first.session_id, files=[reference(entry)]).ok()
    assert run.stdout == "referred\n"
