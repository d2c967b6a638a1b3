"""Published runs against what users did since: a recount by hand, and that nothing later is known."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.judging import outcomes, trial_words
from pipeline.publication import publish, stores
from pipeline.settings.sections.publication import Explore, Surface
from tests.judging.world import (
    DEEP,
    HORIZON,
    ITEMS,
    JUDGED,
    NEVER_ACTIVE,
    NUMBERS,
    OLDER,
    SEGMENTS,
    TONIGHT,
    K,
    World,
    world,
)
from tests.published.targets import runs
from tests.small_shop import go, shop


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The world, written once; tests that change it write it elsewhere."""
    return world(tmp_path_factory.mktemp("world")).write()


def bucket_of(made: World, item: str, night: date) -> str:
    """Cold, head or tail, one item at a time."""
    age = made.ages()[int(item[1:])]
    if age is None or age - (TONIGHT - night).days <= 10:
        return "cold"
    sold = made.sold[max(day for day in OLDER if day <= night)]
    best: list[int] = []
    for i in sorted(range(ITEMS), key=lambda i: (-sold[i], i)):
        if sum(sold[best]) < 0.5 * sold.sum() and sold[i] > 0:
            best.append(i)
    return "head" if int(item[1:]) in best else "tail"


def wanted_by_hand(made: World, night: date, surface: str) -> dict[str, set[str]]:
    """What each user bought in the days that judge a run of a night."""
    last = min(TONIGHT, night + timedelta(days=HORIZON))
    wanted: dict[str, set[str]] = {}
    for e in made.events:
        if e["type"] == "purchase" and night < e["day"] <= last and night < e["arrival"] <= TONIGHT:
            seen_before = any(day <= night for day in made.known().get((e["user"], e["item"]), []))
            if surface == "for_you" or not seen_before:
                wanted.setdefault(e["user"], set()).add(e["item"])
    return wanted


def by_hand(made: World, run_id: str, surface: str) -> Iterator[tuple[tuple[str, str, str], dict[str, float]]]:
    """Every row of one run and surface: (source, bucket kind, bucket) and its numbers, from the definitions."""
    night = date.fromisoformat(run_id[:10])
    wanted = wanted_by_hand(made, night, surface)
    kinds = {f"i{i}": bucket_of(made, f"i{i}", night) for i in range(ITEMS)}
    buckets = [
        ("overall", "everyone"),
        *(("users", s) for s in SEGMENTS),
        *(("items", b) for b in ("cold", "tail", "head")),
    ]
    discount = 1 / np.log2(np.arange(2, K + 2))
    for source, (kind, bucket) in product(("all", "als", "ease"), buckets):
        users, shown, hits, with_hits, ndcg, recall, rows = 0, 0, 0, 0, [], [], 0
        for user, row in made.tables[run_id][surface].items():
            mine = {i for i in wanted.get(user, set()) if kind != "items" or kinds[i] == bucket}
            if not mine or (kind == "users" and made.segments[run_id][user] != bucket):
                continue
            users += 1
            counted = [
                (rank, item)
                for rank, (item, origin) in enumerate(row[:DEEP])
                if source in {"all", origin} and (kind != "items" or kinds[item] == bucket)
            ]
            rows += len(counted)
            found = [rank for rank, item in counted if item in mine]
            shown += sum(rank < K for rank, _ in counted)
            hits += sum(rank < K for rank in found)
            with_hits += any(rank < K for rank in found)
            ndcg.append(sum(discount[rank] for rank in found if rank < K) / discount[: len(mine)].sum())
            recall.append(len(found) / len(mine))
        if users and rows:
            half = 1.96 * np.std(ndcg) / np.sqrt(users)
            yield (
                (source, kind, bucket),
                {
                    "users": users,
                    "shown": shown,
                    "hits": hits,
                    "hit_rate": with_hits / users,
                    "precision": hits / shown if shown else 0,
                    "ndcg": float(np.mean(ndcg)),
                    "ndcg_low": float(np.mean(ndcg) - half),
                    "ndcg_high": float(np.mean(ndcg) + half),
                    "recall": float(np.mean(recall)),
                },
            )


