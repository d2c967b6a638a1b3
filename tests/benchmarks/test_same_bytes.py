"""Two runs' tables are the same but for what tells runs apart, and whatever else differs is found and named."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import same_bytes

BEFORE, AFTER = "2020-01-31-0123abcd", "2020-01-31-fedc9876"
ROWS = [("for_you", "ann", 1, "a", 0.5), ("for_you", "bob", 1, "b", float("nan")), ("discover", "ann", 1, "c", 0.25)]


def write(folder: Path, run_id: str, rows: Any = ROWS, **metrics: Any) -> Path:
    """A run of two tables."""
    folder.mkdir(parents=True)
    columns = dict(
        zip(("surface", "user_id", "rank", "item_id", "score"), map(list, zip(*rows, strict=True)), strict=True)
    )
    table = pa.table({"run_id": [run_id] * len(rows)} | columns)
    score = table.schema.get_field_index("score")
    table = table.set_column(score, "score", table["score"].cast(pa.float32()))
    pq.write_table(table, folder / "recommendations.parquet", row_group_size=2)
    said = json.dumps(metrics or {"champion": "2020-01-30-" + run_id[-8:], "ndcg": 0.5})
    runs = {"run_id": run_id, "code_version": run_id[-8:], "config_hash": run_id[-1], "metrics": said}
    pq.write_table(pa.Table.from_pylist([runs]), folder / "runs.parquet")
    return folder


def compared(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """The exit status and what is printed."""
    status = 0
    try:
        same_bytes.main([str(argument) for argument in arguments])
    except SystemExit as end:
        status = int(end.code or 0)
    return status, capsys.readouterr().out


def test_runs_that_differ_in_their_ids_alone_are_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [
        write(tmp_path / name / "lake" / "publish" / "run_date=2020-01-31", run_id)
        for name, run_id in (("one", BEFORE), ("two", AFTER))
    ]
    status, said = compared(capsys, tmp_path / "one", tmp_path / "two", "2020-01-31")
    assert (status, said.splitlines()[:2]) == (0, ["recommendations: same, 3 rows", "runs: same, 1 rows"])
    assert compared(capsys, *folders) == (status, said)
    assert len({line.split()[-1] for line in said.splitlines() if "sha256" in line}) == 2  # of two surfaces


def test_a_changed_cell_is_named_with_its_row_and_its_surface(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = [*ROWS[:2], ("discover", "ann", 1, "c", 0.125)]
    status, said = compared(capsys, write(tmp_path / "one", BEFORE), write(tmp_path / "two", AFTER, changed))
    assert status == 1
    assert "recommendations: DIFFERENT\n  row 2: score 0.25 -> 0.125\n" in said
    assert [" -> " in line for line in said.splitlines() if "sha256" in line] == [False, True]


def test_the_order_of_rows_counts(tmp_path: Path) -> None:
    folders = write(tmp_path / "one", BEFORE), write(tmp_path / "two", BEFORE, [ROWS[1], ROWS[0], ROWS[2]])
    tables = [same_bytes.read(folder, "recommendations") for folder in folders]
    assert len(list(same_bytes.differences(*tables, most=1))) == 2  # the first row, and that there is one more
    hashes = [same_bytes.surface_hash(table, "for_you") for table in tables]
    assert hashes[0] != hashes[1]


def test_metrics_are_compared_as_json(tmp_path: Path) -> None:
    one = write(tmp_path / "one", BEFORE, a=1, b=2.0)
    two, three = write(tmp_path / "two", AFTER, b=2.0, a=1), write(tmp_path / "three", AFTER, a=1, b=2.5)
    tables = [same_bytes.read(folder, "runs") for folder in (one, two, three)]
    assert list(same_bytes.differences(tables[0], tables[1], most=3)) == []
    assert "2.5" in next(same_bytes.differences(tables[0], tables[2], most=3))


def test_missing_tables_rows_and_columns_are_differences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = write(tmp_path / "one", BEFORE), write(tmp_path / "two", AFTER, ROWS[:2])
    (one / "runs.parquet").unlink()
    status, said = compared(capsys, one, two)
    assert status == 1
    assert f"runs: not in {one}" in said
    assert "3 rows before, 2 after" in said
    whole = same_bytes.read(one, "recommendations")
    narrow = whole.set_column(2, "rank", whole["rank"].cast(pa.int32()))
    found = list(same_bytes.differences(whole, narrow, most=3))
    assert found == ["column rank int64 only before", "column rank int32 only after"]


def test_zero_and_minus_zero_are_other_bits_and_nan_is_itself() -> None:
    tables = [pa.table({"score": pa.array([zero, float("nan"), None], pa.float32())}) for zero in (0.0, -0.0)]
    assert list(same_bytes.differences(*tables, most=3)) == ["row 0: score 0.0 -> -0.0"]


def test_a_home_without_the_night_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="holds no Parquet files"):
        same_bytes.main([str(tmp_path), str(tmp_path), "2020-01-31"])
