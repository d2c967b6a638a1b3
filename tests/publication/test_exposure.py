"""The table `exposure` and the measures of surfaces, against the published lists counted by hand, row by row."""

import json
from collections import defaultdict
from math import log2
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts, schemas, sql
from pipeline.ground.errors import InputError
from pipeline.publication import exposed, publish
from pipeline.publication.tables import exposure
from pipeline.settings.sections.fairness import Fairness, FairnessLimits
from pipeline.settings.sections.publication import Allot, Surface
from pipeline.sources.configuration import load
from tests.small_shop import NIGHT, Shop, go, shop

CATEGORIES = ["mugs", "mugs", "pots", "", "pots", None, "mugs", None]
BUYERS = [9, 8, 7, 6, 0, 5, 4, 0]
TAIL = {4, 6, 7}  # of 39 actions 9 + 8 + 7 + 6 are 30, less than 31.2: i5 belongs to the head
LABELS = [(0, 0, False), (0, 4, True), (1, 3, True), (2, 5, True), (2, 1, False)]
"""(user, item, is_new) acted on in the judged window; i5 is sold out tonight."""
K = 3
POOLS = [("all", "for_you"), ("new", "discover")]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The shop, published, with a judged window."""
    found = shop(tmp_path_factory.mktemp("exposed"), categories=CATEGORIES)
    evaluate = found.config.evaluate.model_copy(update={"k": K})
    found.config = found.config.model_copy(update={"evaluate": evaluate})
    go(judged(found.write()))
    return found


def judged(made: Shop) -> Shop:
    """The shop with LABELS."""
    cutoff, folder = made.config.folds(NIGHT)["judge"], made.folder("features")
    known = pq.read_table(folder / "cutoffs.parquet").to_pylist()
    known.append(known[0] | {"cutoff": cutoff, "role": "label"})
    pq.write_table(pa.Table.from_pylist(known, schema=schemas.CUTOFFS), folder / "cutoffs.parquet")
    part = folder / f"cutoff={cutoff.isoformat()}"
    part.mkdir()
    names = ("user_index", "item_index", "is_new", "count")
    rows = [dict(zip(names, (*label, 1), strict=True)) for label in LABELS]
    pq.write_table(pa.Table.from_pylist(rows, schema=schemas.LABELS), part / "labels.parquet")
    targets = pa.table({"user_index": [0, 1, 2]}, schema=schemas.TARGETS)
    pq.write_table(targets, part / "targets.parquet")
    return made


def rows(made: Shop, table: str) -> list[dict[str, Any]]:
    run = publish.active_run(made.config)
    assert run is not None
    found: list[dict[str, Any]] = pq.read_table(run.folder / f"{table}.parquet").to_pylist()
    return found


def lists(made: Shop, surface: str) -> dict[str, list[int]]:
    """The first K items of each user, by hand."""
    found: dict[str, list[int]] = defaultdict(list)
    for row in rows(made, "recommendations"):
        if row["surface"] == surface and row["rank"] <= K:
            found[row["user_id"]].append(int(row["item_id"].removeprefix("i")))
    return found


def weights(made: Shop, surface: str) -> dict[int, float]:
    """What each item's places are worth together."""
    found: dict[int, float] = defaultdict(float)
    for items in lists(made, surface).values():
        for rank, item in enumerate(items, 1):
            found[item] += 1 / log2(rank + 1)
    return found


@pytest.mark.parametrize("surface", ["for_you", "discover"])
def test_a_groups_shares_are_those_counted_by_hand(made: Shop, surface: str) -> None:
    table = {(row["grouping"], row["value"]): row for row in rows(made, "exposure") if row["surface"] == surface}
    shown, may = weights(made, surface), set(range(8)) - {5}
    wanted = [item for _, item, is_new in LABELS if item in may and (is_new or surface == "for_you")]
    groups = {("all", "all"): may, ("popularity", "tail"): TAIL, ("popularity", "head"): may - TAIL}
    groups |= {("category", name): {i for i in may if (CATEGORIES[i] or "") == name} for name in ("mugs", "pots", "")}
    groups |= {("age", "under 7 days"): {4}, ("age", "91 to 364 days"): may - {4}, ("price_band", "0"): may}
    assert set(table) == set(groups)
    for key, items in groups.items():
        row = table[key]
        share = sum(shown[item] for item in items) / sum(shown.values())
        relevance = sum(item in items for item in wanted) / len(wanted)
        assert (row["items"], row["items_shown"]) == (len(items), sum(shown[item] > 0 for item in items))
        assert row["exposure_share"] == pytest.approx(share, abs=1e-6)
        assert row["relevance_share"] == pytest.approx(relevance)
        assert row["ratio"] == (pytest.approx(share / relevance, abs=1e-5) if relevance else None)


