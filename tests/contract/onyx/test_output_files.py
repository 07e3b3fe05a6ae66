"""Section 8.7: which files come back, and the defects of the original."""

import pytest


def test_new_files_of_every_kind(api):
    code = (
        "import os\n"
        "os.makedirs('sub/dir')\nos.makedirs('.cfg')\nos.makedirs('empty')\n"
        "open('plain.txt', 'w').write('1')\n"
        "open('sub/dir/deep.txt', 'w').write('2')\n"
        "open('.env', 'w').write('3')\n"
        "open('.cfg/x', 'w').write('4')\n"
        "open('nothing', 'w').close()\n"
        "open('bytes.bin', 'wb').write(bytes(range(256)))\n"
        "open('\u6f22 \u00e9.txt', 'w').write('5')\n"
        "open('..x', 'w').write('6')\n"
        "open('/tmp/elsewhere', 'w').write('7')\n"
    )
    outcome = api.execute(code).ok()
    expected = {
        "plain.txt": b"1",
        "sub/dir/deep.txt": b"2",
        ".env": b"3",
        ".cfg/x": b"4",
        "nothing": b"",
        "bytes.bin": bytes(range(256)),
        "\u6f22 \u00e9.txt": b"5",
        "..x": b"6",
    }
    assert outcome.paths == sorted(expected)
    assert {path: api.output(outcome, path) for path in expected} == expected
    assert len({entry["file_id"] for entry in outcome.files}) == len(expected)


def test_stored_name_is_the_whole_path(api):
    outcome = api.execute("import os\nos.mkdir('d')\nopen('d/f.txt', 'w').write('abc')").ok()
    record = api.list_files()[outcome.file_id("d/f.txt")]
    assert (record["filename"], record["size_bytes"]) == ("d/f.txt", 3)


def test_special_files_are_not_returned(api):
    code = (
        "import os, socket\n"
        "open('real', 'w').write('x')\n"
        "os.symlink('real', 'link')\nos.symlink('/etc/passwd', 'passwd')\n"
        "os.symlink('missing', 'dangling')\nos.symlink('.', 'loop')\n"
        "os.mkfifo('fifo')\n"
        "s = socket.socket(socket.AF_UNIX)\ns.bind('sock')\n"
        "os.mkdir('dir')\n"
    )
    assert api.execute(code).ok().paths == ["real"]


def test_main_is_not_returned_at_any_depth(api):
    code = (
        "import os\nos.mkdir('p')\nopen('p/__main__.py', 'w').write('1')\n"
        "open('p/main.py', 'w').write('2')\n"
        "try:\n    open('__main__.py', 'w').write('changed')\n"
        "except OSError:\n    pass"  # The program's own text need not be writable.
    )
    assert api.execute(code).ok().paths == ["p/main.py"]


def test_inputs(api):
    """Unchanged: not returned. Changed: a new id. Deleted: not mentioned. Touched: unchanged."""
    ids = {name: api.upload(name.encode(), name) for name in ("same", "changed", "gone", "touched")}
    files = [{"path": name, "file_id": made} for name, made in ids.items()]
    code = (
        "import os\nopen('changed', 'a').write('+')\nos.remove('gone')\nos.utime('touched')\n"
        "open('new', 'w').write('n')"
    )
    outcome = api.execute(code, files=files).ok()
    assert outcome.paths == ["changed", "new"]
    assert outcome.file_id("changed") != ids["changed"]
    assert api.output(outcome, "changed") == b"changed+"
    assert api.download(ids["changed"]) == b"changed"
    assert api.download(ids["gone"]) == b"gone"


def test_input_rewritten_with_the_same_bytes(api):
    made = api.upload(b"same bytes")
    code = "import os\nd = open('f').read()\nos.remove('f')\nopen('f', 'w').write(d)"
    assert api.execute(code, files=[{"path": "f", "file_id": made}]).ok().files == []


def test_input_changed_without_changing_size_or_time(api):
    made = api.upload(b"aaaa")
    code = "import os\nopen('f', 'w').write('bbbb')\nos.utime('f', (0, 0))"
    outcome = api.execute(code, files=[{"path": "f", "file_id": made}]).ok()
    assert api.output(outcome, "f") == b"bbbb"


