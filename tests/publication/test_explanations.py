"""The table `explanations`, on a shop whose log is young and on a made-up night in which everything was learned."""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.engine import map_blocks
from pipeline.explanation import sharing
from pipeline.explanation.scores import Asked, Scores
from pipeline.ground import lists, sql
from pipeline.ground.artifacts import Memo
from pipeline.ground.errors import InputError
from pipeline.publication import checks, explaining, publish, shown
from pipeline.publication.explaining import OTHERS, Explained
from pipeline.publication.night import Night
from pipeline.publication.tables import explanations, published_by
from pipeline.ranking import calibration, ensemble, fusion
from pipeline.ranking.candidate_lists import with_made_lists
from pipeline.ranking.frames import Framed
from pipeline.settings.sections.explanations import Explanations
from tests.planted import Planted, plant
from tests.small_shop import NIGHT, Shop, go, shop

RANKS, K = 3, 5
TOPPED_UP = 79
"""An item that is put into a list that lacks it."""


# --- a young log ---------------------------------------------------------------------------------------------------


def asking(home: Path, ranks: int = 2, **changes: Any) -> Shop:
    """The small shop, which asks for the table."""
    made = shop(home, **changes)
    made.config = made.config.model_copy(update={"explanations": Explanations(ranks=ranks)})
    return made