@pytest.mark.parametrize(("surface", "pool"), [(name, pool) for pool, name in POOLS])
def test_a_surfaces_measures_are_those_counted_by_hand(made: Shop, surface: str, pool: str) -> None:
    (run,) = rows(made, "runs")
    said, of_users = json.loads(run["metrics"]), lists(made, surface).values()
    shown = [weights(made, surface)[item] for item in set(range(8)) - {5}]
    pairs = [abs(a - b) for a in shown for b in shown]
    wanted = {
        "exposure_gini": sum(pairs) / len(pairs) / (2 * sum(shown) / len(shown)),
        "exposure_coverage": np.mean([one > 0 for one in shown]),
        "arp": np.mean([np.mean([BUYERS[item] for item in items]) for items in of_users]),
        "aplt": np.mean([np.mean([item in TAIL for item in items]) for items in of_users]),
        "aclt": np.mean([sum(item in TAIL for item in items) for items in of_users]),
        "tail_coverage": np.mean([any(item in items for items in of_users) for item in TAIL]),
    }
    for name, value in wanted.items():
        assert said[f"{pool}.{surface}.{name}"] == pytest.approx(value, abs=1e-6), name


def test_the_trend_of_a_surface_is_in_metric_history(made: Shop) -> None:
    with duckdb.connect(str(made.config.tables / "current.duckdb"), read_only=True) as connection:
        said = "select pool, list, value from metric_history where metric = 'exposure_gini' order by all"
        found = connection.execute(said).fetchall()
    table = {row["surface"]: row["gini"] for row in rows(made, "exposure") if row["grouping"] == "all"}
    assert found == [(pool, name, pytest.approx(table[name], abs=1e-5)) for pool, name in POOLS]


def test_a_young_log_knows_no_relevance_and_a_shop_may_do_without(tmp_path: Path) -> None:
    young = shop(tmp_path / "young").write()
    go(young)
    assert {(row["relevance_share"], row["ratio"]) for row in rows(young, "exposure")} == {(None, None)}
    assert {row["grouping"] for row in rows(young, "exposure")} == {"all", "popularity", "age", "price_band"}
    without = shop(tmp_path / "without")
    without.config = without.config.model_copy(update={"fairness": Fairness(groups=())})
    go(without.write())
    run = publish.active_run(without.config)
    assert run is not None
    assert not (run.folder / "exposure.parquet").exists()
    said = json.loads(rows(without, "runs")[0]["metrics"])
    assert "all.for_you.exposure_gini" in said
    assert "all.for_you.miscalibration" not in said, "its items have no categories"


def test_ages_are_divided_at_their_days() -> None:
    groups = exposed.of_age(np.array([0, 6, 7, 27, 28, 90, 91, 364, 365, 4000]))
    assert [groups.values[code] for code in groups.code] == [
        *["under 7 days"] * 2,
        *["7 to 27 days"] * 2,
        *["28 to 90 days"] * 2,
        *["91 to 364 days"] * 2,
        *["365 days or more"] * 2,
    ]


