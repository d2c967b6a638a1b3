"""The columns that attributes give the ranker: those declared, at every cut-off, and none where none is declared."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.features.attributes import Attributes, Words
from pipeline.features.read import Cutoff
from pipeline.ground import schemas
from pipeline.ranking.attribute_features import AttributeFacts
from pipeline.ranking.frames import frames
from pipeline.settings.config import Config
from tests.planted import ITEMS, USERS, Planted, plant

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
    return plant(tmp_path, sources=("popularity", "buy_again", "als", "user_knn", "ease"))


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
    assert len(users) > 97
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
    rank, words = np.zeros(USERS, np.float32), Words((), np.full(ITEMS, -1, np.int32))
    facts = AttributeFacts({"rank": rank}, {}, Attributes({"rank": rank}, {"rank": words}))
    frame = next(frames(night.cutoffs[0], night.sources, night.config))[1][""]
    profiles = night.cutoffs[0].matrix("decay_90")[frame.pairs.users]
    found = facts.of_pairs(frame.pairs, profiles)
    assert set(found) == {"rank.of_user", "rank.of_item", "rank.share"}
    assert not [name for name in found if name.endswith((".rank", ".rank_new", ".score"))]


def test_the_columns_of_items_are_theirs_and_the_shares_of_the_history(night: Planted) -> None:
    tonight, older, *_ = night.cutoffs
    items = {"files": "i.csv", "sql": "i.sql", "attributes": {"colour": "word", "stars": "number"}}
    ingest = night.config.ingest.model_dump() | {"items": items}
    config = type(night.config).model_validate(dict(night.config) | {"ingest": ingest})
    colour = [None if i % 5 == 0 else ("red", "blue")[i % 2] for i in range(ITEMS)]
    rows = [{"attribute": "colour", "item_index": i, "word": word} for i, word in enumerate(colour) if word]
    rows += [{"attribute": "stars", "item_index": i, "number": i / 2} for i in range(ITEMS)]
    table = pa.Table.from_pylist(rows, schema=schemas.ITEM_ATTRIBUTES)
    pq.write_table(table, tonight.folder / "item_attributes.parquet")
    frame = next(frames(tonight, night.sources, config))[1][""]
    before = next(frames(tonight, night.sources, night.config))[1][""]
    assert frame.names == (*before.names, "stars.of_item", "colour.share")
    assert frame.column("stars.of_item").tolist() == (frame.pairs.items / 2).tolist()
    decayed = tonight.matrix("decay_90").toarray()
    for n in range(0, len(frame.pairs.items), 53):
        mine = decayed[frame.pairs.users[frame.pairs.rows[n]]]
        word, share = colour[frame.pairs.items[n]], frame.column("colour.share")[n]
        if word is None:
            assert np.isnan(share)
            continue
        same, any_word = (sum(mine[i] for i in range(ITEMS) if colour[i] in of) for of in ({word}, {"red", "blue"}))
        assert share == pytest.approx(same / any_word, rel=1e-5)
    unknown = next(frames(older, night.sources, config))[1][""]
    assert unknown.names == frame.names
    assert np.isnan(unknown.column("colour.share")).all()
    assert np.isnan(unknown.column("stars.of_item")).all()
