"""The OpenAPI document of the LibreChat surface, and a bounded fuzz of the server by it."""

import json
import os
import subprocess
import sys

import pytest
from openapi_spec_validator import validate

from contract.librechat.librechat_api import KEY

EXAMPLES = int(os.environ.get("CLOISTER_TEST_FUZZ_EXAMPLES", "15"))
DOCUMENT = "/v1/librechat/openapi.json"
PATHS = {
    "/exec": {"post"},
    "/exec/programmatic": {"post"},
    "/exec/programmatic/cancel": {"post"},
    "/files/{session_id}": {"get"},
    "/files/{session_id}/{file_id}": {"delete"},
    "/download/{session_id}/{file_id}": {"get"},
    "/upload": {"post"},
    "/upload/batch": {"post"},
    "/sessions/{session_id}/objects/{file_id}": {"get", "delete"},
    "/v1/librechat/runs": {"post"},
    "/v1/librechat/sessions": {"get"},
    "/v1/librechat/sessions/{session_id}": {"delete"},
    "/v1/librechat/files": {"get", "post"},
    "/v1/librechat/files/{file_id}": {"get", "delete"},
    "/v1/librechat/health": {"get"},
}


@pytest.fixture(scope="module")
def document(chat):
    answer = chat.get(DOCUMENT)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def test_document_is_valid(document):
    assert document["openapi"].startswith("3.")
    validate(document)


def test_every_route_is_described(document):
    for path, methods in PATHS.items():
        assert methods <= set(document["paths"][path]), path


def test_key_is_described(document):
    text = json.dumps(document["components"]["securitySchemes"]).lower()
    assert "x-api-key" in text and "bearer" in text


def test_docs_page(chat):
    answer = chat.get("/v1/librechat/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_fuzz(chat_factory, tmp_path):
    """No input makes a 5xx, and answers fit the document."""
    chat = chat_factory(CI_MAX_RUN_TIMEOUT_SECONDS=2)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "schemathesis.cli",
            "run",
            f"{chat.base_url}{DOCUMENT}",
            f"--header=x-api-key: {KEY}",
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
        timeout=840,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert chat.get("/health").json()["status"] == "ok"
