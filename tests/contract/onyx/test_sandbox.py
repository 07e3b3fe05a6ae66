"""Section 9: what a program sees of its sandbox."""

import pytest


def test_user_group_and_directory(api):
    code = (
        "import json, os\nst = os.stat('/workspace')\n"
        "print(json.dumps([os.getresuid(), os.getresgid(), os.getgroups(), os.getcwd(),\n"
        "                  [st.st_uid, st.st_gid]]))"
    )
    identity = api.execute_json(code)
    assert identity[0] == [65532] * 3
    assert identity[1] == [65532] * 3
    assert set(identity[2]) <= {65532}
    assert identity[3] == "/workspace"
    assert identity[4] == [65532, 65532]


def test_user_has_no_passwd_entry(api):
    code = (
        "import os, pwd\ntry:\n    pwd.getpwuid(os.getuid())\nexcept KeyError:\n    print('none')"
    )
    assert api.execute(code).stdout == "none\n"


def test_environment(api):
    environment = api.execute_json("import json, os\nprint(json.dumps(dict(os.environ)))")
    assert environment["PYTHONUNBUFFERED"] == "1"
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"
    assert environment["PYTHONIOENCODING"] == "utf-8"
    assert environment["MPLCONFIGDIR"] == "/tmp/matplotlib"
    assert environment["HOME"] == "/"
    assert environment["PATH"].split(":")[0].startswith("/")
    for name in environment:
        assert not name.startswith("CLOISTER_"), name
        assert name not in ("PORT", "HOST", "FILE_STORAGE_DIR", "MEMORY_LIMIT_MB"), name


def test_tmp_is_writable_up_to_64_mib(api):
    code = (
        "import os\nn = 0\n"
        "with open('/tmp/fill', 'wb', 0) as f:\n"
        "    try:\n"
        "        while n < 200 << 20:\n            n += f.write(bytes(1 << 20))\n"
        "    except OSError as e:\n        print(e.errno)\n"
        "print(60 << 20 <= n <= 64 << 20, n)"
    )
    outcome = api.execute(code).ok()
    assert outcome.stdout.startswith("28\nTrue"), outcome.stdout


@pytest.mark.parametrize("path", ["/tmp", "/workspace", "/dev/shm"])
def test_writable_places(api, path):
    outcome = api.execute(f"open('{path}/f', 'w').write('x')\nprint(open('{path}/f').read())")
    assert outcome.ok().stdout == "x\n"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/etc",
        "/usr",
        "/usr/bin",
        "/var",
        "/var/tmp",
        "/home",
        "/root",
        "/opt",
        "/dev",
        "/proc",
        "/sys",
    ],
)
def test_the_rest_is_read_only(api, path):
    code = f"try:\n    open('{path}/probe', 'w')\nexcept OSError as e:\n    print(type(e).__name__, e.errno)"
    outcome = api.execute(code).ok()
    assert outcome.stdout.split()[-1] in {"1", "2", "13", "30"}, outcome.stdout


def test_loopback_works(api):
    code = (
        "import socket, threading\n"
        "for family, address in ((socket.AF_INET, '127.0.0.1'),):\n"
        "    s = socket.create_server((address, 0), family=family)\n"
        "    c = socket.create_connection(s.getsockname())\n"
        "    p, _ = s.accept()\n    c.sendall(b'ping')\n    print(p.recv(4))"
    )
    assert api.execute(code).ok().stdout == "b'ping'\n"


def test_no_network_but_loopback(api):
    code = (
        "import socket\nprint([name for _, name in socket.if_nameindex()])\n"
        "for address in ('1.1.1.1', '10.0.0.1', '169.254.169.254', '172.17.0.1'):\n"
        "    s = socket.socket()\n    s.settimeout(2)\n"
        "    try:\n        s.connect((address, 80))\n        print('connected', address)\n"
        "    except OSError as e:\n        print(e.errno)\n"
        "try:\n    socket.getaddrinfo('example.com', 80)\n    print('resolved')\n"
        "except OSError:\n    print('unresolved')"
    )
    lines = api.execute(code).ok().stdout.splitlines()
    assert lines[0] in ("['lo']", "[]")
    assert lines[1:5] == ["101"] * 4  # ENETUNREACH at once, not a time-out.
    assert lines[5] == "unresolved"


def test_localhost_resolves(api):
    code = "import socket\nprint(socket.gethostbyname('localhost'))"
    assert api.execute(code).ok().stdout == "127.0.0.1\n"


def test_server_is_not_reachable(server, api):
    code = f"import socket\ns = socket.socket()\ns.settimeout(5)\nprint(s.connect_ex(('127.0.0.1', {server.port})))"
    assert api.execute(code).ok().stdout == "111\n"


