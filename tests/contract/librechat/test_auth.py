"""Section 2: who may ask, in every way in which a client sends its key."""

import base64

import pytest

from contract.librechat.librechat_api import KEY, MISSING, LibreChatApi, check_error

RUN = {"lang": "bash", "code": "echo in"}
GUARDED = [
    ("POST", "/exec"),
    ("POST", "/exec/programmatic"),
    ("POST", "/exec/programmatic/cancel"),
    ("POST", "/upload"),
    ("POST", "/upload/batch"),
    ("GET", f"/files/{MISSING}"),
    ("GET", f"/download/{MISSING}/{MISSING}"),
    ("GET", f"/sessions/{MISSING}/objects/{MISSING}"),
    ("DELETE", f"/sessions/{MISSING}/objects/{MISSING}"),
    ("DELETE", f"/files/{MISSING}/{MISSING}"),
    ("POST", "/v1/exec"),
    ("POST", "/v1/upload"),
    ("POST", "/v1/librechat/runs"),
    ("GET", "/v1/librechat/sessions"),
    ("DELETE", f"/v1/librechat/sessions/{MISSING}"),
    ("POST", "/v1/librechat/files"),
    ("GET", f"/v1/librechat/files?session_id={MISSING}"),
    ("GET", f"/v1/librechat/files/{MISSING}"),
    ("DELETE", f"/v1/librechat/files/{MISSING}"),
]
OPEN = ["/health", "/v1/librechat/health", "/v1/librechat/docs", "/v1/librechat/openapi.json"]


def basic(text):
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.fixture(scope="module")
def anonymous(chat_server):
    client = LibreChatApi(chat_server.base_url, key=None)
    yield client
    client.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": KEY},
        {"X-API-KEY": KEY},
        {"Authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer {KEY}"},
        basic(KEY),
        basic(f"{KEY}:"),
        basic(f"{KEY}:anything"),
        basic(f"someone:{KEY}"),
        {"X-API-Key": KEY, **basic(KEY)},
        {"X-API-Key": KEY, "Authorization": "Bearer of-another-service"},
        {"X-API-Key": "of-another-service", "Authorization": f"Bearer {KEY}"},
    ],
    ids=lambda headers: "+".join(f"{k}={v.split(' ')[0][:6]}" for k, v in headers.items()),
)
def test_accepted(anonymous, headers):
    answer = anonymous.post("/exec", json=RUN, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["stdout"] == "in\n"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": ""},
        {"x-api-key": "wrong"},
        {"x-api-key": KEY + "x"},
        {"x-api-key": KEY[:-1]},
        {"x-api-key": KEY.upper()},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": KEY},
        {"Authorization": "Basic !!!"},
        basic("wrong"),
        basic("wrong:wrong"),
        basic(""),
        {"x-api-key": "wrong", "Authorization": "Bearer wrong"},
    ],
    ids=str,
)
def test_refused(anonymous, headers):
    check_error(anonymous.post("/exec", json=RUN, headers=headers), 401, "Invalid API key")


@pytest.mark.parametrize("method, path", GUARDED)
def test_every_route_is_guarded(anonymous, method, path):
    """Before the body and the ids are looked at."""
    check_error(anonymous.request(method, path), 401, "Invalid API key")


@pytest.mark.parametrize("path", OPEN)
def test_open_routes(anonymous, path):
    assert anonymous.get(path).status_code == 200


def test_key_in_the_body_is_not_a_credential(anonymous):
    body = RUN | {"LIBRECHAT_CODE_API_KEY": KEY}
    check_error(anonymous.post("/exec", json=body), 401)


def test_keys_are_never_logged(chat, chat_server):
    chat.bash("echo logged?", LIBRECHAT_CODE_API_KEY=KEY).ok()
    chat.post("/exec", json=RUN, headers={"x-api-key": "wrong-and-secret"})
    log = chat_server.log()
    assert KEY not in log and "wrong-and-secret" not in log


def test_switched_off(chat_factory):
    chat = chat_factory(CLOISTER_LIBRECHAT_AUTH="off")
    nobody = LibreChatApi(chat.server.base_url, key=None)
    assert nobody.bash("echo open").ok().stdout == "open\n"
    nobody.close()


def test_name_of_the_published_code(server_factory):
    """CI_CI_API_KEY counts where CI_API_KEY is not set."""
    client = LibreChatApi(server_factory(CI_CI_API_KEY="published").base_url, key="published")
    assert client.bash("echo in").ok().stdout == "in\n"
    client.close()


def test_several_keys(server_factory):
    """A new key beside the old one, so that clients can change over; both see the same sessions."""
    base_url = server_factory(CI_API_KEY="first-key,second-key").base_url
    first = LibreChatApi(base_url, key="first-key")
    second = LibreChatApi(base_url, key="second-key")
    entry = first.python("open('f.txt', 'w').write('1')").ok().file("f.txt")
    assert second.fetch(entry) == b"1"
    wrong = LibreChatApi(base_url, key="first-key,second-key")
    check_error(wrong.post("/exec", json=RUN), 401)
    for client in (first, second, wrong):
        client.close()


def test_other_dialects_see_nothing(chat, anonymous):
    """Onyx asks for no key: neither its list nor its ids lead to what is behind one."""
    run = chat.python("open('secret.txt', 'w').write('1')").ok()
    uploaded = chat.upload("secret.bin", "1")
    listed = anonymous.get("/v1/files").json()["files"]
    assert not [entry for entry in listed if "secret" in entry["filename"]]
    for entry in (run.file("secret.txt"), uploaded):
        assert anonymous.get(f"/v1/files/{entry['id']}").status_code == 404
        assert anonymous.get(f"/v1/files/{entry['session_id']}").status_code in (401, 404)
        assert anonymous.delete(f"/v1/files/{entry['id']}").status_code == 404
        body = {"code": "1", "files": [{"path": "a", "file_id": entry["id"]}]}
        assert anonymous.post("/v1/execute", json=body).status_code in (404, 422)
        assert chat.fetch(entry) == b"1"
    made = anonymous.post("/v1/files", files={"file": ("o.txt", b"onyx")}).json()["file_id"]
    assert chat.proxy("GET", f"/files/{made}").status_code == 404
    assert chat.get_file("session", made).status_code in (400, 404)


@pytest.mark.parametrize("path", ["/exec", "/upload", "/v1/librechat/files"])
def test_cross_origin(anonymous, path):
    """Any origin, method and header; a preflight carries no key."""
    asked = {
        "Origin": "https://chat.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-api-key,content-type",
    }
    answer = anonymous.request("OPTIONS", path, headers=asked)
    assert answer.status_code in (200, 204), answer.text
    allowed = answer.headers
    assert allowed["access-control-allow-origin"] in ("*", "https://chat.example")
    assert "x-api-key" in allowed["access-control-allow-headers"].lower()
    methods = allowed["access-control-allow-methods"]
    assert methods == "*" or "POST" in methods
    answer = anonymous.get("/v1/librechat/health", headers={"Origin": "https://chat.example"})
    assert answer.headers["access-control-allow-origin"] in ("*", "https://chat.example")
