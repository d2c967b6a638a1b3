"""The gate's metric of hits that count by rarity: against sums by hand, and what it needs of the log."""

import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from pipeline.arrays import metrics
from pipeline.features.read import Cutoff, read_cutoffs
from pipeline.ground import schemas
from pipeline.judging import evaluate, measuring, rarity
from pipeline.settings.sections.data import EventType
from pipeline.settings.sections.lists import Evaluate
from pipeline.sources.configuration import FullConfig
from tests.judged_night import CUTOFF, ITEMS, LATE_ITEMS, USERS, Night, make

TYPES = {"purchase": EventType(label=True), "impression": EventType(weight=0, shown=True)}
LOOKS = np.arange(ITEMS - LATE_ITEMS, dtype=np.float32) ** 2


def shown_night(home: Path) -> Night:
    """A night whose items were looked at, the later in the catalogue the more."""
    night = make(home, k=4, deep=9)
    features = night.config.features.model_copy(update={"event_types": TYPES})
    asked = night.config.evaluate.model_copy(update={"gate_metric": "rare_dcg"})
    night.config = FullConfig(home=home, threads=1, block_users=25, evaluate=asked, features=features)
    folder, *others = (cutoff.folder for cutoff in [judged(night), *read_cutoffs(night.folder("features"))])
    for other in others:  # what the report says of tonight
        pq.write_table(schemas.PLACES.empty_table(), other / "places.parquet")
        pq.write_table(schemas.SHOWN_ITEMS.empty_table(), other / "shown_items.parquet")
        pq.write_table(schemas.SHOWN.empty_table(), other / "shown.parquet")
    items = {"item_index": np.arange(len(LOOKS), dtype=np.int32), "examined": LOOKS, "acted": LOOKS, "appeal": LOOKS}
    pq.write_table(pa.table(items, schema=schemas.SHOWN_ITEMS), folder / "shown_items.parquet")
    pq.write_table(schemas.SHOWN_IN_VAIN.empty_table(), folder / "shown_in_vain.parquet")
    return night


def judged(night: Night) -> Cutoff:
    return next(c for c in read_cutoffs(night.folder("features")) if c.cutoff == CUTOFF)


def test_a_weighted_gain_is_the_sum_of_what_hits_count() -> None:
    hit = np.array([[True, False, True], [False, False, False]])
    counts = np.array([[0.5, 9.0, 0.25], [1.0, 1.0, 1.0]])
    found = metrics.weighted_gain(hit, counts, 10)
    assert found == pytest.approx([0.5 / math.log2(2) + 0.25 / math.log2(4), 0])
    assert metrics.weighted_gain(hit, counts, 1) == pytest.approx([0.5, 0])


def test_every_list_is_measured_by_rarity_as_a_stranger_would(tmp_path: Path) -> None:
    night = shown_night(tmp_path)
    cutoff, mean = judged(night), float(LOOKS.mean())
    counts = [mean / (looks + mean) for looks in LOOKS.tolist()] + [1.0] * LATE_ITEMS
    rare = rarity.read(cutoff, ITEMS, night.config)
    assert rare is not None
    np.testing.assert_allclose(rare, counts, rtol=1e-6)
    evaluate.run(**night.inputs(), run_date=night.night, config=night.config, out=_out(tmp_path))
    found = pq.read_table(tmp_path / "out" / "metrics.parquet").to_pylist()
    rows, gains = night.rows["all", "final"], []
    for user in (user for user in range(USERS) if night.truth[user]):
        hits = [(item, rank) for rank, item in enumerate(rows[user, :4].tolist(), 1) if item in night.truth[user]]
        gains.append(sum(counts[item] / math.log2(rank + 1) for item, rank in hits))
    wanted = {"pool": "all", "list": "final", "bucket": "everyone", "metric": "rare_dcg@4"}
    (mine,) = (row for row in found if wanted.items() <= row.items())
    assert mine["value"] == pytest.approx(np.mean(gains))
    assert mine["low"] < mine["value"] < mine["high"]
    assert "Are hits at the top, where one counts the less" in (tmp_path / "out" / "report.html").read_text()


def _out(home: Path) -> Path:
    (home / "out").mkdir()
    return home / "out"


def test_who_does_not_ask_for_it_has_the_metrics_of_before(tmp_path: Path) -> None:
    night = make(tmp_path)
    report = evaluate.run(**night.inputs(), run_date=night.night, config=night.config, out=_out(tmp_path))
    assert rarity.read(judged(night), ITEMS, night.config) is None
    names = set(pq.read_table(tmp_path / "out" / "metrics.parquet").column("metric").to_pylist())
    assert not any("rare" in name for name in names)
    assert "rare" not in json.dumps(report)


def test_nothing_that_was_looked_at_before_is_no_rarity(tmp_path: Path) -> None:
    night = shown_night(tmp_path)
    folder = judged(night).folder
    pq.write_table(schemas.SHOWN_ITEMS.empty_table(), folder / "shown_items.parquet")
    assert rarity.read(judged(night), ITEMS, night.config).tolist() == [1.0] * ITEMS  # type: ignore[union-attr]


def test_a_pool_in_which_nobody_is_judged_has_the_metric_without_users() -> None:
    empty = np.zeros(0, dtype=np.int64)
    nobody = measuring.Truth("all", empty, np.zeros(1, int), empty, np.zeros(1, int), empty, np.ones(ITEMS))
    buckets = measuring.Buckets(np.zeros(USERS, np.int8), np.zeros(ITEMS, np.int8))
    values = measuring.measure(np.zeros((USERS, 4), int), nobody, buckets, FullConfig())["everyone"]
    assert len(values["rare_dcg@10"]) == 0


def test_it_needs_a_type_that_says_what_was_shown() -> None:
    with pytest.raises(ValidationError, match="shown = true: name the"):
        FullConfig(evaluate=Evaluate(gate_metric="rare_dcg"))
