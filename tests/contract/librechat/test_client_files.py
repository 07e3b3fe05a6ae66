"""Section 9.2: the real client's files over the turns of a chat, with LibreChat's own uploads."""

import pytest

from contract.librechat.agents_client import ClientError, Conversation
from contract.librechat.librechat_api import KEY

BEARER = {"Authorization": f"Bearer {KEY}"}
OLD = {"X-API-Key": KEY}
USER = [["kind", "user"], ["id", "user-1"]]
QUERY = {"kind": "user", "id": "user-1"}


def reference(uploaded, name):
    session = uploaded["storage_session_id"]
    return {
        "id": uploaded["files"][0]["fileId"],
        "resource_id": "user-1",
        "storage_session_id": session,
        "name": name,
        "kind": "user",
    }


def test_three_turns_of_the_newest_client(driver):
    """Upload, use, change, use the changed one; the client itself remembers what to send."""
    uploaded = driver.upload("data.csv", b"n\n1\n", USER, headers=BEARER)
    assert uploaded["message"] == "success"
    original = reference(uploaded, "data.csv")
    assert driver.run(
        "probe",
        session=original["storage_session_id"],
        file=original["id"],
        params=QUERY,
        headers=BEARER,
    )
    chat = Conversation(driver, headers=BEARER, files=[original])

    first = chat.code("py", "print(open('/mnt/data/data.csv').read())")
    assert first["content"] == "stdout:\nn\n1"
    (kept,) = chat.files()["files"]
    assert (kept["id"], kept["kind"]) == (original["id"], "user")

    second = chat.bash("echo 2 >> /mnt/data/data.csv; mkdir out; wc -l < data.csv > out/count.txt")
    assert "2 persisted file(s)" in second["content"], second
    known = {f["name"]: f for f in chat.files()["files"]}
    assert set(known) == {"data.csv", "out/count.txt"}
    assert known["data.csv"]["id"] != original["id"]

    third = chat.code("js", "console.log(require('fs').readFileSync('/mnt/data/data.csv', 'utf8'))")
    assert third["content"] == "stdout:\nn\n1\n2"
    for name, bytes_ in (("data.csv", b"n\n1\n2\n"), ("out/count.txt", b"3\n")):
        entry = known[name]
        fetched = driver.download(
            entry["storage_session_id"], entry["id"], params=QUERY, headers=BEARER
        )
        assert fetched == bytes_

    chat.bash("rm out/count.txt")
    assert [f["name"] for f in chat.files()["files"]] == ["data.csv"]
    assert chat.bash("find . -type f")["content"] == "stdout:\n./data.csv"


def test_three_turns_of_the_old_client(driver):
    """The model itself names the session of an earlier answer; the client asks for its files."""
    uploaded = driver.upload("data.csv", b"n\n1\n", [], headers=OLD)
    sent = {
        "id": uploaded["files"][0]["fileId"],
        "session_id": uploaded["session_id"],
        "name": "data.csv",
    }
    chat = Conversation(driver, "old", key=KEY, files=[sent])
    first = chat.code("py", "t = open('data.csv').read()\nopen('two.csv', 'w').write(t + '2\\n')")
    assert "- /mnt/data/two.csv" in first["content"]
    session = first["artifact"]["session_id"]

    later = Conversation(driver, "old", key=KEY)
    second = later.code(
        "py",
        "t = open('two.csv').read()\nopen('two.csv', 'w').write(t + '3\\n')\nprint(t)",
        session_id=session,
    )
    assert "n\n1\n2\n" in second["content"] and "two.csv" in second["content"], second
    changed = second["artifact"]["session_id"]
    third = later.code("py", "print(open('two.csv').read())", session_id=changed)
    assert third["content"] == "stdout:\nn\n1\n2\n3"
    (entry,) = second["artifact"]["files"]
    assert driver.download(entry["session_id"], entry["id"], headers=OLD) == b"n\n1\n2\n3\n"


