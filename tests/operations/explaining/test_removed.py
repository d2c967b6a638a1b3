"""Which rule keeps an item from a user, on a small shop."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from pipeline.ground import sql
from pipeline.operations.explaining.removed import why_not
from pipeline.publication import editorial
from pipeline.publication.night import Night
from pipeline.settings.sections.publication import Surface
from tests.small_shop import NIGHT, Shop, shop

RULES = editorial.EditorialRules(
    ({"kind": "block", "surface": None, "item_id": "i6", "rank": None, "factor": None, "note": None},)
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop with every rule."""
    found = shop(tmp_path_factory.mktemp("removed"), mean_prices=[2.0] * 3, offers=[(2, 4)])
    found.disliked = [(0, 7)]
    ruled = Surface(name="ruled", k=1, exclude_seen_days=10, max_price_ratio=2.0)
    dear = Surface(name="dear", k=3, where="price > 4")
    mixed = Surface(name="mixed", k=1, calibrated_mix=0.5)
    found.config = found.config.model_copy(update={"surfaces": (*found.config.surfaces, ruled, dear, mixed)})
    return found.write()


@contextmanager
def a_night(made: Shop) -> Iterator[Night]:
    """The shop's night, with the editors' rules."""
    with sql.connect(1, 256) as connection:
        folders = {name: made.folders()[name] for name in ("features", "sources", "ensemble", "outcomes", "evaluate")}
        about = {"run_date": NIGHT, "run_id": "r", "config": made.config}
        yield Night(**folders, **about, connection=connection, scratch=made.config.home, rules=RULES)


def of(night: Night, surface: str, target: int, item: int, shown: tuple[int, ...] = ()) -> str:
    """What is said, in one line."""
    (chosen,) = (one for one in night.config.surfaces if one.name == surface)
    return "; ".join(why_not(night, chosen, (target, item), np.array(shown, dtype=np.int64)))


def told(made: Shop, surface: str, target: int, item: int, shown: tuple[int, ...] = ()) -> str:
    """The same, of a night that is read for it."""
    with a_night(made) as night:
        return of(night, surface, target, item, shown)


@pytest.mark.parametrize(
    ("surface", "target", "item", "said"),
    [
        ("for_you", 0, 5, r"it cannot be had: .* \(`available`\)"),
        ("for_you", 0, 6, "editors have blocked it"),
        ("for_you", 0, 7, "the user dislikes it, is kept from it"),
        ("for_you", 0, 4, "it is offered to others alone"),
        ("for_you", 2, 0, "it is not among the user's best 2"),
        ("discover", 0, 2, "the user has had it, and the surface shows nothing twice"),
        ("dear", 0, 0, "the surface chooses from other items: `where`"),
        ("ruled", 0, 2, "too soon after the user had it"),
        ("ruled", 1, 3, "1 items of the user's list are better; the surface shows 1|usual price"),
    ],
)
def test_the_rule_is_named(made: Shop, surface: str, target: int, item: int, said: str) -> None:
    found = told(made, surface, target, item)
    assert re.search(said, found), found


def test_how_far_it_is_or_what_else_may_keep_it_out(made: Shop) -> None:
    assert told(made, "for_you", 0, 1, (0,)) == "2 items of the user's list are better; the surface shows 4"
    lower = told(made, "for_you", 0, 1, (0, 4))
    assert lower.startswith("place 3 of the user's list, and what the surface makes of it has others instead: editors'")
    assert "drawn" not in lower
    assert "calibrated_mix" not in lower
    assert told(made, "mixed", 0, 0, (4,)).endswith("calibrated_mix")  # 4 has more of what the user did
    assert told(made, "for_you", 0, 1, (0, 3, 6)).startswith("place 3 of the user's list, and")  # topped up instead


def test_where_the_gate_shows_best_sellers_no_list_is_spoken_of(made: Shop) -> None:
    with sql.connect(1, 256) as connection:
        folders = {name: made.folders()[name] for name in ("features", "sources", "ensemble", "outcomes", "evaluate")}
        about = {"run_date": NIGHT, "run_id": "r", "config": made.config, "given_up": frozenset({"all"})}
        night = Night(**folders, **about, connection=connection, scratch=made.config.home)
        said = why_not(night, made.config.surfaces[0], (2, 0), np.array([1]))
    assert said == ["others are bought more: the list is one of best-sellers"]


def test_two_rules_are_both_named(made: Shop) -> None:
    assert told(made, "dear", 0, 6).startswith("editors have blocked it")
    assert "; " not in told(made, "for_you", 0, 6)
    assert len(told(made, "ruled", 0, 5).split("; ")) == 2  # cannot be had, and costs too much


def test_every_sentence_is_one(made: Shop) -> None:
    with a_night(made) as night:  # read once, as 96 nights take half a minute
        for target in range(3):
            for item in range(8):
                for surface in made.config.surfaces:
                    assert of(night, surface.name, target, item)
