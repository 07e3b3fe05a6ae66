"""Fixtures of all suites: a server for the whole run, and servers with other settings."""

import pytest

from harness import host
from harness.server import Server, find_binary


def pytest_collection_modifyitems(items):
    without_binary = find_binary() is None
    for item in items:
        if item.get_closest_marker("root") and not host.is_root():
            item.add_marker(pytest.mark.skip(reason="needs root on the host"))
        needs_server = {"server", "server_factory", "api"} & set(item.fixturenames)
        if without_binary and needs_server:
            item.add_marker(pytest.mark.skip(reason="no server binary; set CLOISTER_BIN"))


@pytest.fixture(scope="session")
def server():
    """The server with default settings, shared by all tests that do not disturb it."""
    with Server() as running:
        yield running


@pytest.fixture(scope="session")
def api(server):
    client = server.api()
    yield client
    client.close()


@pytest.fixture(autouse=True)
def remember_processes(request):
    """Notes what the shared server started, so that its end can be checked for leftovers."""
    yield
    if "server" in request.fixturenames or "api" in request.fixturenames:
        request.getfixturevalue("server").observe()


@pytest.fixture
def server_factory():
    """Starts servers with settings of the test's own: server_factory(MAX_OUTPUT_BYTES=100)."""
    started = []

    def start(state_dir=None, ready=True, **settings):
        made = Server(settings, state_dir)
        started.append(made)
        return made.start() if ready else made.launch_only()

    yield start
    problems = []
    for made in reversed(started):
        try:
            made.close()
        except AssertionError as error:
            problems.append(error)
    if problems:
        raise problems[0]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Adds the end of the server's log to the report of a failed test."""
    report = (yield).get_result()
    if report.failed:
        for name in ("server", "chat_server", "full_server"):
            running = item.funcargs.get(name)
            if isinstance(running, Server) and running.log_path.exists():
                report.sections.append((f"log of {name}", running.log()[-4000:]))
