"""Figures as Prometheus reads them: its text format, and a file that is never half there.

Source: Prometheus, "Exposition formats", text-based format 0.0.4.
"""

import contextlib
import math
import os
from collections.abc import Iterable
from pathlib import Path

from pipeline.ground import terminal
from pipeline.ground.errors import ResourceError
from pipeline.operations.monitoring.metrics import Metric, Sample, grouped


def exposition(samples: Iterable[Sample]) -> str:
    """The figures as text; the same samples give the same bytes."""
    lines: list[str] = []
    for metric, group in grouped(samples):
        lines += [f"# HELP {metric.full_name} {_help(metric)}", f"# TYPE {metric.full_name} gauge"]
        lines += [f"{metric.full_name}{_labels(sample)} {_number(sample.value)}" for sample in group]
    return "".join(f"{line}\n" for line in lines)


def _help(metric: Metric) -> str:
    return metric.meaning.replace("\\", r"\\").replace("\n", r"\n")


def _labels(sample: Sample) -> str:
    said = ",".join(f'{name}="{_escaped(value)}"' for name, value in sample.labels.items())
    return f"{{{said}}}" if said else ""


def _escaped(value: str) -> str:
    """What can stand between quotes; half a character of UTF-16, which UTF-8 cannot hold, is replaced."""
    whole = value.encode("utf-8", "replace").decode("utf-8")
    return whole.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    if math.isfinite(value):
        return str(int(value)) if value == int(value) else repr(float(value))
    return "NaN" if math.isnan(value) else f"{'+' if value > 0 else '-'}Inf"


def write(text: str, file: Path) -> None:
    """Let a file have a text; whoever reads it sees the old one or the new one, whole.

    Raises:
        ResourceError: it cannot be written.
    """
    # a name of this process's own, as stages end side by side, and one that node_exporter does not read
    beside = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8")
        beside.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise ResourceError(
            f"{file} cannot be written ({error.strerror}): let it lie in a folder that can be"
        ) from None


def hand_over(text: str, file: Path | None) -> None:
    """Write a text to a file, or to the standard output, where it steers no terminal."""
    if file is None:
        terminal.say(text.removesuffix("\n"))
    else:
        write(text, file)
