"""Section 8.6: paths of input files, and hostile ids."""

import json

import pytest

RELATIVE = "File paths must be relative."
DOTDOT = "File paths must not contain '..'."
EMPTY = "File path must not be empty."
RESERVED = "File path '__main__.py' is reserved for the execution entrypoint."

REFUSED = [
    ("/x", RELATIVE),
    ("/", RELATIVE),
    ("//x", RELATIVE),
    ("/../x", RELATIVE),
    ("../x", DOTDOT),
    ("..", DOTDOT),
    ("a/../b", DOTDOT),
    ("a/..", DOTDOT),
    ("./../x", DOTDOT),
    ("", EMPTY),
    (".", EMPTY),
    ("./", EMPTY),
    ("././/.", EMPTY),
    ("__main__.py", RESERVED),
    ("./__main__.py", RESERVED),
    (".//__main__.py", RESERVED),
]

ACCEPTED = [
    ("a.txt", "a.txt"),
    ("..x", "..x"),
    ("x..", "x.."),
    ("...", "..."),
    ("a\\b", "a\\b"),
    (".hidden", ".hidden"),
    ("pkg/__main__.py", "pkg/__main__.py"),
    ("./a//b/./c", "a/b/c"),
    ("dir/", "dir"),
    ("deep/" * 50 + "f", "deep/" * 50 + "f"),
    ("\u6f22\u5b57 \u00e9.csv", "\u6f22\u5b57 \u00e9.csv"),
    ("a b\tc\nd", "a b\tc\nd"),
    ("n" * 255, "n" * 255),
    ("-rf", "-rf"),
    ("a:b*c?", "a:b*c?"),
]

HOSTILE_IDS = [
    "",
    ".",
    "..",
    "../../../../etc/passwd",
    "/etc/passwd",
    "5B0C2F0E-5C0E-4E0E-9A55-0D1D2C3B4A59",
    "5b0c2f0e5c0e4e0e9a550d1d2c3b4a59",
    "no such id",
    "a\0b",
    "' OR '1'='1",
    "%2e%2e%2fetc",
    "x" * 10000,
    "\u6f22",
]


@pytest.fixture(scope="module")
def file_id(api):
    return api.upload(b"content", "in.txt")


@pytest.mark.parametrize("path, message", REFUSED)
@pytest.mark.parametrize("route", ["/v1/execute", "/v1/execute/stream"])
def test_refused(api, file_id, path, message, route):
    answer = api.post(route, json={"code": "1", "files": [{"path": path, "file_id": file_id}]})
    if answer.status_code == 200 and route.endswith("stream"):
        assert f'"message":"{message}"' in answer.text  # B sends an event; D answers 422.
        return
    assert (answer.status_code, answer.json()) == (422, {"detail": message})


@pytest.mark.parametrize("path, staged", ACCEPTED)
def test_accepted(api, file_id, path, staged):
    code = f"import sys\nsys.stdout.write(open({staged!r}).read())"
    outcome = api.execute(code, files=[{"path": path, "file_id": file_id}]).ok()
    assert outcome.stdout == "content"
    # Unchanged inputs are never returned, however the path was written.
    assert outcome.files == []


@pytest.mark.parametrize(
    "path", ["a\0b", "\0", "n" * 256, "dir/" + "\u6f22" * 86, "a/" * 3000 + "f"]
)
def test_better_than_the_original(api, file_id, path):
    answer = api.post(
        "/v1/execute", json={"code": "1", "files": [{"path": path, "file_id": file_id}]}
    )
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize("paths", [("x", "x/y"), ("x/y", "x"), ("a/b/c", "a/b")])
def test_file_and_directory_of_one_name(api, file_id, paths):
    files = [{"path": path, "file_id": file_id} for path in paths]
    answer = api.post("/v1/execute", json={"code": "1", "files": files})
    assert answer.status_code == 422, answer.text


def test_last_of_equal_paths_wins(api, file_id):
    other = api.upload(b"second")
    outcome = api.execute(
        "print(open('d/x').read())",
        files=[{"path": "d/x", "file_id": file_id}, {"path": "./d//x", "file_id": other}],
    )
    assert outcome.ok().stdout == "second\n"
    assert outcome.files == []


def test_mode_owner_and_time(api, file_id):
    code = (
        "import os, json\n"
        "def show(p):\n    s = os.stat(p)\n    return [oct(s.st_mode & 0o7777), s.st_uid, s.st_gid]\n"
        "print(json.dumps([show('d/e/f'), show('d/e'), show('d'), os.stat('d/e/f').st_mtime]))"
    )
    shown = api.execute_json(code, files=[{"path": "d/e/f", "file_id": file_id}])
    directory = ["0o755", 65532, 65532]
    assert shown == [["0o644", 65532, 65532], directory, directory, 0]


def test_staged_files_are_private_copies(api, file_id):
    """Changing an input neither changes the stored file nor another run's copy."""
    files = [{"path": "f", "file_id": file_id}]
    api.execute("open('f', 'w').write('spoilt')", files=files).ok()
    assert api.execute("print(open('f').read())", files=files).ok().stdout == "content\n"
    assert api.download(file_id) == b"content"


def test_same_file_under_two_paths(api, file_id):
    files = [{"path": "a", "file_id": file_id}, {"path": "b", "file_id": file_id}]
    outcome = api.execute("open('a', 'a').write('+')\nprint(open('b').read())", files=files).ok()
    assert outcome.stdout == "content\n"
    assert outcome.paths == ["a"]


def test_many_files(api):
    ids = [api.upload(f"{i}".encode()) for i in range(60)]
    files = [{"path": f"d{i % 7}/f{i}", "file_id": made} for i, made in enumerate(ids)]
    code = "import glob\nprint(sum(int(open(p).read()) for p in glob.glob('d*/f*')))"
    assert api.execute(code, files=files).ok().stdout == f"{sum(range(60))}\n"


def test_large_and_binary_input(api):
    data = bytes(range(256)) * 40_000
    made = api.upload(data)
    code = "import hashlib\nprint(hashlib.sha256(open('b', 'rb').read()).hexdigest())"
    import hashlib

    outcome = api.execute(code, files=[{"path": "b", "file_id": made}]).ok()
    assert outcome.stdout.strip() == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("hostile", HOSTILE_IDS)
@pytest.mark.parametrize("route", ["/v1/execute", "/v1/execute/stream", "/v1/sessions"])
def test_hostile_id_is_not_found(api, hostile, route):
    body = json.dumps({"code": "1", "files": [{"path": "f", "file_id": hostile}]})
    answer = api.post(route, data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 404, answer.text
    assert answer.json() == {"detail": f"File with ID '{hostile}' not found for path 'f'."}
