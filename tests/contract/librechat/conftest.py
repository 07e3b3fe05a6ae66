"""Fixtures of the LibreChat suites: servers with a key, and the real client's processes."""

import pytest

from contract.librechat.agents_client import Driver
from contract.librechat.librechat_api import KEY, LibreChatApi
from harness import images
from harness.server import Server, find_binary

SETTINGS = {"CI_API_KEY": KEY}


def _serve(**settings):
    if find_binary() is None:
        pytest.skip("no server binary; set CLOISTER_BIN")
    return Server(SETTINGS | settings)


@pytest.fixture(scope="session")
def chat_server():
    """Default image and settings, with a key."""
    with _serve() as running:
        yield running


@pytest.fixture(scope="session")
def full_server():
    """The image with every language."""
    with _serve(CLOISTER_IMAGE=images.require("full")) as running:
        yield running


def _api_of(running, **options):
    client = LibreChatApi(running.base_url, **options)
    yield client
    client.close()


@pytest.fixture(scope="session")
def chat(chat_server):
    yield from _api_of(chat_server)


@pytest.fixture(scope="session")
def full(full_server):
    yield from _api_of(full_server, timeout=180)


@pytest.fixture
def chat_factory(server_factory):
    """Starts a server with settings of the test's own and returns its client."""
    made = []

    def start(state_dir=None, **settings):
        running = server_factory(state_dir, **(SETTINGS | settings))
        client = LibreChatApi(running.base_url)
        client.server = running
        made.append(client)
        return client

    yield start
    for client in made:
        client.close()


@pytest.fixture(scope="session")
def driver(chat_server):
    """The real client's process, at the routes below /v1 as the official service has them."""
    made = Driver(chat_server.base_url + "/v1")
    yield made
    made.close()


@pytest.fixture
def driver_factory():
    made = []

    def start(base_url):
        made.append(Driver(base_url))
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.fixture(autouse=True)
def remember_chat_processes(request):
    """Notes what the shared servers started, so that their ends can be checked for leftovers."""
    yield
    for name in ("chat_server", "full_server"):
        if name in request.fixturenames:
            request.getfixturevalue(name).observe()
