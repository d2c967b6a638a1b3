"""The same figures to an OpenTelemetry collector, where OpenTelemetry's own environment variables name one.

OTEL_EXPORTER_OTLP_ENDPOINT (or OTEL_EXPORTER_OTLP_METRICS_ENDPOINT) switches it on; OTEL_SDK_DISABLED and
OTEL_METRICS_EXPORTER=none switch it off. Protocol, headers, certificates, timeouts and the resource are as the SDK
reads them. The SDK is Airflow's, and is imported only where it is on.

Source: OpenTelemetry Specification, "Environment Variable Specification" and "OpenTelemetry Protocol Exporter".
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.ground.errors import InputError, UnavailableError
from pipeline.operations.monitoring.metrics import Sample, grouped

SERVICE = "nightjar"
SECONDS = 5.0
"""How long a collector is waited for."""


def is_on(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment names a collector."""

    def said(name: str) -> str:
        return environment.get(name, "").strip()

    if said("OTEL_SDK_DISABLED").lower() == "true":
        return False
    if wanted := said("OTEL_METRICS_EXPORTER"):
        return "otlp" in {name.strip() for name in wanted.split(",")}
    return bool(said("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") or said("OTEL_EXPORTER_OTLP_ENDPOINT"))


def send(samples: Iterable[Sample]) -> None:
    """Send the figures once, and wait until they are taken.

    Raises:
        UnavailableError: the collector did not take them.
        InputError: a protocol that the SDK does not know.
    """
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExportResult

    reader = InMemoryMetricReader()
    # It would otherwise wait for the collector once more when the process ends.
    provider = MeterProvider(metric_readers=[reader], resource=_resource(), shutdown_on_exit=False)
    meter = provider.get_meter(SERVICE)
    for metric, group in grouped(samples):
        gauge = meter.create_gauge(metric.full_name, unit=metric.unit, description=metric.meaning)
        for sample in group:
            gauge.set(sample.value, sample.labels)
    data, exporter = reader.get_metrics_data(), _exporter()
    try:
        taken = data is None or exporter.export(data, timeout_millis=SECONDS * 1000) is MetricExportResult.SUCCESS
    finally:
        exporter.shutdown(timeout_millis=0)
        provider.shutdown()
    if not taken:
        raise UnavailableError("the collector of OTEL_EXPORTER_OTLP_ENDPOINT did not take the figures")


def _resource() -> Any:
    """What the environment says of the service; without a name it is SERVICE."""
    from opentelemetry.sdk.resources import Resource

    named = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return Resource.create({} if named else {"service.name": SERVICE})


def _exporter() -> Any:
    """The exporter of the protocol that the environment names; without one HTTP."""
    names = ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    protocol = next(filter(None, (os.environ.get(name, "").strip() for name in names)), "http/protobuf")
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as Grpc

        return Grpc()
    if protocol == "http/protobuf":
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as Http

        return Http()
    raise InputError(f"OTEL_EXPORTER_OTLP_PROTOCOL = '{protocol}' is not known here: set http/protobuf or grpc")
