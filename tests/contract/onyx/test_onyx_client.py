"""Section 14: whole flows of the Onyx client."""

import io
import tarfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from contract.onyx.onyx_client import ClientError, OnyxClient, parse_version


@pytest.fixture
def onyx(server):
    with OnyxClient(server.base_url + "/") as client:
        yield client


@pytest.mark.parametrize(
    "text, triple",
    [
        ("0.4.4", (0, 4, 4)),
        ("v1.2.3-rc1+x", (1, 2, 3)),
        ("0.4", (0, 0, 0)),
        (None, (0, 0, 0)),
        ("x.y.z", (0, 0, 0)),
    ],
)
def test_version_parsing_of_the_client(text, triple):
    assert parse_version(text) == triple


def test_gate_is_open(onyx):
    assert onyx.supports_sessions()


def test_stream_decodes_and_splits_right(onyx):
    """The two traps: Latin-1 without a charset, and Unicode line boundaries."""
    text = "\u00e9\u6f22\U0001f600 a\u2028b\u2029c\u0085d\x0b\x0c\x1c\x1d\x1e e\r\nf\rg"
    pieces = []
    # The client leaves the last line interactive, so it has to be one that shows nothing.
    code = f"import sys\nwritten = sys.stdout.buffer.write({text.encode()!r})"
    execution = onyx.execute_streaming(
        code, emit=lambda stream, data: pieces.append((stream, data))
    )
    assert execution.stdout == text
    assert "".join(data for _, data in pieces) == text
    assert execution.exit_code == 0


def test_two_megabytes_are_cut_for_the_model(onyx):
    execution = onyx.execute_streaming("print('\u6f22' * 700_000)")
    assert execution.stdout == "\u6f22" * 50_000


def test_upload_run_download_delete(onyx, api):
    names = [f"data {i} \u6f22.csv" for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda n: onyx.upload(f"{n}\n1,2\n".encode(), n), names))
    files = [{"path": name, "file_id": made} for name, made in zip(names, ids)]
    code = (
        "import glob, os\nos.makedirs('out')\n"
        "for n in sorted(glob.glob('*.csv')):\n"
        "    open('out/' + n + '.len', 'w').write(str(len(open(n).read())))\n"
        "print(len(glob.glob('out/*')))"
    )
    execution = onyx.execute_streaming(code, files=files)
    assert (execution.stdout, execution.exit_code) == ("8\n", 0), execution.stderr
    produced = onyx.collect(execution)
    assert set(produced) == {name + ".len" for name in names}
    listed = api.list_files()
    assert not {entry.file_id for entry in execution.files} & set(listed)
    # Uploads stay and are used again in the next call of the same agent run.
    assert set(ids) <= set(listed)
    again = onyx.execute("import os\nprint(len(os.listdir('.')) >= 8)", files=files)
    assert again.stdout == "True\n"


def test_failure_is_shown(onyx):
    execution = onyx.execute_streaming("import sys\nprint('partial')\nraise ValueError('why')")
    assert execution.exit_code == 1
    assert execution.stdout == "partial\n"
    assert "ValueError: why" in execution.stderr


def test_default_timeout_of_the_client_is_accepted(onyx):
    assert onyx.execute_streaming("print(1)", timeout_ms=60000).stdout == "1\n"


def test_missing_file_falls_back_and_raises(onyx):
    with pytest.raises(ClientError, match="^404 .*/v1/execute$"):
        onyx.execute_streaming("1", files=[{"path": "a", "file_id": "gone"}])


def test_bad_request_raises_without_fallback(onyx):
    with pytest.raises(ClientError, match="^422 "):
        onyx.execute_streaming("1", timeout_ms=0)


def test_matplotlib_picture_comes_back(onyx):
    code = (
        "import matplotlib\nmatplotlib.use('Agg')\nimport matplotlib.pyplot as plt\n"
        "plt.bar(['a', 'b'], [1, 2])\nplt.savefig('chart.png')\n"
    )
    execution = onyx.execute_streaming(code)
    assert (execution.exit_code, execution.stderr) == (0, "")
    assert onyx.collect(execution)["chart.png"].startswith(b"\x89PNG")


def repository_tarball():
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        for name, text in (
            ("repo-main/README.md", "# Title\n"),
            ("repo-main/src/app.py", "def main():\n    return 'needle'\n"),
            ("repo-main/.hidden", "x\n"),
            ("repo-main/big.txt", "line\n" * 500_000),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return raw.getvalue()


def test_coding_agent(onyx):
    file_id = onyx.upload(repository_tarball(), "repo.tar.gz")
    session = onyx.create_session(3600, [{"path": "repo.tar.gz", "file_id": file_id}])
    try:
        unpack = onyx.bash(
            session, "tar -xzf repo.tar.gz --strip-components=1 && rm repo.tar.gz && ls"
        )
        assert (unpack.exit_code, unpack.stderr) == (0, "")
        assert unpack.stdout == "README.md\nbig.txt\nsrc\n"
        assert (
            onyx.bash(session, "grep -rn needle src").stdout == "src/app.py:2:    return 'needle'\n"
        )
        assert onyx.bash(session, "find . -name '*.py' | wc -l").stdout.strip() == "1"
        assert onyx.bash(session, "sed -i s/needle/pin/ src/app.py").exit_code == 0
        assert "pin" in onyx.bash(session, "cat src/app.py").stdout
        assert onyx.bash(session, "wc -l < big.txt").stdout.strip() == "500000"
        assert onyx.bash(session, "cd src && pwd").stdout == "/workspace/src\n"
        assert onyx.bash(session, "pwd").stdout == "/workspace\n"
    finally:
        onyx.delete_session(session)
    with pytest.raises(ClientError, match="^404 "):
        onyx.bash(session, "true")