def test_picture_is_marked_for_the_old_client(driver):
    chat = Conversation(driver, "old", key=KEY)
    answer = chat.code(
        "py",
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.savefig('/mnt/data/c.png')",
    )
    assert "/mnt/data/c.png | Image is already displayed to the user" in answer["content"]
    (entry,) = answer["artifact"]["files"]
    picture = driver.download(entry["session_id"], entry["id"], headers=OLD)
    assert picture.startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["plain.csv", "ü 報告 😀.csv", "skills/a-b/ü-報告.md"])
@pytest.mark.parametrize("size", [0, 1, 300_000])
def test_upload_shapes(driver, name, size):
    """A stream without a length: the body goes chunked, the name in raw UTF-8."""
    data = bytes(i * 7 & 255 for i in range(size))
    uploaded = driver.upload(name, data, USER, headers=BEARER)
    assert uploaded["message"] == "success"
    assert uploaded["files"][0]["filename"] == name
    entry = reference(uploaded, name)
    fetched = driver.download(entry["storage_session_id"], entry["id"], headers=BEARER)
    assert fetched == data


def test_upload_with_a_length(driver, tmp_path):
    """A file of the disk is sent with its length."""
    path = tmp_path / "big.bin"
    path.write_bytes(bytes(range(256)) * 20_000)
    file = {"name": "big.bin", "path": str(path)}
    uploaded = driver.run("upload", file=file, fields=USER, headers=BEARER)
    entry = reference(uploaded, "big.bin")
    fetched = driver.download(entry["storage_session_id"], entry["id"], headers=BEARER)
    assert fetched == path.read_bytes()


def test_folder_is_kept_in_the_sandbox(driver):
    uploaded = driver.upload("skills/a b/ü.md", b"text", USER, headers=BEARER)
    chat = Conversation(
        driver, headers=BEARER, files=[reference(uploaded, uploaded["files"][0]["filename"])]
    )
    assert chat.bash("cat 'skills/a b/ü.md'")["content"] == "stdout:\ntext"


def test_batch(driver):
    """The client matches files by the name that comes back, byte for byte."""
    files = [(f"skills/tax {i}/ü-{i}.md", b"%d" % i) for i in range(30)]
    fields = [["kind", "skill"], ["id", "s1"], ["version", "2"], ["read_only", "true"]]
    answer = driver.upload_batch(files, fields, headers=BEARER)
    assert answer["message"] == "success"
    assert {f["filename"] for f in answer["files"]} == {name for name, _ in files}
    refs = [
        {
            "id": f["fileId"],
            "resource_id": "s1",
            "storage_session_id": answer["storage_session_id"],
            "name": f["filename"],
            "kind": "skill",
            "version": 2,
        }
        for f in answer["files"]
    ]
    chat = Conversation(driver, headers=BEARER, files=refs)
    answer = chat.bash("cat skills/tax*/*.md | wc -c; echo x > 'skills/tax 1/ü-1.md'")
    assert answer["content"].startswith("stdout:\n50")
    # They are read-only: the client keeps the identity that it has.
    assert {f["id"] for f in chat.files()["files"]} == {r["id"] for r in refs}


def test_freshness_and_deletion(driver):
    uploaded = driver.upload("f.txt", b"x", USER, headers=BEARER)
    place = {"session": uploaded["session_id"], "file": uploaded["files"][0]["fileId"]}
    place |= {"params": QUERY, "headers": BEARER}
    assert driver.run("probe", **place).endswith("Z")
    assert driver.run("remove", **place) == 200
    assert driver.run("probe", **place) is None
    assert driver.run("remove", **place) == 404  # The client takes that for done.


def test_upload_with_a_wrong_key(driver):
    with pytest.raises(ClientError) as raised:
        driver.upload("f.txt", b"x", USER, headers={"X-API-Key": "wrong"})
    assert raised.value.status == 401


def test_too_large_an_upload(chat_factory, driver_factory):
    driver = driver_factory(chat_factory(CI_MAX_FILE_SIZE_BYTES=1000).server.base_url)
    with pytest.raises(ClientError) as raised:
        driver.upload("f.txt", b"x" * 1001, USER, headers=BEARER)
    assert raised.value.status == 413
