"""What a source is worth, on a night where one source alone knows the truth and another knows nothing."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.arrays import top_k
from pipeline.ground import lists
from pipeline.ranking import ablation, ranker
from pipeline.ranking.lessons import Lessons
from tests.planted import ITEMS, Planted, plant, window

SOURCES = ("als", "user_knn", "popularity")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, object]]:
    """The table of a night on which `als` lists what users will do, and `popularity` the same items for everybody."""
    night = plant(tmp_path_factory.mktemp("planted"), sources=SOURCES, ablation_rounds=20, depth=15)
    for cutoff in night.cutoffs[1:]:
        _tell(night, cutoff.part)
    lessons = Lessons({c.part: c for c in night.cutoffs[1:]}, _stages(night), night.config, night.out("fusion"))
    judged = window(night, "judge")
    older = [f"cutoff={day}" for day in night.config.learnable(night.cutoffs[0].cutoff, judged.cutoff)]
    sample = ranker.join([s for part in older if (s := lessons.of(part).samples[lists.EVERYTHING]) is not None])
    out = night.out("fusion")
    ablation.run({lists.EVERYTHING: sample}, judged, lessons.sources, night.config, out)
    return {(row["pool"], row["source"]): row for row in pq.read_table(out / "ablation.parquet").to_pylist()}


def _stages(night: Planted) -> dict[str, object]:
    return {name: folder for name, folder in night.folders.items() if name in SOURCES}


def _tell(night: Planted, part: str) -> None:
    """Let als know the label window, and popularity rank items in a fixed order."""
    cutoff = next(c for c in night.cutoffs if c.part == part)
    labels, targets = cutoff.labels(), cutoff.targets()
    truth = np.zeros((len(targets), ITEMS), dtype=np.float32)
    truth[np.searchsorted(targets, labels.column("user_index")), labels.column("item_index")] = 5
    seen = cutoff.matrix("count").toarray()[targets] > 0
    noise = np.random.default_rng(0).normal(size=truth.shape).astype(np.float32)
    fixed = np.broadcast_to(-np.arange(ITEMS, dtype=np.float32), truth.shape)
    for name, scores in (("als", truth + noise), ("popularity", fixed)):
        for pool in lists.KINDS:
            allowed = np.where(seen, -np.inf, scores) if pool == "new" else scores
            lists.write_list(cutoff.dir_in(night.folders[name]), pool, name, *top_k.top_n(allowed, 40))
    for factors in cutoff.dir_in(night.folders["als"]).glob("*_factors.npy"):
        factors.unlink()  # the list alone speaks


@pytest.mark.parametrize("pool", lists.KINDS)
def test_the_essential_source_is_worth_much_and_the_useless_one_nothing(rows, pool):
    essential, useless = rows[pool, "als"], rows[pool, "popularity"]
    assert essential["low"] > 0.1
    assert abs(useless["difference"]) < 0.2 * essential["difference"]
    assert useless["low"] <= 0.01


def test_a_row_says_what_it_compares(rows):
    assert set(rows) == {(pool, source) for pool in lists.KINDS for source in SOURCES}
    for row in rows.values():
        assert row["difference"] == pytest.approx(row["with_it"] - row["without"])
        assert row["low"] <= row["difference"] <= row["high"]
        assert 0 <= row["alone"] <= 1
    assert len({row["with_it"] for (pool, _), row in rows.items() if pool == "all"}) == 1


def test_proposed_reads_the_ranks_of_both_pools():
    names = ("a.rank", "a.rank_new", "b.rank", "b.rank_new")
    nan = np.nan
    features = np.array([[3, nan, 9, 9], [9, 2, 1, nan], [nan, nan, nan, nan]], dtype=np.float32)
    assert ablation.proposed(names, features, ("a", "b"), 5).tolist() == [[True, False], [True, True], [False, False]]


def test_without_anything_to_learn_from_the_table_is_empty(tmp_path):
    night = plant(tmp_path)
    ablation.run({lists.EVERYTHING: None}, window(night, "judge"), night.sources, night.config, night.out("fusion"))
    assert pq.read_table(night.out("fusion") / "ablation.parquet").num_rows == 0