MODULES = [
    "numpy",
    "pandas",
    "matplotlib.pyplot",
    "scipy.stats",
    "PIL.Image",
    "openpyxl",
    "lxml.etree",
]


@pytest.mark.parametrize("module", MODULES)
def test_imports_that_onyx_promises(api, module):
    outcome = api.execute(f"import {module}\nprint('ok')", timeout_ms=60000).ok()
    assert (outcome.stdout, outcome.stderr) == ("ok\n", "")


def test_numpy_computes(api):
    code = "import numpy as np\na = np.random.rand(200, 200)\nnp.allclose(a @ np.linalg.inv(a), np.eye(200))"
    outcome = api.execute(code, last_line_interactive=True, timeout_ms=60000).ok()
    assert outcome.stdout == "True\n"


def test_pandas_and_openpyxl(api):
    code = (
        "import pandas as pd\nd = pd.DataFrame({'a': [1, 2], 'b': ['x', '\u6f22']})\n"
        "d.to_excel('t.xlsx', index=False)\nd.to_csv('t.csv')\n"
        "print(pd.read_excel('t.xlsx').equals(d))"
    )
    outcome = api.execute(code, timeout_ms=60000).ok()
    assert (outcome.stdout, outcome.stderr) == ("True\n", "")
    assert outcome.paths == ["t.csv", "t.xlsx"]


@pytest.mark.parametrize("text", ["plain", "\u6f22\u5b57 \u304b\u306a \ud55c\uae00"])
def test_matplotlib_png_with_empty_stderr(api, text):
    """The CJK variant warns on stderr when no font has the characters."""
    code = (
        "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\n"
        f"plt.title({text!r})\nplt.savefig('p.png')"
    )
    outcome = api.execute(code, timeout_ms=60000).ok()
    assert outcome.stderr == ""
    assert outcome.paths == ["p.png"]
    assert api.output(outcome, "p.png").startswith(b"\x89PNG\r\n\x1a\n")


def test_show_does_not_fail(api):
    code = "import matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()\nprint(plt.get_backend().lower())"
    outcome = api.execute(code, timeout_ms=60000).ok()
    assert outcome.stdout == "agg\n"


def test_scipy_and_threads_of_blas(api):
    code = (
        "import numpy as np, scipy.linalg\nfrom concurrent.futures import ThreadPoolExecutor\n"
        "a = np.eye(100) * 2\n"
        "with ThreadPoolExecutor(4) as pool:\n"
        "    print(sum(pool.map(lambda i: scipy.linalg.det(a / 2), range(4))))"
    )
    assert api.execute(code, timeout_ms=60000).ok().stdout == "4.0\n"


def test_subprocess_shell_and_pipes(api):
    code = "import subprocess\nprint(subprocess.check_output('echo a | tr a b', shell=True))"
    assert api.execute(code).ok().stdout == "b'b\\n'\n"


def test_tempfile_works(api):
    code = (
        "import tempfile\nwith tempfile.TemporaryDirectory() as d, tempfile.TemporaryFile() as f:\n"
        "    f.write(b'x')\n    print(d.startswith('/tmp/'))"
    )
    assert api.execute(code).ok().stdout == "True\n"


def test_clock_locale_and_time_zone(api):
    code = (
        "import time, locale, sys\nprint(abs(time.time()) > 1.7e9, time.monotonic() >= 0)\n"
        "print(sys.getfilesystemencoding(), locale.getpreferredencoding(False).lower())"
    )
    assert api.execute(code).ok().stdout == "True True\nutf-8 utf-8\n"


def test_ssl_and_sqlite_and_zlib(api):
    code = (
        "import ssl, sqlite3, zlib, lzma, bz2, ctypes, decimal\n"
        "ssl.create_default_context()\n"
        "d = sqlite3.connect('x.db')\nd.execute('create table t(a)')\nd.commit()\nprint('ok')"
    )
    outcome = api.execute(code).ok()
    assert outcome.stdout == "ok\n" and outcome.paths == ["x.db"]


def test_python_version(api):
    major, minor = api.execute_json("import sys, json\nprint(json.dumps(sys.version_info[:2]))")
    assert (major, minor) >= (3, 11)


def test_streams_can_be_opened_by_name(api):
    code = (
        "import subprocess\nopen('/dev/stdout', 'w').write('one\\n')\n"
        "subprocess.run('echo two > /dev/stderr; echo three | tee /dev/stderr', shell=True)"
    )
    outcome = api.execute(code).ok()
    assert (outcome.stdout, outcome.stderr) == ("one\nthree\n", "two\nthree\n")
