"""Which reason follows what moves a score."""

import numpy as np
import pytest

from pipeline.explanation.drivers import KINDS
from pipeline.publication import agreeing
from pipeline.publication.agreeing import ABOUT, THINGS
from pipeline.publication.reasons import Kind


def can(*kinds: Kind) -> int:
    return sum(1 << kind for kind in kinds)


@pytest.mark.parametrize(
    ("adds", "true", "kind"),
    [
        ((2.0, 1.0, 0.5, 0.1, 0.0), can(Kind.BOUGHT, Kind.LIKE, Kind.PICKED), Kind.BOUGHT),
        ((0.2, 1.0, 0.5, 0.1, 0.0), can(Kind.BOUGHT, Kind.LIKE, Kind.PICKED), Kind.LIKE),
        ((0.2, 1.0, 0.5, 0.1, 0.0), can(Kind.BOUGHT, Kind.PICKED), Kind.PICKED),
        ((0.0, 0.1, 0.5, 0.2, 0.0), can(Kind.LIKE, Kind.POPULAR, Kind.PICKED), Kind.POPULAR),  # peers: untrue
        ((0.0, 0.1, 0.5, 0.2, 0.0), can(Kind.LIKE, Kind.POPULAR, Kind.PEERS), Kind.PEERS),
        ((0.0, 0.3, 0.2, 0.1, 0.9), can(Kind.NEW_LIKE, Kind.LIKE, Kind.NEW, Kind.PICKED), Kind.NEW_LIKE),
        ((0.0, 0.3, 0.2, 0.1, 0.9), can(Kind.NEW, Kind.PICKED), Kind.NEW),
        ((0.0, 0.0, 0.0, 0.9, 0.0), can(Kind.FAVOURITE, Kind.PICKED), Kind.FAVOURITE),
        ((-1.0, -0.1, -2.0, 0.0, -1.0), can(Kind.BOUGHT, Kind.LIKE, Kind.PICKED), Kind.CHOSEN),  # nothing adds
        ((1.0, 1.0, 1.0, 1.0, 1.0), 0, Kind.CHOSEN),  # nothing is to be said
    ],
)
def test_the_thing_that_adds_most_of_those_that_can_be_said(adds: tuple[float, ...], true: int, kind: Kind) -> None:
    otherwise = np.array([Kind.CHOSEN], dtype=np.int8)
    found = agreeing.chosen(np.array([adds]), np.array([true], dtype=np.int16), otherwise)
    assert Kind(found[0]) == kind
    assert found.dtype == np.int8


def test_of_nothing_nothing_follows() -> None:
    assert agreeing.chosen(np.zeros((0, 5)), np.zeros(0, np.int16), np.zeros(0, np.int8)).tolist() == []


def test_every_list_and_kind_of_knowledge_speaks_for_one_thing_or_for_none() -> None:
    drivers = ["als", "user_knn", "adoption", "buy_again", "popularity", *KINDS]
    said = dict(zip(drivers, agreeing.things_of(drivers), strict=True))
    named = {"als": "taste", "user_knn": "peers", "adoption": "peers", "buy_again": "own", "popularity": "everybody"}
    named |= {"history": "own", "text": "taste", "neighbours": "peers", "age": "new"}
    assert said == {driver: named.get(driver) for driver in drivers}


def test_sums_are_of_each_thing_by_itself_and_the_same_however_rows_are_put_together() -> None:
    things = ("taste", None, "new", "taste", "peers")
    shares = np.random.default_rng(1).standard_normal((500, 5))
    found = agreeing.summed(shares, things)
    parts = [agreeing.summed(shares[row : row + 7], things) for row in range(0, 500, 7)]
    assert np.array_equal(found, np.concatenate(parts))
    wanted = {"taste": shares[:, 0] + shares[:, 3], "peers": shares[:, 4], "new": shares[:, 2]}
    np.testing.assert_allclose(found, np.stack([wanted.get(thing, np.zeros(500)) for thing in THINGS], axis=1))


def test_every_kind_but_the_editors_is_about_something() -> None:
    assert {*ABOUT} == {*Kind} - {Kind.CHOSEN}
    assert {thing for things in ABOUT.values() for thing in things} == {*THINGS}
