"""Who watches over the tables from outside: by when they are to be valid, and where figures are written for them."""

from typing import Annotated

from pydantic import field_validator

from pipeline.ground import zones
from pipeline.settings.sections.base import KEPT, Section


class Monitoring(Section):
    """What those who watch are told; nothing of it changes a byte of the tables. Where figures are sent to is in the
    environment, in OpenTelemetry's own variables (OTEL_EXPORTER_OTLP_ENDPOINT and others)."""

    valid_by: Annotated[str | None, KEPT] = None
    """By what time of the day, "HH:MM" in `timezone`, the tables of the night before are to be valid, e.g. "06:00":
    `nightjar valid` fails where they are not, and with Airflow NIGHTJAR_NOTIFIER is told."""
    textfile: Annotated[str | None, KEPT] = None
    """A file that is rewritten after every stage with what `nightjar metrics` prints, for Prometheus' node_exporter:
    below `home`, as "metrics.prom", or anywhere, as "/var/lib/node_exporter/nightjar.prom"."""

    @field_validator("valid_by")
    @classmethod
    def _it_is_a_time_of_a_day(cls, given: str | None) -> str | None:
        if given is not None and not zones.RUN_TIME.fullmatch(given):
            raise ValueError(f"'{given}' is no time of the day from 00:01 to 23:59: write it as \"06:00\"")
        return given

    @field_validator("textfile")
    @classmethod
    def _collectors_read_files_of_this_ending(cls, given: str | None) -> str | None:
        if given is not None and not given.endswith(".prom"):
            raise ValueError("must end with .prom, as node_exporter reads no other files")
        return given