def test_groups_are_of_what_the_shop_declares(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.toml"
    path.write_text('[fairness]\ngroups = ["owner"]\n[ingest.events]\nfiles = "e.csv"\nsql = "e.sql"\n')
    with pytest.raises(
        InputError, match=r"fairness\.groups: 'owner' is no attribute of the items, and a word is needed"
    ):
        load(path)


def night_with(made: Shop, limits: FairnessLimits, scratch: Path) -> Any:
    """What `facts` reads of a night that was judged to have gaps, of the pool of for_you a wide one."""
    artifacts.write_manifest(
        scratch, {"report": {"all.final.group_gap.low": 0.2, "new.final.group_gap.low": 0.05}, "files": {}}
    )
    config = made.config.model_copy(update={"fairness": Fairness(limits=limits)})
    return SimpleNamespace(config=config, evaluate=scratch)


def test_limits_name_the_groups_that_break_them(made: Shop, tmp_path: Path) -> None:
    table = rows(made, "exposure")
    limited = FairnessLimits(max_gini=0.3, min_exposure_ratio=0.9, min_relevance_share=0.2, max_group_gap=0.1)
    with duckdb.connect() as connection:
        for name, fact in exposure.facts(night_with(made, limited, tmp_path)).items():
            connection.register(name, fact)
        connection.register("exposure", pa.Table.from_pylist(table, schema=exposure.TABLE.schema))
        said = [text for (text,) in connection.execute(sql.statement("checks/tables/exposure_limits")).fetchall()]
    wanted = [row for row in table if row["grouping"] == "all" and row["gini"] > 0.3]
    wanted += [row for row in table if (row["ratio"] or 1) < 0.9 and (row["relevance_share"] or 0) >= 0.2]
    assert len(wanted) > 2
    gap = "for_you: one group of users is ahead of another by 0.2 of NDCG at least, above max_group_gap = 0.1"
    assert gap in said
    said.remove(gap)
    assert sorted(text.split(":")[0] for text in said) == sorted(row["surface"] for row in wanted)


def test_limits_ask_for_the_table() -> None:
    with pytest.raises(ValueError, match=r"name fairness\.groups"):
        Fairness(groups=(), limits=FairnessLimits(max_gini=0.5))


def test_a_group_is_shown_its_least_share_by_who_loses_least(tmp_path: Path) -> None:
    """Everybody is shown mugs first; pots, which are wanted too, are second for all, and nearly as good for u2."""
    lists_of_all = [[0, 2], [1, 4], [6, 2], [0, 4]]
    history = [(user, 3, 1, 5.0) for user in range(4)]
    found = shop(tmp_path, categories=CATEGORIES, all_lists=lists_of_all, new_lists=[[0]] * 4, bought=history)
    surfaces = (Surface(name="kept", k=1, min_exposure=0.9), Surface(name="plain", k=1))
    found.config = found.config.model_copy(update={"surfaces": surfaces})
    part = judged(found.write()).folder("ensemble") / f"cutoff={NIGHT}"
    chances = np.array([[0.9, 0.3], [0.9, 0.5], [0.9, 0.8], [0.9, 0.6]], dtype=np.float32)
    np.save(part / "all.final.probability.npy", chances)
    go(found)
    of: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in rows(found, "exposure"):
        if row["grouping"] == "category":
            of[row["surface"]][row["value"]] = row
    # of the labels of what may be shown, mugs have two of four, pots one, and i3 is of no category
    assert of["kept"]["pots"]["relevance_share"] == pytest.approx(0.25)
    assert of["plain"]["pots"]["ratio"] == 0
    assert of["kept"]["pots"]["ratio"] == pytest.approx(1)
    shown = {(row["surface"], row["user_id"]): row["item_id"] for row in rows(found, "recommendations")}
    assert [shown["kept", f"u{user}"] for user in range(4)] == ["i0", "i1", "i2", "i0"]
    assert [shown["plain", f"u{user}"] for user in range(4)] == ["i0", "i1", "i6", "i0"]


def test_what_is_asked_for_a_group_must_be_known(tmp_path: Path) -> None:
    surface = Surface(name="kept", k=4, min_exposure=0.5)
    young = shop(tmp_path / "young", categories=CATEGORIES)
    surfaces = (surface, Surface(name="plain", k=4))
    young.config = young.config.model_copy(update={"surfaces": surfaces})
    go(young.write())  # nobody knows yet what is wanted: nothing changes
    by_surface = defaultdict(list)
    for row in rows(young, "recommendations"):
        by_surface[row["surface"]].append((row["user_id"], row["rank"], row["item_id"], row["score"]))
    assert by_surface["kept"] == by_surface["plain"]
    without = shop(tmp_path / "without")
    without.config = without.config.model_copy(update={"surfaces": (surface,)})
    with pytest.raises(InputError, match="surface 'kept': min_exposure is for groups by category, and no item has one"):
        go(without.write())
    path = tmp_path / "pipeline.toml"
    path.write_text('[[surfaces]]\nname = "s"\nmin_exposure = 0.5\nmin_exposure_by = "owner"\n')
    with pytest.raises(InputError, match="surface 's': min_exposure_by = 'owner' is no attribute of the items"):
        load(path)
    with pytest.raises(ValueError, match="allot and min_exposure exclude each other"):
        Surface(name="s", min_exposure=0.5, allot=Allot())
