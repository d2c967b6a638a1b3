"""The Parquet copies: what runs of older versions say about themselves, and what a killed publication leaves."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.publication.tables import published
from pipeline.published import archive
from pipeline.published.archive import Archive
from pipeline.published.contract import RUNS, Column
from tests.published.targets.runs import A, B, tables


def test_a_column_that_came_since_is_null_in_older_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Archive(tmp_path, published())
    for run_id in (A, B):
        tables(kept.path(run_id), run_id)
    before = pa.concat_tables(kept.runs())
    note = Column("note", pa.string(), "what somebody noted", nullable=True, added_later=True)
    monkeypatch.setattr(archive, "RUNS", replace(RUNS, columns=(*RUNS.columns, note)))
    found = pa.concat_tables(kept.runs())
    assert found.column("note").to_pylist() == [None, None]
    assert found.drop_columns(["note"]) == before
    assert found.schema == archive.RUNS.schema


def test_a_run_that_is_killed_while_its_files_are_exchanged_has_the_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Archive(tmp_path, published())
    tables(tmp_path / "old", A)
    kept.keep(A, tmp_path / "old")
    tables(tmp_path / "new", A, ("u",))
    renamed = Path.rename

    def rename(path: Path, target: Path) -> Path:
        if path.name.endswith(".partial"):
            raise KeyboardInterrupt
        return renamed(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(KeyboardInterrupt):
        kept.keep(A, tmp_path / "new")
    monkeypatch.undo()
    assert not kept.holds(A)
    kept.clean()
    assert [folder.name for folder in kept.folder.iterdir()] == [kept.path(A).name]
    for file in (tmp_path / "old").iterdir():
        assert (kept.path(A) / file.name).read_bytes() == file.read_bytes()
