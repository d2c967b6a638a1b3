"""The table `explanations`, on a shop whose log is young."""

import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import lists, sql
from pipeline.ground.errors import InputError
from pipeline.publication import checks, publish, shown
from pipeline.publication.explaining import OTHERS
from pipeline.publication.night import Night
from pipeline.publication.tables import explanations, published_by
from pipeline.settings.sections.explanations import Explanations
from tests.small_shop import NIGHT, Shop, go, shop


def asking(home: Path, ranks: int = 2, reasons: bool = False, **changes: Any) -> Shop:
    """The small shop, which asks for the table."""
    made = shop(home, **changes)
    made.config = made.config.model_copy(update={"explanations": Explanations(ranks=ranks, reasons=reasons)})
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


def test_reasons_follow_where_that_is_asked_for_and_nothing_else_moves(young: Shop, tmp_path: Path) -> None:
    """A young log has nothing that adds: all reasons stay, however often rows pass through files."""
    led = asking(tmp_path, reasons=True)
    go(led.write())
    run, other = publish.active_run(led.config), publish.active_run(young.config)
    assert run is not None
    assert other is not None
    for table in ("recommendations", "explanations"):
        ours, theirs = (pq.read_table(r.folder / f"{table}.parquet").drop(["run_id"]) for r in (run, other))
        assert ours.equals(theirs), table
    assert not list(led.folder("publish").parent.glob("*/.shown"))


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
