"""The figures as text, read by Prometheus' own client; the file, read while it is written."""

import math
import threading
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.ground.errors import ResourceError
from pipeline.operations.monitoring import text
from pipeline.operations.monitoring.metrics import METRICS, Sample, label

HOSTILE = [
    'a"b',
    "back\\slash",
    "two\nlines",
    "}{,=",
    "\\n",
    'x"} 5\nnightjar_evil 1',
    "déjà vu 🦉",
    "\x00\x1b[2J",
    "",
    "\u2028",
]


def parsed(said: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample that Prometheus' parser finds, by name and labels."""
    families = list(text_string_to_metric_families(said))
    assert {family.type for family in families} <= {"gauge"}
    assert all(family.documentation for family in families)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_any_text_can_be_a_label(value: str) -> None:
    found = parsed(text.exposition([Sample("ndcg", 0.5, {"surface": value}), Sample("runs_kept", 3)]))
    assert found == {
        ("nightjar_ndcg", frozenset({("surface", value)})): 0.5,
        ("nightjar_runs_kept", frozenset()): 3,
    }


def test_half_a_character_is_replaced() -> None:
    said = text.exposition([Sample("ndcg", 0.5, {"surface": "half \ud800"})])
    assert list(parsed(said)) == [("nightjar_ndcg", frozenset({("surface", "half ?")}))]


@pytest.mark.parametrize("value", [0, -1, 0.1, 1 / 3, 1e-9, 1e22, 1317600000.25, math.inf, -math.inf, math.nan])
def test_a_number_is_read_as_it_was(value: float) -> None:
    (found,) = parsed(text.exposition([Sample("runs_kept", value)])).values()
    assert found == value or (math.isnan(found) and math.isnan(value))


def test_every_figure_can_be_written_in_any_order_to_the_same_bytes() -> None:
    samples = [
        Sample(metric.name, number, dict.fromkeys(metric.labels, f"v{n}"))
        for number, metric in enumerate(METRICS)
        for n in ((1, 2) if metric.labels else (1,))
    ]
    said = text.exposition(samples)
    assert said == text.exposition(samples[::-1])
    assert len(parsed(said)) == len(samples)
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_a_label_has_a_bounded_length() -> None:
    assert label("x" * 5000) == "x" * 197 + "..."
    assert label("x" * 200) == "x" * 200
    assert label("half \ud800") == "half ?"


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    file, texts = tmp_path / "below" / "nightjar.prom", ["a" * 100_000, "b" * 100_000]
    text.write(texts[0], file)
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            for one in texts:
                text.write(one, file)

    writer = threading.Thread(target=write)
    writer.start()
    seen = {file.read_text() for _ in range(300)}
    over.set()
    writer.join()
    assert seen <= set(texts)
    assert [path.name for path in file.parent.iterdir()] == ["nightjar.prom"]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError, match=r"file/nightjar\.prom cannot be written"):
        text.write("x", tmp_path / "file" / "nightjar.prom")


def test_what_is_printed_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    text.hand_over(text.exposition([Sample("ndcg", 1, {"surface": "\x1b[2J"})]), None)
    printed = capsys.readouterr().out
    assert printed.endswith('nightjar_ndcg{surface="[2J"} 1\n')
