"""A full file store gives clear errors and loses nothing."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.root
MIB = 1 << 20


@pytest.fixture
def small_disk():
    path = Path(tempfile.mkdtemp(prefix="cloister-test-disk-"))
    path.chmod(0o755)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,mode=0777", "tmpfs", str(path)], check=True
    )
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)
    shutil.rmtree(path)


@pytest.fixture
def api(server_factory, small_disk):
    return server_factory(FILE_STORAGE_DIR=small_disk).api()


def assert_clear(answer):
    assert answer.status_code in (500, 503, 507), answer.text
    assert answer.headers["content-type"] == "application/json"
    assert isinstance(answer.json()["detail"], str)


def test_full_disk_on_upload(api, small_disk):
    kept = {}
    for index in range(3):
        data = bytes([index]) * MIB
        kept[api.upload(data)] = data
    assert_clear(api.post("/v1/files", files={"file": ("big", bytes(20 * MIB))}))
    # The failed upload gave its space back.
    data = b"after" * 100_000
    kept[api.upload(data)] = data
    for file_id, expected in kept.items():
        assert api.download(file_id) == expected
    assert set(api.list_files()) == set(kept)


def test_full_disk_on_produced_files(api):
    kept = api.upload(b"k" * MIB)
    code = "open('big', 'wb').write(bytes(30 << 20))\nprint('ran')"
    answer = api.post("/v1/execute", json={"code": code, "timeout_ms": 30000})
    assert_clear(answer)
    assert api.download(kept) == b"k" * MIB
    assert api.execute("open('s', 'w').write('small')").ok().paths == ["s"]
    assert len(api.list_files()) == 2


def test_deleting_makes_room(api):
    ids = []
    while (answer := api.post("/v1/files", files={"file": ("f", bytes(MIB))})).status_code == 201:
        ids.append(answer.json()["file_id"])
        assert len(ids) < 20
    assert_clear(answer)
    assert len(ids) >= 3
    assert api.delete(f"/v1/files/{ids[0]}").status_code == 204
    api.upload(bytes(MIB // 2))
    assert api.execute("print(1)").ok().stdout == "1\n"
