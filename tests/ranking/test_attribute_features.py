"""The columns that attributes give the ranker: those declared, at every cut-off, and none where none is declared."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.features.read import Cutoff
from pipeline.ground import schemas
from pipeline.ranking.attribute_features import AttributeFacts
from pipeline.ranking.frames import frames
from pipeline.settings.config import Config
from tests.planted import USERS, Planted, plant

KINDS = {"age": "number", "country": "word", "joined": "date"}


def with_attributes(config: Config) -> Config:
    users = {"files": "u.csv", "sql": "u.sql", "attributes": KINDS}
    return type(config).model_validate(dict(config) | {"ingest": config.ingest.model_dump() | {"users": users}})


def describe(cutoff: Cutoff) -> None:
    """Everybody but user 0 has a country and an age; nobody a day."""
    some = range(1, USERS)
    rows = [{"attribute": "age", "user_index": u, "number": float(20 + u)} for u in some]
    rows += [{"attribute": "country", "user_index": u, "word": "FR" if u % 3 else "DE"} for u in some]
    table = pa.Table.from_pylist(rows, schema=schemas.USER_ATTRIBUTES)
    pq.write_table(table, cutoff.folder / "user_attributes.parquet")


@pytest.fixture
def night(tmp_path: Path) -> Planted:
    return plant(tmp_path)


def test_without_a_declaration_no_column_is_more(night: Planted) -> None:
    tonight = night.cutoffs[0]
    before = next(frames(tonight, night.sources, night.config))[1][""]
    describe(tonight)
    after = next(frames(tonight, night.sources, night.config))[1][""]
    assert before.names == after.names
    assert before.features.tobytes() == after.features.tobytes()
    more = next(frames(tonight, night.sources, with_attributes(night.config)))[1][""]
    assert more.names == (*before.names, "age.of_user", "joined.of_user", "country.taste")
    assert more.features[:, : len(before.names)].tobytes() == before.features.tobytes()


def test_the_columns_are_those_of_the_user_and_the_item(night: Planted) -> None:
    tonight, older, *_ = night.cutoffs
    describe(tonight)
    config = with_attributes(night.config)
    frame = next(frames(tonight, night.sources, config))[1][""]
    users, items = frame.pairs.users[frame.pairs.rows], frame.pairs.items
    assert np.array_equal(frame.column("age.of_user"), np.where(users, users + 20.0, np.nan), equal_nan=True)
    assert np.isnan(frame.column("joined.of_user")).all()
    had = tonight.matrix("count").toarray() > 0
    code = np.array([-1, *(1 if u % 3 else 0 for u in range(1, USERS))])
    for n in range(0, len(users), 97):
        alike, known = had[code == code[users[n]]], had[code >= 0]
        if users[n] == 0:
            assert np.isnan(frame.column("country.taste")[n])
            continue
        expected = alike.sum() * known[:, items[n]].sum() / known.sum()
        ratio = (alike[:, items[n]].sum() + 5) / (expected + 5)
        assert frame.column("country.taste")[n] == pytest.approx(ratio, rel=1e-5)
    unknown = next(frames(older, night.sources, config))[1][""]
    assert unknown.names == frame.names
    assert np.isnan(unknown.column("country.taste")).all()
    assert np.isnan(unknown.column("age.of_user")).all()


def test_an_attribute_called_rank_casts_no_vote(night: Planted) -> None:
    facts = AttributeFacts({"rank": np.zeros(USERS, np.float32)}, {})
    frame = next(frames(night.cutoffs[0], night.sources, night.config))[1][""]
    assert not [name for name in facts.of_pairs(frame.pairs) if name.endswith((".rank", ".rank_new", ".score"))]
