"""The figures as a real collector gets them: OTLP over HTTP, parsed by its own protobuf; and one that hangs."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import (
    MetricsServiceServicer,
    add_MetricsServiceServicer_to_server,
)

from pipeline.ground.errors import InputError, UnavailableError
from pipeline.operations import stages
from pipeline.operations.monitoring import otel, watching
from pipeline.operations.monitoring.metrics import METRICS, Sample
from tests.conftest import ROOT
from tests.operations.monitoring.test_watching import NIGHT, shop

SAMPLES = [
    Sample("ndcg", 0.25, {"surface": 'for "you"\n'}),
    Sample("ndcg", 0.5, {"surface": "discover"}),
    Sample("runs_kept", 3),
    Sample("stage_seconds", 1.5, {"stage": "ingest"}),
]


class Collector(BaseHTTPRequestHandler):
    """Keeps what is posted to it."""

    got: list[tuple[str, dict[str, str], ExportMetricsServiceRequest]] = []  # noqa: RUF012
    status = 200

    def do_POST(self) -> None:
        request = ExportMetricsServiceRequest()
        request.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
        self.got.append((self.path, dict(self.headers), request))
        body = ExportMetricsServiceResponse().SerializeToString()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(watching, "GIVEN_UP", set())
    Collector.got.clear()
    Collector.status = 200


@pytest.fixture
def endpoint() -> Iterator[str]:
    """Where a collector listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def deaf() -> Iterator[str]:
    """Where somebody takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def received() -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every point of the one request: name, labels -> value."""
    ((_, _, request),) = Collector.got
    (resource,) = request.resource_metrics
    (scope,) = resource.scope_metrics
    return {
        (metric.name, tuple((a.key, a.value.string_value) for a in point.attributes)): (
            point.as_double if point.WhichOneof("value") == "as_double" else point.as_int
        )
        for metric in scope.metrics
        for point in metric.gauge.data_points
    }


def test_the_same_figures_arrive(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret")
    otel.send(SAMPLES)
    assert received() == {(f"nightjar_{sample.name}", tuple(sample.labels.items())): sample.value for sample in SAMPLES}
    ((path, headers, request),) = Collector.got
    assert (path, headers["x-key"]) == ("/v1/metrics", "secret")
    named = {a.key: a.value.string_value for a in request.resource_metrics[0].resource.attributes}
    assert named["service.name"] == "nightjar"
    units = {metric.name: metric.unit for metric in request.resource_metrics[0].scope_metrics[0].metrics}
    assert units == {"nightjar_ndcg": "1", "nightjar_runs_kept": "1", "nightjar_stage_seconds": "s"}
    meanings = {metric.full_name: metric.meaning for metric in METRICS}
    for metric in request.resource_metrics[0].scope_metrics[0].metrics:
        assert metric.description == meanings[metric.name]


class Taker(MetricsServiceServicer):
    """A collector that speaks gRPC."""

    def Export(
        self, request: ExportMetricsServiceRequest, context: grpc.ServicerContext
    ) -> ExportMetricsServiceResponse:
        Collector.got.append(("grpc", dict(context.invocation_metadata()), request))
        return ExportMetricsServiceResponse()


def test_they_arrive_by_grpc_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    server = grpc.server(ThreadPoolExecutor(1))
    add_MetricsServiceServicer_to_server(Taker(), server)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    server.start()
    try:
        otel.send(SAMPLES)
    finally:
        server.stop(None)
    assert received() == {(f"nightjar_{sample.name}", tuple(sample.labels.items())): sample.value for sample in SAMPLES}


def test_the_environment_names_the_service(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", f"{endpoint}/mine")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=shop-42,team=a")
    otel.send(SAMPLES)
    ((path, _, request),) = Collector.got
    assert path == "/mine"
    named = {a.key: a.value.string_value for a in request.resource_metrics[0].resource.attributes}
    assert (named["service.name"], named["team"]) == ("shop-42", "a")


@pytest.mark.parametrize(
    ("environment", "on"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c:4318/v1/metrics"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, False),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, True),  # to the endpoint of the specification
        ({"OTEL_METRICS_EXPORTER": "console, otlp"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_METRICS_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, False),
    ],
)
def test_it_is_on_where_the_environment_names_a_collector(environment: dict[str, str], on: bool) -> None:
    assert otel.is_on(environment) is on


def test_a_night_sends_its_figures_and_a_collector_that_refuses_fails_nothing(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    config = shop(tmp_path, None)
    stages.run_stage("ingest", NIGHT, config)
    found = received()
    assert found["nightjar_input_rows", (("input", "events"),)] == 6
    assert found["nightjar_stage_success", (("flow", "night"), ("stage", "ingest"))] == 1
    Collector.got.clear()
    Collector.status = 400
    stages.run_stage("features", NIGHT, config)
    assert "the collector did not take the figures (UnavailableError); the night goes on" in caplog.text


def test_a_collector_that_hangs_holds_up_nothing(
    deaf: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", deaf)
    monkeypatch.setattr(otel, "SECONDS", 0.5)
    config = shop(tmp_path)
    for stage in ("ingest", "features"):
        stages.run_stage(stage, NIGHT, config)
    assert caplog.text.count("the collector did not take the figures") == 1
    assert (config.home / "metrics.prom").is_file()


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_nor_does_it_keep_a_process_from_ending(protocol: str, deaf: str, tmp_path: Path) -> None:
    shop(tmp_path)
    code = f"""
import sys
from pathlib import Path
from datetime import date
from pipeline.operations import stages
from pipeline.operations.monitoring import otel
from tests.operations.monitoring.test_watching import shop
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
otel.SECONDS = 1
stages.run_stage("ingest", date({NIGHT.year}, {NIGHT.month}, {NIGHT.day}), shop(Path({str(tmp_path)!r})))
"""
    environment = os.environ | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": deaf,
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_EXPORTER_OTLP_TIMEOUT": "600",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "the collector did not take the figures" in done.stderr


def test_a_protocol_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier-pigeon")
    with pytest.raises(InputError, match="http/protobuf or grpc"):
        otel.send(SAMPLES)


def test_nobody_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with pytest.raises(UnavailableError, match="did not take"):
        otel.send(SAMPLES)


def test_who_has_no_collector_does_not_import_the_sdk() -> None:
    code = """
import sys
from pipeline.operations.monitoring import facts, otel, watching
assert not otel.is_on()
print(sorted(name for name in sys.modules if name.startswith("opentelemetry")))
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"
