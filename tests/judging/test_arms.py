"""What came of an experiment's arms: a recount by hand, nights that go on from others, and what does not count."""

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts
from pipeline.judging import arms
from pipeline.publication import stores
from pipeline.settings.sections.experiment import Experiment
from pipeline.sources.configuration import FullConfig
from tests.judging.world import NEVER_ACTIVE, TONIGHT, USERS, K, World, world

SHARES = {"control": 0.4, "b": 0.3}
TRIAL = Experiment.model_validate(
    {"name": "trial", "since": "2011-10-05", "arms": [{"name": n, "share": s} for n, s in SHARES.items()]}
)
SHOWN = {"2011-10-05-bbbbbbbb": (6, 12), "2011-10-12-cccccccc": (13, 19), "2011-10-19-eeeeeeee": (20, 20)}
"""The runs that applications read, with the days of October on which they did."""
Counts = dict[tuple[str, str], tuple[int, int, int, int]]


@dataclass
class Trial(World):
    """The world with an experiment, which its runs say they had."""

    experiment: Experiment = TRIAL
    others: tuple[str, ...] = ()

    @property
    def config(self) -> FullConfig:
        return super().config.model_copy(update={"experiment": self.experiment})

    def write(self) -> "Trial":
        super().write()
        for run_id in self.tables:
            of = TRIAL.model_copy(update={"salt": "another"}) if run_id in self.others else TRIAL
            path = stores.archive(self.config).path(run_id) / "experiment.json"
            path.write_text(json.dumps(of.made_of), encoding="utf-8")
        return self


def trial(home: Path, **changes: Any) -> Trial:
    """The random world with clicks on what was shown, half of them on one surface, one on a run nobody read."""
    plain, rng = world(home), np.random.default_rng(5)
    for run_id, (first, last) in SHOWN.items():
        for _ in range(60):
            day = date(2011, 10, int(rng.integers(first, last + 1)))
            click = {"user": f"u{rng.integers(USERS)}", "item": f"i{rng.integers(4)}", "type": "click", "day": day}
            shown = {"run": run_id, "surface": [None, "for_you"][int(rng.integers(2))]}
            plain.events.append(click | {"arrival": day} | shown)
    plain.events.append(click | {"arrival": day, "run": NEVER_ACTIVE, "surface": None})
    return Trial(home, plain.events, plain.tables, plain.segments, plain.sold, **changes)


def arm_by_hand(user: str) -> str | None:
    bucket = int(hashlib.sha256(f"trial:{user}".encode()).hexdigest()[:13], 16) / 2**52
    return "control" if bucket < 0.4 else "b" if bucket < 0.7 else None


def by_hand(made: Trial, first: int = 6, last: int = 20, runs: Any = SHOWN) -> Counts:
    """Days, actions, hits and clicks of every surface and user in an arm, one event at a time."""
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for run_id, surface in product(runs, ("for_you", "discover")):
        days = [date(2011, 10, d) for d in range(runs[run_id][0], runs[run_id][1] + 1) if first <= d <= last]
        for user, row in made.tables[run_id][surface].items():
            if arm_by_hand(user) is None or not days:
                continue
            known = [e for e in made.events if e["user"] == user and e["day"] in days and e["arrival"] <= TONIGHT]
            acted = {(e["item"], e["day"]) for e in known if e["type"] == "purchase"}
            top = {item for item, _ in row[:K]}
            clicks = [e for e in known if e["type"] == "click" and e["run"] == run_id]
            on = {(e["item"], e["day"]) for e in clicks if e["surface"] in (None, surface)}
            one = (len(days), len(acted), sum(item in top for item, _ in acted), len(on))
            found[surface, user] = [a + b for a, b in zip(found[surface, user], one, strict=True)]
    return {key: (a, b, c, d) for key, (a, b, c, d) in found.items()}


def counted(made: Trial) -> Counts:
    rows = pq.ParquetFile(made.folder("outcomes") / arms.USERS_FILE).read().to_pylist()
    assert all(row["arm"] == arm_by_hand(row["user_id"]) for row in rows)
    return {(r["surface"], r["user_id"]): (r["days"], r["actions"], r["hits"], r["clicks"]) for r in rows}


def test_every_users_days_and_what_they_did_are_those_of_a_recount(tmp_path: Path) -> None:
    made = trial(tmp_path).write()
    made.score()
    wanted = by_hand(made)
    assert counted(made) == wanted
    assert all(sum(one[n] for one in wanted.values()) > 20 for n in range(4))
    assert sum(one[2] for one in wanted.values()) < sum(one[1] for one in wanted.values())


def test_the_look_has_each_arms_means(tmp_path: Path) -> None:
    made = trial(tmp_path).write()
    made.score()
    known = arms.read(made.folder("outcomes"), TRIAL)
    assert known is not None
    assert known.through == TONIGHT
    rows = known.looks.to_pylist()
    assert {row["day"] for row in rows} == {TONIGHT}
    wanted = by_hand(made)
    for row in rows:
        mine = [v for (s, u), v in wanted.items() if (s, arm_by_hand(u)) == (row["surface"], row["arm"])]
        total = sum(one[1 + arms.MEASURES.index(row["measure"])] for one in mine)
        days = sum(one[0] for one in mine)
        assert (row["users"], row["user_days"], row["total"]) == (len(mine), days, total)
        assert row["mean"] == pytest.approx(total / days)
        assert row["low"] is None  # of so few users nothing is said
        assert (row["difference"] is None) == (row["arm"] == "control")
    assert len(rows) == 2 * 2 * 3


