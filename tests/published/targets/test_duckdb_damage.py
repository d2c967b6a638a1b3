"""A damaged file of the DuckDB target stops as little as can be, and an error about one names no user."""

import logging
from pathlib import Path

import duckdb
import pytest

from pipeline.ground.errors import PublishError
from pipeline.published.targets import duckdb_tables
from pipeline.published.targets.duckdb import DuckDBTarget
from tests.published.targets.test_duckdb import A, B, C, target

__all__ = ["target"]  # the fixture

DAMAGE = [b"", b"\x00" * 80, b'{"run_id": "2011-10', b"\xff\xfe", b"[]", b'{"run_id": 3}', b"null", b'"x"']


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("line", [0, 1, 2])
@pytest.mark.few(2)
def test_a_damaged_line_is_skipped_and_named(
    target: DuckDBTarget, line: int, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    for run_id in (A, B, C):
        target.activate(run_id, published=True)
    lines = target.activations.read_bytes().splitlines()
    lines[line] = damage
    target.activations.write_bytes(b"\n".join(lines) + b"\n")
    with caplog.at_level(logging.WARNING):
        # what ran before the active run stands in the active run's own line
        assert target.previous(C) == (None if line == 2 else B)
    assert f"activations.jsonl is damaged in line {line + 1}, which is skipped" in caplog.text
    assert target.ever_active() == {A, B, C} - {(A, B, C)[line]}
    target.activate(A, published=False)
    assert target.active() == A
    assert target.previous(C) == (None if line == 2 else B)
    caplog.clear()
    assert target.ever_active() >= {A}
    assert "damaged" not in caplog.text, "the next activation has written the file anew"


def test_an_activation_that_did_not_happen_still_does_not_count(target: DuckDBTarget) -> None:
    target.activate(A, published=True)
    target.activate(B, published=True)
    whole = target.activations.read_bytes()
    target.activations.write_bytes(
        b"\x00\x00\n" + whole + b'{"run_id": "%s", "previous": "%s", "published": true}\n' % (C.encode(), B.encode())
    )
    assert target.ever_active() == {A, B}


def test_an_error_names_nobody(target: DuckDBTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*given: object) -> int:
        raise duckdb.IOException("IO Error: disk")

    monkeypatch.setattr(duckdb_tables, "rows_about", fails)
    with pytest.raises(PublishError, match="who is to be forgotten is still in it") as caught:
        target.forget("user-4711")
    assert "4711" not in str(caught.value)


def test_a_run_s_file_that_is_damaged_is_named_with_a_remedy(target: DuckDBTarget, tmp_path: Path) -> None:
    target.path(A).write_bytes(b"x" * 4096)
    with pytest.raises(PublishError, match=rf"{A}\.duckdb cannot be read .*: publish its night again, or roll back"):
        target.counts(A)
