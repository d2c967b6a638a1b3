"""Audiences against every user asked one by one, in pieces of any size; and in a shop."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.publication.tables import audiences
from pipeline.settings.sections.audiences import Audience
from pipeline.settings.sections.publication import Surface
from pipeline.sources.configuration import FullConfig
from tests.publication.published_shop import published
from tests.small_shop import Shop, go, shop


def lists(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What 60 users have in their lists, of five things or none, and with which chance."""
    rng = np.random.default_rng(seed)
    about = rng.integers(-1, 5, (60, 8))
    chance = np.round(np.sort(rng.random((60, 8)).astype(np.float32) ** 2, axis=1)[:, ::-1], 2)
    return about, np.where(rng.random((60, 8)) < 0.1, 0, chance)


@pytest.mark.parametrize("held", [1, 50, 2**22])
@pytest.mark.parametrize("block", [1, 7, 60])
def test_the_likeliest_users_of_each_thing(monkeypatch: pytest.MonkeyPatch, held: int, block: int) -> None:
    monkeypatch.setattr(audiences, "HELD", held)
    about, chance = lists(1)
    users = np.arange(60, dtype=np.int32) * 3
    best = audiences.Best(9)
    for start in range(0, 60, block):
        part = slice(start, start + block)
        best.add(*audiences._pairs(about[part], chance[part], users[part]))
    things, found, score = best.found()
    for thing in range(5):
        worth = {}
        for row, user in enumerate(users.tolist()):
            mine = chance[row][about[row] == thing]
            if len(mine):
                worth[user] = 1 - np.prod(1 - mine.astype(np.float64))
        order = sorted(worth, key=lambda user: (-np.float32(worth[user]), user))[:9]
        assert found[things == thing].tolist() == order
        np.testing.assert_allclose(score[things == thing], [worth[user] for user in order], rtol=1e-5, atol=1e-7)


def with_audiences(home: Path, *given: dict[str, Any], **changes: Any) -> Shop:
    made = shop(home, **changes)
    section = made.config.publish.model_copy(update={"audiences": tuple(Audience(**one) for one in given)})
    made.config = made.config.model_copy(update={"publish": section})
    return made.write()


def rows(made: Shop, name: str) -> dict[str, list[tuple[int, str, float]]]:
    found: dict[str, list[tuple[int, str, float]]] = {}
    for row in published(made, "audiences"):
        if row["audience"] == name:
            found.setdefault(row["about"], []).append((row["rank"], row["user_id"], round(row["score"], 3)))
    return found


def test_the_users_of_an_item_are_those_who_have_it_in_their_lists(tmp_path: Path) -> None:
    """for_you: u0 has i0, i5 (sold out), i1, i4; u1 i2, i3, i7; u2 i3, i6: probabilities 1 to 0.5."""
    made = with_audiences(tmp_path, {"name": "buyers"}, {"name": "first", "k": 1, "where": "item_id = 'i3'"})
    go(made)
    found = rows(made, "buyers")
    assert found["i3"] == [(1, "u2", 1.0), (2, "u1", 0.833)]
    assert found["i4"] == [(1, "u0", 0.5)]
    assert set(found) == {"i0", "i1", "i2", "i3", "i4", "i6", "i7"}
    assert rows(made, "first") == {"i3": [(1, "u2", 1.0)]}


def test_a_category_is_as_likely_as_any_of_its_items(tmp_path: Path) -> None:
    kinds = ["mugs", "mugs", "pots", "gnomes", None, "mugs", "", "odd"]
    made = with_audiences(tmp_path, {"name": "kinds", "by": "category", "surface": "discover"}, categories=kinds)
    go(made)
    found = rows(made, "kinds")
    # discover: u0 has i1 (1.0), i4, i6; u1 i3 (1.0), i4; u2 i0 (1.0)
    assert found == {"gnomes": [(1, "u1", 1.0)], "mugs": [(1, "u0", 1.0), (2, "u2", 1.0)]}


def test_nothing_is_published_where_nobody_asks(tmp_path: Path) -> None:
    made = with_audiences(tmp_path)
    go(made)
    assert published(made, "audiences") == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([{"name": "a", "surface": "front"}], "there is no surface 'front'"),
        ([{"name": "a"}, {"name": "a"}], "have the same name"),
        ([{"name": "a", "where": "colour = 'red'"}], "publish.audiences a"),
    ],
)
def test_what_is_no_audience_is_refused(tmp_path: Path, given: list[dict[str, Any]], said: str) -> None:
    surfaces = [Surface(name="for_you").model_dump()]
    with pytest.raises(ValidationError, match=said):
        FullConfig.model_validate({"home": tmp_path, "surfaces": surfaces, "publish": {"audiences": given}})
