"""Files cross the border one way: nothing of the host comes back, whatever user code leaves."""

import pytest

from harness.payloads import payload

HOST_SIGNS = (b"root:", b"PATH=", b"127.0.0.1")


def contents(api, outcome):
    return {entry["path"]: api.download(entry["file_id"]) for entry in outcome.files}


def test_links_and_special_files(api):
    outcome = api.execute(payload("links")).ok()
    assert outcome.stdout == "done\n"
    found = contents(api, outcome)
    assert found["honest"] == b"honest"
    for path, data in found.items():
        assert path == "honest" or path.startswith("hard-"), path
        if path.startswith("hard-"):
            pytest.fail(f"a hard link out of the workspace was possible: {path}")
        assert not any(sign in data for sign in HOST_SIGNS), path


def test_directory_swapped_while_collecting(api):
    """The swapping processes are dead before collection; and if not, links are never followed."""
    for _ in range(3):
        outcome = api.execute(payload("swap"), timeout_ms=600)
        assert outcome.timed_out
        for path, data in contents(api, outcome).items():
            assert data == b"mine", (path, data[:100])


def test_link_in_place_of_a_parent_of_an_input(api):
    """A later session call does not write through a link, and neither does collection read."""
    made = api.upload(b"data")
    code = "import os, shutil\nshutil.rmtree('d')\nos.symlink('/etc', 'd')"
    outcome = api.execute(code, files=[{"path": "d/passwd", "file_id": made}]).ok()
    assert outcome.files == []


def test_strange_names(api):
    outcome = api.execute(payload("strange_names"), timeout_ms=60000)
    assert outcome.exit_code == 0, outcome.stderr
    found = contents(api, outcome)
    assert found["last"] == b"last"
    assert found["n" * 255] == b"long"
    assert found["new\nline"] == b"x"
    for entry in outcome.files:
        entry["path"].encode("utf-8")  # No lone surrogates.
        assert ".." not in entry["path"].split("/")
    # Listing and downloading go on to work.
    assert api.get("/v1/files").status_code == 200
    assert api.execute("print(1)").ok().stdout == "1\n"


def test_workspace_replaced(api):
    """Moving or removing what lies under the working directory does not confuse collection."""
    for code in (
        "import os\nos.chdir('/')\nos.rmdir('/workspace')",
        "import os\nos.rename('/workspace', '/tmp/w')",
        "import os\nos.chmod('/workspace', 0)",
    ):
        outcome = api.execute(
            f"open('f', 'w').write('x')\ntry:\n    exec({code!r})\nexcept OSError:\n    pass"
        )
        assert outcome.exit_code == 0
        assert contents(api, outcome) == {"f": b"x"}


def test_path_traversal_in_ids(server, api):
    (server.state_dir / "canary").write_text("canary")
    for attempt in (
        "..%2f..%2fcanary",
        "%2e%2e/canary",
        "..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "....//canary",
        "..\\canary",
        "%00",
        "/etc/passwd",
        "a/../../canary",
    ):
        for template in (
            "/v1/files/{}",
            "/v1/sessions/{}",
            "/v1/sessions/{}/bash",
            "/docs/{}",
            "/{}",
        ):
            from harness.raw import RawConnection

            with RawConnection(server.port) as connection:
                answer = connection.request("GET", template.format(attempt))
            assert answer.status in (400, 404, 405, 307), (template, attempt, answer.status)
            assert b"canary" not in answer.body or b"not found" in answer.body
            assert b"root:" not in answer.body
    assert (server.state_dir / "canary").read_text() == "canary"


@pytest.mark.parametrize("attempt", ["../canary", "..", "code-session-../../canary"])
def test_path_traversal_in_bodies(api, attempt):
    answer = api.post(
        "/v1/execute", json={"code": "", "files": [{"path": "f", "file_id": attempt}]}
    )
    assert answer.status_code == 404