def test_a_night_goes_on_from_the_one_before(tmp_path: Path) -> None:
    made = trial(tmp_path).write()
    before = artifacts.stage_dir(made.config.lake, "outcomes", TONIGHT - timedelta(days=3))
    before.mkdir(parents=True)
    known = by_hand(made, last=15)
    rows = [
        {"surface": s, "user_id": u, "arm": arm_by_hand(u), "days": 100 + n, "actions": a, "hits": h, "clicks": c}
        for (s, u), (n, a, h, c) in known.items()
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=arms.USERS), before / arms.USERS_FILE)
    look = {"day": date(2011, 10, 15), "surface": "for_you", "arm": "b", "measure": "hits", "first": 4.0}
    pq.write_table(pa.Table.from_pylist([look], schema=arms.LOOKS), before / arms.LOOKS_FILE)
    # as a version wrote it that knew of fewer settings
    arms_then = [arm | {"overlay": {k: v for k, v in arm["overlay"].items() if v}} for arm in TRIAL.made_of["arms"]]
    said = {"experiment": TRIAL.made_of | {"arms": arms_then}, "through": "2011-10-15"}
    assert said["experiment"] != TRIAL.made_of
    (before / arms.STATE_FILE).write_text(json.dumps(said), encoding="utf-8")
    artifacts.write_manifest(before, {"files": artifacts.describe(before)})
    made.score()
    wanted = {key: (100 + days, *rest) for key, (days, *rest) in by_hand(made).items()}
    assert counted(made) == wanted
    found = arms.latest(made.config, TONIGHT)
    assert found is not None  # tonight's is not finished: no manifest
    assert found.through == date(2011, 10, 15)
    tonight = arms.read(made.folder("outcomes"), TRIAL)
    assert tonight is not None
    assert tonight.looks.column("day").to_pylist()[:2] == [date(2011, 10, 15), TONIGHT]


def test_nights_with_other_arms_do_not_count(tmp_path: Path) -> None:
    made = trial(tmp_path, others=("2011-10-12-cccccccc",)).write()
    made.score()
    rest = {run_id: days for run_id, days in SHOWN.items() if "cccc" not in run_id}
    assert counted(made) == by_hand(made, runs=rest)
    changed = TRIAL.model_copy(update={"salt": "a third"})
    assert arms.read(made.folder("outcomes"), changed) is None
    assert arms.read(made.folder("outcomes"), Experiment()) is None


def test_a_surface_that_takes_no_part_is_not_counted(tmp_path: Path) -> None:
    only = TRIAL.model_copy(update={"surfaces": ("discover",)})
    made = trial(tmp_path, experiment=only).write()
    for run_id in made.tables:
        path = stores.archive(made.config).path(run_id) / "experiment.json"
        path.write_text(json.dumps(only.made_of), encoding="utf-8")
    made.score()
    assert counted(made) == {key: value for key, value in by_hand(made).items() if key[0] == "discover"}


@pytest.mark.parametrize("since", [None, TONIGHT])
def test_without_arms_yet_nothing_is_written(tmp_path: Path, since: date | None) -> None:
    experiment = TRIAL.model_copy(update={"since": since}) if since else Experiment()
    made = trial(tmp_path, experiment=experiment).write()
    made.score()
    assert sorted(path.name for path in made.folder("outcomes").iterdir()) == ["outcomes.parquet", "slots.parquet"]


def test_many_users_get_an_interval_which_later_looks_narrow() -> None:
    rng, found = np.random.default_rng(2), arms.LOOKS.empty_table()

    with duckdb.connect() as connection:
        for day in (date(2011, 10, 6), date(2011, 10, 20)):
            days = (day - date(2011, 10, 5)).days
            people = [
                {"surface": "for_you", "user_id": f"u{n}", "arm": arm, "days": days, "hits": 0, "clicks": 0}
                | {"actions": int(rng.poisson(days * (1.0 if arm == "b" else 0.5)))}
                for n, arm in enumerate(np.repeat(["control", "b"], 400))
            ]
            users = pa.Table.from_pylist(people, schema=arms.USERS)
            found = pa.concat_tables([found, arms._look(connection, users, found, day, TRIAL)])
    rows = [row for row in found.to_pylist() if row["arm"] == "b" and row["measure"] == "actions"]
    assert all(row["low"] < 0.5 < row["high"] and row["low"] > 0 for row in rows)
    assert rows[1]["high"] - rows[1]["low"] < 0.4 * (rows[0]["high"] - rows[0]["low"])
    assert rows[0]["first"] == rows[1]["first"]
    assert [row["low"] for row in found.to_pylist() if row["measure"] == "hits" and row["arm"] == "b"] == [None, None]
