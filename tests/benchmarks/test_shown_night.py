"""A night with impressions: the log that is written, and the table of seconds."""

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from benchmarks import shown_night, synthetic
from pipeline.sources import configuration

SHOP = synthetic.Shop(users=50, items=120, events=2000)


def test_lists_are_whole_and_their_last_place_is_drawn() -> None:
    found = shown_night.shown(SHOP, 181, 95)
    assert len(found) == 95
    assert found.column("place").to_pylist()[:12] == [*range(1, 11), 1, 2]
    by_place = zip(found.column("place").to_pylist(), found.column("chance").to_pylist(), strict=True)
    assert {(place == 10, chance) for place, chance in by_place} == {(True, 1 / 50), (False, 1.0)}
    assert {str(at)[:10] for at in found.column("ts").to_pylist()} == {"2024-06-30"}
    assert set(found.column("run").to_pylist()) == {"2024-06-29-0123abcd"}
    who = np.array(found.column("customer").to_pylist()[:90]).reshape(-1, 10)
    assert (who == who[:, :1]).all()
    assert pc.all(pc.greater(found.column("price"), 0)).as_py()


@pytest.mark.slow
def test_kinds_differ_by_their_impressions_and_settings_alone(tmp_path: Path) -> None:
    logs = {}
    for kind in shown_night.TYPES:
        folder = shown_night.write(SHOP, tmp_path / kind, kind, 30, 1)
        config = configuration.load(folder / "pipeline.toml")
        assert ("impression" in config.features.event_types) == (kind != "none")
        drawn = [surface.explore.policy for surface in config.surfaces if surface.explore is not None]
        assert drawn == (["learned"] if kind == "drawn by" else [])
        logs[kind] = pq.read_table(folder / "logs" / "2024-06-30.parquet")
        before = pq.read_table(folder / "logs" / "2024-06-29.parquet")
        assert "impression" not in before.column("action").to_pylist()
    others = logs["learned from"].filter(pc.not_equal(logs["learned from"]["action"], "impression"))
    assert others.equals(logs["none"].combine_chunks())
    assert logs["learned from"].equals(logs["logged"])
    assert len(logs["logged"]) == len(logs["none"]) + 30


def test_what_takes_no_time_is_left_out_and_the_sum_is_of_all() -> None:
    lines = shown_night.rows_of({"none": {"a": 10.0, "b": 0.1}, "logged": {"a": 10.9, "b": 0.21}})
    assert lines[2:] == ["| a | 10.0 | 10.9 |", "| all stages | 10.1 | 11.1 (+10%) |"]