def test_every_number_is_that_of_a_recount(lived: World) -> None:
    rows = lived.score()
    found = {
        (r["judged_run_id"], r["surface"], r["source"], r["bucket_kind"], r["bucket"]): {
            name: r[name] for name in r if name in NUMBERS
        }
        for r in rows
    }
    wanted = {
        (run_id, surface, *key): numbers
        for run_id, surface in product(JUDGED, ("for_you", "discover"))
        for key, numbers in by_hand(lived, run_id, surface)
    }
    assert found.keys() == wanted.keys()
    assert len(found) == len(rows) > 100
    for key, numbers in wanted.items():
        assert found[key] == pytest.approx(numbers, abs=1e-6), key
    assert any(r["hits"] for r in rows)


def test_runs_of_tonight_of_later_and_of_long_ago_are_not_judged(lived: World) -> None:
    rows = lived.score()
    assert {r["judged_run_id"]: r["days"] for r in rows} == JUDGED
    assert {r["judged_run_id"] for r in rows if not r["was_active"]} == {NEVER_ACTIVE}
    assert lived.report["judged"] == list(JUDGED)


def test_the_parts_of_the_sources_add_up(lived: World) -> None:
    rows = [r for r in lived.score() if r["bucket_kind"] == "overall"]
    for run_id, surface in product(JUDGED, ("for_you", "discover")):
        mine = {r["source"]: r for r in rows if (r["judged_run_id"], r["surface"]) == (run_id, surface)}
        for name in ("ndcg", "recall", "hits", "shown"):
            assert mine["als"][name] + mine["ease"][name] == pytest.approx(mine["all"][name], abs=1e-6)


def test_the_same_tonight_whenever_it_runs_and_whatever_arrives_later(lived: World, tmp_path: Path) -> None:
    lived.score()
    before = (lived.folder("outcomes") / "outcomes.parquet").read_bytes()
    again = world(tmp_path)
    again.events = [event for event in again.events if event["arrival"] <= TONIGHT]
    for run_id in ("2011-10-20-ffffffff", "2011-10-21-00000000"):
        del again.tables[run_id]
    again.write().score()
    assert (again.folder("outcomes") / "outcomes.parquet").read_bytes() == before


def test_an_event_counts_from_the_night_it_arrives(tmp_path: Path) -> None:
    made = world(tmp_path)
    run_id, user = "2011-10-19-eeeeeeee", "u5"
    item = made.tables[run_id]["for_you"][user][0][0]
    made.events = [e for e in made.events if e["user"] != user]
    made.events += [
        # happened after the run's night, and arrives tomorrow
        {"user": user, "item": item, "type": "purchase", "day": TONIGHT, "arrival": TONIGHT + timedelta(days=1)},
        # arrives tonight, and happened before the run's night
        {"user": user, "item": item, "type": "purchase", "day": date(2011, 10, 18), "arrival": TONIGHT},
    ]

    def users() -> int:
        return sum(r["users"] for r in made.score() if (r["judged_run_id"], *_overall(r)) == (run_id, *OVERALL))

    before = made.write() and users()
    made.events[-2]["arrival"] = TONIGHT
    made._events()
    assert users() == before + 1


OVERALL = ("for_you", "all", "overall")


