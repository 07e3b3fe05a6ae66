"""Section 2.3: the series of /metrics."""

import re

P = "code_interpreter_"
BUCKETS = ["0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30", "60", "120", "300", "+Inf"]


def types(text):
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))


def labels(series):
    return dict(re.findall(r'(\w+)="([^"]*)"', series))


def value(metrics, name, **wanted):
    found = [
        number
        for series, number in metrics.items()
        if series.split("{")[0] == name and wanted.items() <= labels(series).items()
    ]
    return sum(found)


def test_content_type_and_types(api):
    api.execute("1").ok()
    answer = api.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    found = types(answer.text)
    assert found[f"{P}executions_active"] == "gauge"
    assert found[f"{P}executions_limit"] == "gauge"
    assert found[f"{P}executions_completed_total"] == "counter"
    assert found[f"{P}admission_wait_seconds"] == "histogram"
    assert found[f"{P}execution_duration_seconds"] == "histogram"


def test_limit_is_the_setting(api):
    assert value(api.metrics(), f"{P}executions_limit") == 16


def test_outcomes_are_counted(api):
    name = f"{P}executions_completed_total"
    before = api.metrics()
    api.execute("1").ok()
    api.execute("1/0")
    api.stream("1")
    api.execute("import time\ntime.sleep(60)", timeout_ms=200)
    session = api.create_session()
    api.bash(session, "true").ok()
    api.delete_session(session)
    after = api.metrics()

    def added(**wanted):
        return value(after, name, **wanted) - value(before, name, **wanted)

    assert added(operation="execute", outcome="ok") == 2
    assert added(operation="execute", outcome="timed_out") == 1
    assert added(operation="execute_stream", outcome="ok") == 1
    assert added(operation="session_create", outcome="ok") == 1
    assert added(operation="session_bash", outcome="ok") == 1
    assert value(after, f"{P}executions_active") == 0


def test_histogram_buckets(api):
    api.execute("1").ok()
    metrics = api.metrics()
    for name in ("admission_wait_seconds", "execution_duration_seconds"):
        bounds = [
            labels(series)["le"]
            for series in metrics
            if series.startswith(f"{P}{name}_bucket") and labels(series)["operation"] == "execute"
        ]
        assert [float(bound) for bound in bounds] == [float(bound) for bound in BUCKETS]
        assert value(metrics, f"{P}{name}_count", operation="execute") > 0


def test_rejections_are_counted(server_factory):
    from contract.onyx.test_concurrency import Occupied

    server = server_factory(MAX_CONCURRENT_EXECUTIONS=1, EXECUTION_QUEUE_TIMEOUT_SEC=0)
    api = server.api()
    occupied = Occupied(server, 1)
    assert value(api.metrics(), f"{P}executions_active", operation="execute") == 1
    assert api.post("/v1/execute", json={"code": ""}).status_code == 429
    metrics = api.metrics()
    wanted = {"operation": "execute", "status": "429", "reason": "concurrency_limit"}
    assert value(metrics, f"{P}executions_rejected_total", **wanted) == 1
    assert types(api.get("/metrics").text)[f"{P}executions_rejected_total"] == "counter"
    occupied.let_go()
