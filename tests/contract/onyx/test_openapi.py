"""The served OpenAPI document, and a bounded fuzz of the server by it."""

import json
import os
import subprocess
import sys

import pytest
from openapi_spec_validator import validate

EXAMPLES = int(os.environ.get("CLOISTER_TEST_FUZZ_EXAMPLES", "15"))
PATHS = {
    "/health": {"get"},
    "/v1/execute": {"post"},
    "/v1/execute/stream": {"post"},
    "/v1/files": {"get", "post"},
    "/v1/files/{file_id}": {"get", "delete"},
    "/v1/sessions": {"post"},
    "/v1/sessions/{session_id}": {"delete"},
    "/v1/sessions/{session_id}/bash": {"post"},
}


@pytest.fixture(scope="module")
def document(api):
    answer = api.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def test_document_is_valid(document):
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_every_route_is_described(document):
    for path, methods in PATHS.items():
        assert methods <= set(document["paths"][path]), path


def test_bounds_are_described(document):
    text = json.dumps(document)
    for name in ("last_line_interactive", "timeout_ms", "ttl_seconds", "file_id", "expires_at"):
        assert name in text
    assert "86400" in text


def test_docs_page(api):
    answer = api.get("/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_fuzz(server_factory, tmp_path):
    """No input makes a 5xx, and answers fit the document."""
    server = server_factory()
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "schemathesis.cli",
            "run",
            f"{server.base_url}/openapi.json",
            f"--max-examples={EXAMPLES}",
            "--checks=not_a_server_error,status_code_conformance,content_type_conformance",
            "--phases=examples,coverage,fuzzing",
            "--request-timeout=30",
            "--generation-database=none",
            "--suppress-health-check=all",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert server.api().get("/health").json()["status"] == "ok"
