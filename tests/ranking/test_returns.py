"""Who returned everything is not recommended just that first, where the rankers know nothing of returns."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.features.read import Cutoff
from pipeline.ground import lists
from pipeline.ground.artifacts import Memo
from pipeline.ranking import fusion, ranker, returns
from pipeline.ranking.frames import Frame
from pipeline.ranking.pairs import Pairs
from pipeline.settings.sections.lists import Ranker
from tests.planted import NIGHT, Planted, plant, small, window

BACK = 5
"""The user who returned everything."""


def fused(home: Path, taken_back: bool) -> tuple[Planted, dict[str, np.ndarray]]:
    """The lists of pool `all` by ranker, on a night before which one user may have returned every item."""
    night = plant(home, rounds=15, ablation=False)
    tonight = window(night, "publish")
    path = tonight.folder / "interactions.parquet"
    table = pq.read_table(path)
    mine = (table.column("user_index").to_numpy() == BACK) & taken_back
    for name, value in (("returns", mine.astype(np.int16)), ("kept", 1 - mine.astype(np.int32))):
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), pa.array(value))
    pq.write_table(table, path)
    night.finish("features")
    memo = Memo(night.out("fusion"))
    fusion.run(**night.given, config=night.config, memo=memo, out=memo.out)
    names = night.config.fusion.rankers
    return night, {name: lists.read_list(tonight.dir_in(memo.out), "all", name)[0] for name in names}


def test_what_was_returned_comes_last(tmp_path: Path) -> None:
    night, before = fused(tmp_path / "kept", taken_back=False)
    _, after = fused(tmp_path / "returned", taken_back=True)
    history = window(night, "publish").matrix("count").toarray() > 0
    for name, lists_before in before.items():
        (had,) = np.nonzero(history[BACK])
        assert np.isin(lists_before[BACK, :5], had).any()
        there = after[name][BACK][after[name][BACK] >= 0]
        kept = ~np.isin(there, had)
        assert kept.any()
        assert not kept[int(kept.sum()) :].any()  # the others first, then what was returned
        others = np.arange(len(history)) != BACK
        assert (after[name][others] == lists_before[others]).all()


@pytest.mark.parametrize(("with_return", "rare"), [(0, True), (99, True), (100, False)])
def test_returns_are_rare_by_number_and_by_share(tmp_path: Path, with_return: int, rare: bool) -> None:
    table = pa.table({"returns": pa.array([1] * with_return + [0] * (5000 - with_return), pa.int16())})
    pq.write_table(table, tmp_path / "interactions.parquet")
    cutoff = Cutoff(NIGHT, "run", 1, 1, tmp_path)
    assert returns.are_rare(cutoff, small(tmp_path, min_leaf=1)) is (with_return < 50)
    assert returns.are_rare(cutoff, small(tmp_path, min_leaf=10)) is rare


def frame(returned: list[bool]) -> Frame:
    keys = np.arange(len(returned))
    pairs = Pairs(np.arange(2, dtype=np.int32), len(returned) // 2, keys)
    nothing = np.zeros((len(keys), 1), np.float32)
    no = np.zeros(len(keys), bool)
    return Frame(pairs, ("x",), nothing, no, no.astype(np.int8), returned=np.array(returned))


def test_the_order_within_either_part_stays() -> None:
    made = frame([True, False, True, False, False, False, False, True])
    scores = np.array([3, 2, 5, -1, 0.5, -np.inf, 0.25, 0.1], dtype=np.float32)
    found = returns.last(made, scores)
    assert np.argsort(-found[:4], kind="stable").tolist() == [1, 3, 2, 0]
    assert found[4:] == pytest.approx([0.5, -np.inf, 0.25, 0.1])  # already last
    everything = returns.last(frame([True] * 8), scores)
    assert (everything == scores).all()


@pytest.mark.parametrize("rare", [True, False])
def test_rankers_know_returns_that_they_could_ask_about(tmp_path: Path, rare: bool) -> None:
    n = 400
    back = np.arange(n) < (5 if rare else 200)
    rng = np.random.default_rng(0)
    known = np.stack([back, rng.normal(size=n)], axis=1).astype(np.float32)
    sample = ranker.Sample(
        (returns.FEATURE, "noise"), known, ~back & (rng.random(n) < 0.5), np.ones(n, bool), np.zeros(n, np.int64)
    )
    boosters = ranker.fit(sample, Ranker(objective="binary"), small(tmp_path, min_leaf=20, features_share=1))
    assert boosters
    assert returns.are_known(boosters) is not rare
