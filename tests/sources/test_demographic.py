"""The list of those who share the user's words: the planted tastes of two countries, and sums over single pairs."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.features.read import read_cutoffs
from pipeline.ground import artifacts, lists, schemas
from pipeline.ground.artifacts import Memo
from pipeline.sources import demographic
from pipeline.sources.configuration import FullConfig
from tests.sources.shop import NIGHT, config_for, write_features

USERS, ITEMS = 60, 10
KINDS = {"country": "word", "colour": "word", "age": "number"}


def a_shop(home: Path) -> tuple[FullConfig, Path, np.ndarray]:
    """Even users are of FR and have items 0..4, odd ones of DE and 5..9; user 0 is of nowhere; colours mean nothing."""
    users = {"files": "u.csv", "sql": "u.sql", "attributes": KINDS}
    config = config_for(home, ingest={"users": users}, demographic={"candidates": 4})
    rng = np.random.default_rng(0)
    likes = np.equal.outer(np.arange(USERS) % 2, np.arange(ITEMS) // 5)
    had = ((rng.random((USERS, ITEMS)) < 0.6) & likes).astype(np.float32)
    had[:, 0] = 1  # what everybody has
    had[5] = 0
    had[5, 0] = 1  # somebody of DE who had nothing of it yet
    features = write_features(config.lake, {NIGHT: had})
    return config, features, had


def describe(features: Path) -> None:
    rows = [{"attribute": "colour", "user_index": u, "word": "red" if u % 4 < 2 else "blue"} for u in range(1, USERS)]
    rows += [{"attribute": "country", "user_index": u, "word": "DE" if u % 2 else "FR"} for u in range(1, USERS)]
    (cutoff,) = read_cutoffs(features)
    path = cutoff.folder / "user_attributes.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=schemas.USER_ATTRIBUTES), path)


def make(config: FullConfig, features: Path, stage: str = "demographic") -> Path:
    out = artifacts.stage_dir(config.lake, stage, NIGHT)
    section = config.demographic  # type: ignore[attr-defined]
    demographic.run(features=features, config=config, section=section, memo=Memo(out))
    return lists.cutoff_dir(out, NIGHT)


def test_somebody_with_little_history_gets_what_the_country_buys(tmp_path: Path) -> None:
    config, features, had = a_shop(tmp_path)
    describe(features)
    folder = make(config, features)
    found, _ = lists.read_list(folder, "new", "demographic")
    assert set(found[5].tolist()) < set(range(5, 10)), "of DE"
    assert found[0].tolist() == [-1] * 4, "of nowhere"
    everybody = np.argsort(-np.where(np.arange(ITEMS) == 0, -1, had.sum(axis=0)), kind="stable")[:4]
    assert not set(everybody.tolist()) <= set(range(5, 10)), "popularity alone does not know it"


def test_a_score_is_popularity_times_the_ratios(tmp_path: Path) -> None:
    config, features, had = a_shop(tmp_path)
    describe(features)
    items, scores = lists.read_list(make(config, features), "all", "demographic")
    known = had[1:]
    for user in (1, 2, 3, 5):
        for item, score in zip(items[user], scores[user], strict=True):
            expected = had[:, item].sum()
            for same in (lambda u, user=user: u % 2 == user % 2, lambda u, user=user: (u % 4 < 2) == (user % 4 < 2)):
                alike = np.array([had[u] for u in range(1, USERS) if same(u)])
                usual = alike.sum() * known[:, item].sum() / known.sum()
                expected *= (alike[:, item].sum() + 5) / (usual + 5)
            assert score == pytest.approx(expected, rel=1e-5)


def test_who_has_a_history_has_no_list(tmp_path: Path) -> None:
    config, features, had = a_shop(tmp_path)
    describe(features)
    section = config.demographic.model_copy(update={"most_items": 3})  # type: ignore[attr-defined]
    found, _ = lists.read_list(make(config.model_copy(update={"demographic": section}), features), "all", "demographic")
    listed = {user for user in range(USERS) if (found[user] >= 0).any()}
    assert listed == {user for user in range(1, USERS) if had[user].sum() <= 3}
    assert 1 < len(listed) < USERS - 1


def test_without_words_no_list_is_made(tmp_path: Path) -> None:
    config, features, _ = a_shop(tmp_path)
    assert not list(make(config, features).rglob("*.items.npy"))
    describe(features)
    plain = config_for(tmp_path)
    assert not list(make(plain, features, "again").rglob("*.items.npy"))


def test_what_is_known_of_users_is_part_of_the_key(tmp_path: Path) -> None:
    _, features, _ = a_shop(tmp_path)
    (cutoff,) = read_cutoffs(features)
    before = demographic._attributes(cutoff)
    describe(features)
    assert before != demographic._attributes(cutoff)