def _overall(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["surface"], row["source"], row["bucket_kind"]


def test_what_was_really_shown_and_clicked_is_counted(tmp_path: Path) -> None:
    made = world(tmp_path)
    run_id, day = "2011-10-12-cccccccc", date(2011, 10, 14)
    mine = made.tables[run_id]["for_you"]["u3"]

    def log(kind: str, item: str, **more: Any) -> None:
        shown = {"user": "u3", "item": item, "type": kind, "day": day, "arrival": day, "run": run_id} | more
        made.events.append(shown)

    for place in (0, 1, 2):
        log("impression", mine[place][0], surface="for_you")
    log("impression", mine[0][0], surface="for_you")  # again
    log("click", mine[1][0], surface="for_you")
    log("impression", mine[3][0], surface="elsewhere")
    log("impression", mine[3][0], surface="for_you", run="2011-10-11-99999999")  # of a run nobody keeps
    log("impression", mine[4][0], surface="for_you", arrival=TONIGHT + timedelta(days=1))
    rows = [r for r in made.write().score() if (r["judged_run_id"], r["surface"]) == (run_id, "for_you")]
    counted = {r["source"]: (r["impressions"], r["clicks"]) for r in rows if r["bucket_kind"] == "overall"}
    assert counted["all"] == (3, 1)
    for source in ("als", "ease"):
        places = [p for p in (0, 1, 2) if mine[p][1] == source]
        assert counted[source] == (len(places), int(1 in places))
    segment = made.segments[run_id]["u3"]
    (bucket,) = [r for r in rows if (r["bucket_kind"], r["bucket"], r["source"]) == ("users", segment, "all")]
    assert (bucket["impressions"], bucket["clicks"]) == (3, 1)


def test_a_finished_night_is_made_again_only_for_runs_it_does_not_cover(tmp_path: Path) -> None:
    made = world(tmp_path)
    kept = {run_id: made.tables.pop(run_id) for run_id in ["2011-10-12-cccccccc"]}
    made.write().score()
    assert outcomes.still_holds(made.config, {"run_date": TONIGHT.isoformat(), "report": made.report})
    stores.archive(made.config).drop("2011-10-05-bbbbbbbb")  # retention forgets nothing that is known
    assert outcomes.still_holds(made.config, {"run_date": TONIGHT.isoformat(), "report": made.report})
    made.tables = kept
    made._archive()
    assert not outcomes.still_holds(made.config, {"run_date": TONIGHT.isoformat(), "report": made.report})
    made.score()
    assert outcomes.still_holds(made.config, {"run_date": TONIGHT.isoformat(), "report": made.report})


def test_before_the_first_publication_there_is_nothing(tmp_path: Path) -> None:
    made = world(tmp_path)
    made.tables = {}
    assert made.write().score() == []
    assert made.report["judged"] == []


def test_the_table_is_published_with_the_run_that_knows_it(tmp_path: Path) -> None:
    made = shop(tmp_path, outcomes=pa.Table.from_pylist([runs.outcome("new")], schema=outcomes.OUTCOMES)).write()
    run_id = go(made)["run_id"]
    active = publish.active_run(made.config)
    assert active is not None
    (row,) = pq.read_table(active.folder / "recommendation_outcomes.parquet", partitioning=None).to_pylist()
    assert (row["run_id"], row["judged_run_id"], row["ndcg"]) == (run_id, "2011-09-25-dddddddd", 0.25)


def test_a_run_of_an_older_version_is_whole_without_it(tmp_path: Path) -> None:
    made = shop(tmp_path).write()
    report = go(made)
    archive = stores.archive(made.config)
    (archive.path(report["run_id"]) / "recommendation_outcomes.parquet").unlink()
    assert archive.holds(report["run_id"])
    assert publish.still_holds(made.config, {"report": report})
    later = shop(tmp_path, night=made.night + timedelta(days=1)).write()
    go(later)
    assert publish.rollback(made.config).run_id == report["run_id"]


def test_a_trial_is_told_where_draws_are_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = world(tmp_path).write()
    assert not list(made.folder("outcomes").glob("trial*"))
    recorded = Surface(name="for_you", k=2, explore=Explore(slots=(2,), record=1.0))
    config = made.config.model_copy(update={"surfaces": (recorded,)})
    manifest = {"run_date": TONIGHT.isoformat(), "report": None}
    monkeypatch.setattr(World, "config", config)
    made.score()
    assert trial_words.read(made.folder("outcomes") / trial_words.FILE) == [], "no run has a record yet"
    assert outcomes.still_holds(config, manifest | {"report": made.report})
    without = config.model_copy(update={"surfaces": (Surface(name="for_you"),)})
    assert not outcomes.still_holds(without, manifest | {"report": made.report})
