"""What explains the lists of a made-up night in which everything was learned, and the reasons that follow it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.engine import map_blocks
from pipeline.explanation import sharing
from pipeline.explanation.scores import Asked, Scores
from pipeline.ground import lists
from pipeline.ground.artifacts import Memo
from pipeline.publication import agreeing, explained_blocks, explaining, shown
from pipeline.publication.explaining import OTHERS, Explained
from pipeline.publication.reasons import Kind
from pipeline.ranking import calibration, ensemble, fusion
from pipeline.ranking.candidate_lists import with_made_lists
from pipeline.ranking.frames import Framed
from tests.planted import Planted, plant

RANKS = 3
TOPPED_UP = 79
"""An item that is put into a list that lacks it."""


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """A planted night that has been fused and merged."""
    found = plant(tmp_path_factory.mktemp("planted"), rounds=8, ablation=False)
    for stage, run, given in (("fusion", fusion.run, {}), ("ensemble", ensemble.run, {"fusion": found.out("fusion")})):
        memo = Memo(found.out(stage))
        run(**found.given, **given, config=found.config, memo=memo, out=memo.out)  # type: ignore[operator]
        found.finish(stage, memo)
    return found


def held(night: Planted, scratch: Path) -> dict[str, np.ndarray]:
    """Lists of two surfaces as they would be published: every second place of the final lists, and one topped up."""
    found = {}
    for surface, pool in (("discover", "new"), ("for_you", "all")):
        folder = night.cutoffs[0].dir_in(night.out("ensemble"))
        items = np.asarray(lists.read_list(folder, pool, "final")[0][:, : 2 * RANKS : 2])
        chance = np.load(folder / f"{pool}.final.probability.npy")[:, : 2 * RANKS : 2]
        rows = np.zeros(items.shape, dtype=shown.SHOWN)
        rows["is_there"], rows["item"], rows["score"], rows["because"] = items >= 0, items, chance, -1
        rows["kind"], rows["can"] = Kind.PICKED, 1 << Kind.PICKED | 1 << Kind.LIKE | 1 << Kind.POPULAR
        rows["item"][::4, 2], rows["score"][::4, 2] = TOPPED_UP, rows["score"][::4, 1] / 2
        rows["because"][:, 0], rows["kind"][::2, 0] = 7, Kind.LIKE
        path = shown.place(scratch, surface)
        path.parent.mkdir(exist_ok=True)
        np.save(path, rows)
        found[surface] = rows
    return found


def work(night: Planted, scratch: Path, least: float = 0.0, given_up: frozenset[str] = frozenset()) -> Explained:
    """What explains these lists."""
    config = with_made_lists(night.config, night.sources)
    folders = (night.out("fusion"), night.out("ensemble"), scratch)
    return Explained(
        night.cutoffs[0], night.sources, config, *folders, ("discover", "for_you"), ("new", "all"), given_up, least
    )


def rows_of(made: Explained, block: slice) -> Iterator[tuple[tuple[int, int, int], dict[str, float]]]:
    """What is told of each place: (row, surface, rank) -> by driver."""
    row, surface, rank, _, _, driver, adds, *_ = made.open(1)(block)
    told: dict[tuple[int, int, int], dict[str, float]] = {}
    for key, name, value in zip(
        zip(row.tolist(), surface.tolist(), rank.tolist(), strict=True), driver, adds.tolist(), strict=True
    ):
        told.setdefault(key, {})[made.drivers[name]] = value
    yield from told.items()


def test_every_place_says_what_explaining_its_pair_alone_says(night: Planted, tmp_path: Path) -> None:
    places, made = held(night, tmp_path), work(night, tmp_path)
    at = calibration.Applied("publish", made.cutoff, {"fusion": made.fusion, **night.sources})
    alone = {pool: Scores.read(at, made.ensemble, pool, made.config) for pool in ("new", "all")}
    framed, count = Framed.read(made.cutoff, night.sources, made.config), 0
    for (row, surface, rank), told in rows_of(made, slice(0, len(places["for_you"]))):
        name, pool = made.surfaces[surface], made.pools[surface]
        one = places[name][row, rank - 1]
        assert sum(told.values()) == pytest.approx(float(sharing.log_odds(one["score"])), abs=1e-5)
        if row % 4:
            continue
        final = lists.read_list(made.cutoff.dir_in(made.ensemble), pool, "final")[0][row]
        where, block = np.flatnonzero(final == one["item"]), slice(row, row + 1)
        count += 1
        if not len(where):
            assert set(told) <= {"anybody", "rules"}
            assert one["item"] == TOPPED_UP
            continue
        asked = Asked(block, np.array([0]), np.array([one["item"]]), where + 1, np.array([float(one["score"])]))
        wanted = alone[pool].explain(asked, framed.of(block)[""])[0]
        by_name = dict(zip(alone[pool].drivers.names, wanted.tolist(), strict=True))
        assert {n: told.get(n, 0.0) for n in by_name} == pytest.approx(by_name, abs=2e-5)
    assert count > 100


def rows(made: Explained, users: int, size: int, **settings: object) -> list[np.ndarray]:
    """All rows, of so many users at a time."""
    config = made.config.model_copy(update=settings)
    mapped = map_blocks("explain", replace(made, config=config), users, config, made.scratch, size=size)
    rows_of_places = (0, explained_blocks.OF_ROWS)
    parts = [
        tuple(one + block.start if place in rows_of_places else one for place, one in enumerate(found))
        for block, found in mapped
    ]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def test_the_rows_are_the_same_however_users_are_put_together(night: Planted, tmp_path: Path) -> None:
    users = len(held(night, tmp_path)["for_you"])
    made = work(night, tmp_path, least=0.05)
    whole = rows(made, users, users)
    assert made.drivers.index(OTHERS) in whole[5]
    for other in (rows(made, users, 17, block_users=5), rows(made, users, 50, block_users=20)):
        assert all(np.array_equal(mine, theirs) for mine, theirs in zip(whole, other, strict=True))


@pytest.mark.slow
def test_the_rows_are_the_same_whoever_makes_them(night: Planted, tmp_path: Path) -> None:
    users = len(held(night, tmp_path)["for_you"])
    made = work(night, tmp_path, least=0.05)
    shared = rows(made, users, 40, workers=2, threads=2)
    assert all(np.array_equal(*both) for both in zip(rows(made, users, users), shared, strict=True))


def test_best_sellers_in_place_of_one_pools_lists_are_everybodys(night: Planted, tmp_path: Path) -> None:
    held(night, tmp_path)
    made = work(night, tmp_path, given_up=frozenset({"all"}))
    told = {(made.surfaces[s], frozenset(drivers)) for (_, s, _), drivers in rows_of(made, slice(0, 10))}
    assert {drivers for surface, drivers in told if surface == "for_you"} == {frozenset({"anybody", "rules"})}
    assert any("als" in drivers for surface, drivers in told if surface == "discover")


def test_so_many_users_at_a_time_as_memory_allows(night: Planted, tmp_path: Path) -> None:
    made = work(night, tmp_path)
    assert made.config.block_users == 50
    assert made.size(10) == explaining.TOGETHER * 50
    assert made.size(explaining.PLACES) == 50
    assert made.size(1000) == explaining.PLACES // 2000


def test_the_reason_is_about_what_adds_most(night: Planted, tmp_path: Path) -> None:
    places = held(night, tmp_path)
    made = replace(work(night, tmp_path), lead=True)
    plain, led = work(night, tmp_path).open(1)(slice(0, 40)), made.open(1)(slice(0, 40))
    things, adds = agreeing.things_of(made.drivers), dict[tuple[int, int, int], np.ndarray]()
    for row, surface, rank, driver, added in zip(*plain[:3], *plain[5:7], strict=True):
        of_place = adds.setdefault((row, surface, rank), np.zeros(len(agreeing.THINGS)))
        of_place[[thing == things[driver] for thing in agreeing.THINGS]] += added
    peers, follows = 0, set()
    for row, surface, rank, kind in zip(*led[explained_blocks.OF_ROWS :], strict=True):
        before = places[made.surfaces[surface]][row, rank - 1]
        by_thing = dict(zip(agreeing.THINGS, adds[row, surface, rank], strict=True))
        said = {Kind.LIKE: by_thing["taste"], Kind.PICKED: by_thing["taste"], Kind.POPULAR: by_thing["everybody"]}
        if kind == Kind.PEERS:  # told by the frame alone
            assert by_thing["peers"] >= max(said.values()) - 1e-6
            peers += 1
        elif max(said.values()) > 1e-6:
            best = Kind.LIKE if by_thing["taste"] > by_thing["everybody"] else Kind.POPULAR
            assert kind == best
            follows.add(best)
        else:
            assert kind == before["kind"]
    assert peers
    assert follows == {Kind.LIKE, Kind.POPULAR}
    assert np.array_equal(
        plain[10], [places[made.surfaces[s]][r, k - 1]["kind"] for r, s, k in zip(*plain[7:10], strict=True)]
    )
    named = led[4][np.isin(led[2], 1)]
    assert {*named.tolist()} == {-1, 7}