@pytest.fixture(scope="module")
def young(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The small shop, published with explanations."""
    made = asking(tmp_path_factory.mktemp("young"))
    go(made.write())
    return made


def of(made: Shop, table: str = "explanations") -> list[dict[str, Any]]:
    """The rows of a table of the active run."""
    run = publish.active_run(made.config)
    assert run is not None
    rows: list[dict[str, Any]] = pq.read_table(run.folder / f"{table}.parquet").to_pylist()
    return rows


def test_of_a_young_log_everybody_is_the_only_driver_and_reasons_have_their_evidence(young: Shop) -> None:
    rows, usual = of(young), defaultdict[str, set[float]](set)
    shown_rows = {(r["surface"], r["user_id"], r["rank"]): r for r in of(young, "recommendations") if r["rank"] <= 2}
    assert {(r["surface"], r["user_id"], r["rank"]) for r in rows} == set(shown_rows)
    for place, row in shown_rows.items():
        mine = [r for r in rows if (r["surface"], r["user_id"], r["rank"]) == place]
        assert {r["item_id"] for r in mine} == {row["item_id"]}
        score = min(max(row["score"], 1e-9), 1 - 1e-9)
        assert sum(r["adds"] for r in mine) == pytest.approx(math.log(score / (1 - score)), abs=1e-5)
        assert {r["driver"] for r in mine} <= {"anybody", "rules", OTHERS}
        usual[row["item_id"]] |= {r["adds"] for r in mine if r["driver"] == "anybody"}
    assert {len(found) for found in usual.values()} == {1}, "everybody's chance is the item's, not the list's"
    titles, named = {f"i{number}": title for number, title in enumerate(young.titles)}, 0
    for row in rows:
        reason = shown_rows[row["surface"], row["user_id"], row["rank"]]["reason"]
        if reason.startswith("You bought it"):
            assert row["evidence_item_id"] == row["item_id"]
        elif reason.startswith(("New, like", "Because you bought")):
            assert titles[row["evidence_item_id"]] in reason
            named += 1
        else:
            assert row["evidence_item_id"] is None
    assert named
    assert any(row["evidence_item_id"] == "i0" for row in rows if row["user_id"] == "u0")  # "You bought it 5 times"


def test_nothing_is_written_where_nobody_asks_and_nothing_else_moves_where_somebody_does(
    young: Shop, tmp_path: Path
) -> None:
    plain = shop(tmp_path)
    go(plain.write())
    run, other = publish.active_run(plain.config), publish.active_run(young.config)
    assert run is not None
    assert other is not None
    names = {path.name for path in run.folder.iterdir()}
    assert {path.name for path in other.folder.iterdir()} == names | {"explanations.parquet"}
    for table in published_by(plain.config):
        if table.name not in ("runs", "data_checks"):
            ours, theirs = (pq.read_table(r.folder / table.file).drop(["run_id"]) for r in (run, other))
            assert ours.equals(theirs), table.name
    assert [row for row in of(young, "data_checks") if row["check_name"] != "explanations"] == [
        row | {"run_id": other.run_id} for row in of(plain, "data_checks")
    ]
    assert not list(young.folder("publish").parent.glob("*/.shown"))


def test_a_shop_that_does_not_ask_has_the_identity_it_had() -> None:
    plain = shop(Path("/nowhere")).config
    asked = plain.model_copy(update={"explanations": Explanations(ranks=1)})
    unasked = plain.model_copy(update={"explanations": Explanations(least=0.5)})
    assert plain.digest("publish") == unasked.digest("publish") != asked.digest("publish")
    assert plain.digest("ensemble") == asked.digest("ensemble")


def test_no_more_ranks_are_held_than_the_longest_list_has(young: Shop) -> None:
    longest = max(surface.k for surface in young.config.surfaces)
    for asked, held in ((1, 1), (longest, longest), (10**9, longest)):
        assert shown.ranks(young.config.model_copy(update={"explanations": Explanations(ranks=asked)})) == held


def test_where_the_gate_shows_best_sellers_everybody_is_the_driver(tmp_path: Path) -> None:
    made = asking(tmp_path)
    made.metrics = made.metrics | {"fallback": "all"}
    items = np.array([[0, 1, 2, 3]] * 3)
    part = made.write().folder("als") / f"cutoff={NIGHT}"
    lists.write_list(part, "all", "popularity", items, np.ones(items.shape))
    go(made)
    rows = [row for row in of(made) if row["surface"] == "for_you"]
    assert {row["driver"] for row in rows} == {"anybody"}
    scores = {(r["user_id"], r["rank"]): r["score"] for r in of(made, "recommendations") if r["surface"] == "for_you"}
    for row in rows:
        chance = min(scores[row["user_id"], row["rank"]], 1 - 1e-9)
        assert row["adds"] == pytest.approx(math.log(chance / (1 - chance)), abs=1e-5)


FAULTS = [
    (lambda rows: [rows[0] | {"adds": 9.0}, *rows[1:]], "user u0 at rank 1 has shares that add up to"),
    (
        lambda rows: [rows[0] | {"item_id": "i6"}, *rows[1:]],
        "user u0 at rank 1 is explained as several items, or twice",
    ),
    (lambda rows: [rows[0] | {"adds": math.nan}, *rows[1:]], "user u0 at rank 1 is explained as several items, or"),
    (lambda rows: [*rows, rows[0] | {"adds": 0.0}], "user u0 at rank 1 is explained as several items, or twice"),
    (lambda rows: [r for r in rows if (r["user_id"], r["rank"]) != ("u1", 2)], "user u1 at rank 2 is not explained"),
    (lambda rows: [*rows, rows[0] | {"user_id": "who"}], "user who at rank 1 is explained and not shown"),
    (lambda rows: [r for r in rows if r["rank"] < 2], "user u0 at rank 2 is not explained"),
    (lambda rows: [], "user u0 at rank 1 is not explained"),
]


@pytest.mark.parametrize(("change", "said"), FAULTS, ids=[said for _, said in FAULTS])
def test_the_check_finds_what_is_wrong(young: Shop, tmp_path: Path, change: Any, said: str) -> None:
    run = publish.active_run(young.config)
    assert run is not None
    for table in published_by(young.config):
        (tmp_path / table.file).symlink_to(run.folder / table.file)
    (tmp_path / "explanations.parquet").unlink()
    loose = pa.schema([field.with_nullable(True) for field in explanations.TABLE.schema])
    pq.write_table(pa.Table.from_pylist(change(of(young)), schema=loose), tmp_path / "explanations.parquet")
    with sql.connect(1, 256) as connection:
        given = {"run_date": NIGHT, "run_id": run.run_id, "config": young.config, "connection": connection}
        found = checks.offences(tmp_path, Night(**young.folders(), **given, scratch=tmp_path))
    assert set(found) == {"explanations"}
    assert any(said in one for one in found["explanations"][1])


def test_lists_without_probabilities_cannot_be_explained(tmp_path: Path) -> None:
    made = asking(tmp_path).write()
    (made.folder("ensemble") / f"cutoff={NIGHT}" / "new.final.probability.npy").unlink()
    with pytest.raises(InputError, match=r"new.final.probability.npy is missing, and explanations\.ranks asks"):
        go(made)


# --- a made-up night ------------------------------------------------------------------------------------------------


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
        rows["is_there"], rows["item"], rows["score"], rows["evidence"] = items >= 0, items, chance, -1
        rows["item"][::4, 2], rows["score"][::4, 2] = TOPPED_UP, rows["score"][::4, 1] / 2
        rows["evidence"][:, 0] = 7
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
    row, surface, rank, _, _, driver, adds = made.open(1)(block)
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
    parts = [(found[0] + block.start, *found[1:]) for block, found in mapped]
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