def test_moved_input_is_new(api):
    made = api.upload(b"data")
    outcome = api.execute(
        "import os\nos.rename('f', 'g')", files=[{"path": "f", "file_id": made}]
    ).ok()
    assert outcome.paths == ["g"]
    assert api.output(outcome, "g") == b"data"


def test_input_replaced_by_a_link_is_not_returned(api):
    made = api.upload(b"data")
    code = "import os\nos.remove('f')\nos.symlink('/etc/hostname', 'f')"
    assert api.execute(code, files=[{"path": "f", "file_id": made}]).ok().files == []


@pytest.mark.parametrize("path", ["./a", "x//a", "x/./a/", "././a"])
def test_oddly_written_input_path_is_not_reported_as_changed(api, path):
    made = api.upload(b"data")
    assert api.execute("pass", files=[{"path": path, "file_id": made}]).ok().files == []


def test_unreadable_files_and_directories(api):
    code = (
        "import os, tempfile\n"
        "open('ok', 'w').write('1')\n"
        "open('secret', 'w').write('2')\nos.chmod('secret', 0o600)\n"
        "open('none', 'w').write('3')\nos.chmod('none', 0)\n"
        "os.mkdir('d')\nopen('d/f', 'w').write('4')\nos.chmod('d', 0o700)\n"
        "os.mkdir('e')\nopen('e/f', 'w').write('5')\nos.chmod('e', 0)\n"
        "with tempfile.NamedTemporaryFile('w', dir='.', prefix='t', suffix='.x', delete=False) as t:\n"
        "    t.write('6')\n"
    )
    outcome = api.execute(code).ok()
    temporary = [path for path in outcome.paths if path.startswith("t")]
    assert len(temporary) == 1
    expected = {"ok": b"1", "secret": b"2", "none": b"3", "d/f": b"4", "e/f": b"5"}
    assert outcome.paths == sorted([*expected, *temporary])
    for path, data in (expected | {temporary[0]: b"6"}).items():
        assert api.output(outcome, path) == data


def test_both_hard_links_are_reported(api):
    outcome = api.execute("import os\nopen('a', 'w').write('x')\nos.link('a', 'b')").ok()
    assert outcome.paths == ["a", "b"]
    assert api.output(outcome, "a") == api.output(outcome, "b") == b"x"


def test_name_that_is_not_utf8(api):
    code = "import os\nopen(b'bad\\xff.txt', 'w').write('1')\nopen('good.txt', 'w').write('2')"
    outcome = api.execute(code).ok()
    assert "good.txt" in outcome.paths
    others = [path for path in outcome.paths if path != "good.txt"]
    assert len(others) <= 1
    for path in others:
        assert path.startswith("bad") and api.output(outcome, path) == b"1"
    # The store still lists, and the sandbox path goes on to work.
    assert outcome.file_id("good.txt") in api.list_files()
    assert api.execute("print(1)").ok().stdout == "1\n"


@pytest.mark.parametrize(
    "name", ["a\nb", 'quo"te', "back\\slash", "semi;colon", "%41", "-x", " ", "~"]
)
def test_odd_names_come_back_and_download(api, name):
    outcome = api.execute(f"open({name!r}, 'w').write('x')").ok()
    assert outcome.paths == [name]
    assert api.output(outcome, name) == b"x"


def test_many_and_large_outputs(api):
    code = (
        "for i in range(400):\n    open(f'f{i}', 'w').write(str(i))\n"
        "open('big', 'wb').write(b'B' * (40 << 20))"
    )
    outcome = api.execute(code, timeout_ms=60000).ok()
    assert len(outcome.files) == 401
    assert len(api.output(outcome, "big")) == 40 << 20
    assert api.output(outcome, "f399") == b"399"


def test_sparse_file(api):
    outcome = api.execute("f = open('s', 'wb')\nf.truncate(1 << 20)").ok()
    assert api.output(outcome, "s") == bytes(1 << 20)


def test_output_can_be_staged_again(api):
    first = api.execute("open('a', 'w').write('1')").ok()
    second = api.execute(
        "print(open('b').read())", files=[{"path": "b", "file_id": first.file_id("a")}]
    ).ok()
    assert (second.stdout, second.files) == ("1\n", [])


def test_files_of_a_failed_program(api):
    outcome = api.execute("open('a', 'w').write('1')\nraise ValueError")
    assert outcome.exit_code == 1
    assert outcome.paths == ["a"]
