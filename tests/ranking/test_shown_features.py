"""The columns of what was shown: only where events say so, and against looking up one by one; and what it teaches."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.features.read import Cutoff
from pipeline.ground import schemas
from pipeline.ranking import ranker
from pipeline.ranking.frames import Frame, frames
from pipeline.ranking.shown_features import ITEM, PAIR
from pipeline.settings.config import Config
from tests.planted import ITEMS, USERS, Planted, plant, window

SHOWN = {"shown": {"weight": 0, "shown": True}}
NAMES = (*ITEM, *PAIR)


def saying(config: Config) -> Config:
    """A shop that says what it shows."""
    types = {name: kind.model_dump() for name, kind in config.features.event_types.items()} | SHOWN
    features = config.features.model_dump() | {"event_types": types}
    return type(config).model_validate(dict(config) | {"features": features})


def write(cutoff: Cutoff, seed: int, share: float) -> dict[tuple[int, int], dict[str, float]]:
    """What was shown by a cut-off, and left in its window; the pairs."""
    rng = np.random.default_rng(seed)
    pairs = {
        (user, item): {"last_age": float(rng.integers(28)), "examined": float(rng.random() * 2), "in_vain": 0.5}
        for user in range(USERS)
        for item in range(ITEMS)
        if rng.random() < share
    }
    rows = [{"user_index": user, "item_index": item} | found for (user, item), found in pairs.items()]
    pq.write_table(pa.Table.from_pylist(rows, schemas.SHOWN), cutoff.folder / "shown.parquet")
    items = [{"item_index": n, "examined": n / 2, "acted": 1.0, "appeal": n / 100} for n in range(0, ITEMS, 3)]
    pq.write_table(pa.Table.from_pylist(items, schemas.SHOWN_ITEMS), cutoff.folder / "shown_items.parquet")
    left = [{name: row[name] for name in schemas.SHOWN_IN_VAIN.names} for row in rows]
    if cutoff.role == "label":
        pq.write_table(pa.Table.from_pylist(left, schemas.SHOWN_IN_VAIN), cutoff.folder / "shown_in_vain.parquet")
    return pairs


@pytest.fixture
def night(tmp_path: Path) -> Planted:
    return plant(tmp_path, sources=("popularity", "buy_again", "als", "user_knn", "ease"))


def whole(cutoff: Cutoff, night: Planted, config: Config) -> list[Frame]:
    return [found[""] for _, found in frames(cutoff, night.sources, config)]


def test_a_shop_that_does_not_say_what_it_shows_has_no_column_more(night: Planted) -> None:
    tonight = night.cutoffs[0]
    write(tonight, 1, 0.0)
    before, after = (whole(tonight, night, config)[0] for config in (night.config, saying(night.config)))
    assert not set(NAMES) & set(before.names)
    assert before.left is None
    assert after.names == (*before.names, *NAMES)
    assert after.features[:, : len(before.names)].tobytes() == before.features.tobytes()
    for name in PAIR:
        assert np.isnan(after.column(name)).all()  # nothing was shown to anybody


def test_every_pair_has_what_was_shown_of_it(night: Planted) -> None:
    tonight = night.cutoffs[0]
    pairs = write(tonight, 2, 0.3)
    found = 0
    for frame in whole(tonight, night, saying(night.config)):
        assert frame.left is None
        users, items = frame.pairs.users[frame.pairs.rows], frame.pairs.items
        columns = {name: frame.column(name) for name in NAMES}
        for place, (user, item) in enumerate(zip(users.tolist(), items.tolist(), strict=True)):
            told = pairs.get((user, item))
            found += told is not None
            for name, source in PAIR.items():
                expected = np.nan if told is None else told[source]
                assert columns[name][place] == pytest.approx(expected, nan_ok=True)
            shown = item % 3 == 0
            assert columns["item_examined"][place] == pytest.approx(item / 2 if shown else np.nan, nan_ok=True)
            assert columns["item_appeal"][place] == pytest.approx(item / 100 if shown else np.nan, nan_ok=True)
    assert found > 100


def test_what_was_looked_at_and_left_is_among_the_negatives(night: Planted) -> None:
    cutoff = window(night, "judge")
    pairs = write(cutoff, 3, 0.3)
    config = saying(night.config)
    sure, often, seen = 0, 0, 0
    for frame in whole(cutoff, night, config):
        assert frame.left is not None
        assert frame.acted is not None
        keys = list(zip(frame.pairs.users[frame.pairs.rows].tolist(), frame.pairs.items.tolist(), strict=True))
        looked = np.array([min(pairs.get(key, {"examined": 0.0})["examined"], 1) for key in keys])
        np.testing.assert_allclose(frame.left, looked, rtol=1e-6)
        some = np.isin(frame.pairs.rows, frame.pairs.rows[frame.acted]) & ~frame.acted
        numbered = replace(frame, features=np.arange(len(keys), dtype=np.float32)[:, None], names=("number",))
        for seed in range(40):
            kept = np.zeros(len(keys), dtype=bool)
            kept[ranker.draw(numbered, 0, (seed,)).features[:, 0].astype(int)] = True
            assert kept[some & (looked == 1)].all()
            assert not kept[some & (looked == 0)].any()
            between = some & (looked > 0) & (looked < 1)
            seen, often, sure = seen + looked[between].sum(), often + kept[between].sum(), sure + between.sum()
    assert sure > 1000
    assert abs(often - seen) < 4 * np.sqrt(seen)
