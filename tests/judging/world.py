"""A made-up shop with published runs, whose outcomes can be counted by hand."""

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import artifacts, lists, schemas
from pipeline.intake.inputs import EVENTS
from pipeline.judging import outcomes
from pipeline.publication import stores
from pipeline.publication.tables import recommendations, user_profiles
from pipeline.sources.configuration import FullConfig
from tests.published.targets import runs

TONIGHT = date(2011, 10, 20)
HORIZON, NIGHTS, K, DEEP = 7, 16, 3, 5
USERS, ITEMS = 18, 24
OLDER = (date(2011, 9, 28), date(2011, 10, 6))
"""Label cut-offs, which know the head."""
DAYS = [date(2011, 9, 20) + timedelta(days=n) for n in range(33)]  # up to two days after tonight
SEGMENTS = ("new", "light", "heavy")
SURFACES = ({"name": "for_you"}, {"name": "discover", "repeats": False})
PUBLISHED = ["2011-10-01-aaaaaaaa", "2011-10-05-bbbbbbbb", "2011-10-12-cccccccc", "2011-10-12-dddddddd"]
PUBLISHED += ["2011-10-19-eeeeeeee", "2011-10-20-ffffffff", "2011-10-21-00000000"]
JUDGED = {"2011-10-05-bbbbbbbb": 7, "2011-10-12-cccccccc": 7, "2011-10-12-dddddddd": 7, "2011-10-19-eeeeeeee": 1}
NUMBERS = ("users", "shown", "hits", "hit_rate", "precision", "ndcg", "ndcg_low", "ndcg_high", "recall")
NEVER_ACTIVE = "2011-10-12-dddddddd"


_archived: dict[str, tempfile.TemporaryDirectory[str]] = {}
"""Copies of the published runs, by what they say."""


@dataclass
class World:
    """What happened and what was published, as rows; `write` puts it where the stage looks.

    Attributes:
        events: user, item, type, day, arrival, and what it says it was shown by.
        tables: run -> surface -> user -> (item, source) by rank.
        segments: run -> user -> segment.
        sold: cut-off -> [I] buyers of the last 91 days.
    """

    home: Path
    events: list[dict[str, Any]] = field(default_factory=list)
    tables: dict[str, dict[str, dict[str, list[tuple[str, str]]]]] = field(default_factory=dict)
    segments: dict[str, dict[str, str]] = field(default_factory=dict)
    sold: dict[date, np.ndarray] = field(default_factory=dict)

    @property
    def config(self) -> FullConfig:
        types = {
            "purchase": {"label": True},
            "view": {"weight": 0.1},
            "impression": {"weight": 0.0},
            "click": {"weight": 0.2},
        }
        return FullConfig.model_validate(
            {
                "home": self.home,
                "threads": 2,
                "horizon_days": HORIZON,
                "surfaces": SURFACES,
                "features": {"event_types": types},
                "outcomes": {"nights": NIGHTS},
                "evaluate": {"k": K, "deep": DEEP, "cold_days": 10},
            }
        )

    def folder(self, stage: str) -> Path:
        return artifacts.stage_dir(self.config.lake, stage, TONIGHT)

    def known(self) -> dict[tuple[str, str], list[date]]:
        """The days of every pair with a positive weight that arrived by tonight."""
        days: dict[tuple[str, str], list[date]] = {}
        for event in self.events:
            if event["type"] != "impression" and max(event["arrival"], event["day"]) <= TONIGHT:
                days.setdefault((event["user"], event["item"]), []).append(event["day"])
        return days

    def write(self) -> "World":
        self._events()
        self._features()
        self._archive()
        return self

    def _events(self) -> None:
        for night in DAYS:
            rows = [
                {
                    "event_id": f"e{n}",
                    "user_id": event["user"],
                    "item_id": event["item"],
                    "event_time": datetime.combine(event["day"], datetime.min.time(), UTC) + timedelta(hours=n % 24),
                    "event_type": event["type"],
                    "surface": event.get("surface"),
                    "run_id_shown": event.get("run"),
                    "query": event.get("query"),
                }
                for n, event in enumerate(self.events)
                if event["arrival"] == night
            ]
            folder = artifacts.stage_dir(self.config.lake, "ingest", night)
            folder.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist(rows, schema=EVENTS.schema), folder / "events.parquet")
            artifacts.write_manifest(folder, {"files": artifacts.describe(folder)})

    def _features(self) -> None:
        folder = self.folder("features")
        folder.mkdir(parents=True, exist_ok=True)
        users = [{"user_index": u, "user_id": f"u{u}"} for u in range(USERS)]
        pq.write_table(pa.Table.from_pylist(users, schema=schemas.USERS), folder / "users.parquet")
        loose = pa.schema([f.with_nullable(True) for f in schemas.ITEMS])
        items = [{"item_index": i, "item_id": f"i{i}"} for i in range(ITEMS)]
        pq.write_table(pa.Table.from_pylist(items, schema=loose), folder / "items.parquet")
        sizes = {"users": USERS, "items": ITEMS, "repeats": True}
        rows = [{"cutoff": TONIGHT, "role": "run"} | sizes, *({"cutoff": d, "role": "label"} | sizes for d in OLDER)]
        pq.write_table(pa.Table.from_pylist(rows, schema=schemas.CUTOFFS), folder / "cutoffs.parquet")
        for cutoff in (TONIGHT, *OLDER):
            part = lists.cutoff_dir(folder, cutoff)
            part.mkdir(exist_ok=True)
            stats = {f.name: [0] * ITEMS for f in schemas.ITEM_STATS} | {"item_index": list(range(ITEMS))}
            stats |= {"buyers_91": self.sold[cutoff].tolist(), "first_age": self.ages()}
            pq.write_table(pa.table(stats, schema=schemas.ITEM_STATS), part / "item_stats.parquet")
            pq.write_table(schemas.TRENDS.empty_table(), part / "trends.parquet")
            pq.write_table(schemas.DISLIKED.empty_table(), part / "disliked.parquet")
        pairs = sorted((int(u[1:]), int(i[1:]), (TONIGHT - min(d)).days) for (u, i), d in self.known().items())
        table = {f.name: [1] * len(pairs) for f in schemas.INTERACTIONS}
        user, item, age = zip(*pairs, strict=True)
        table |= {"user_index": user, "item_index": item, "first_age": age}
        path = lists.cutoff_dir(folder, TONIGHT) / "interactions.parquet"
        pq.write_table(pa.table({k: list(v) for k, v in table.items()}, schema=schemas.INTERACTIONS), path)

    def ages(self) -> list[float | None]:
        """Days since somebody first acted on each item."""
        first = {
            f"i{i}": [d for (_, item), days in self.known().items() if item == f"i{i}" for d in days]
            for i in range(ITEMS)
        }
        return [float((TONIGHT - min(first[f"i{i}"])).days) if first[f"i{i}"] else None for i in range(ITEMS)]

    def _archive(self) -> None:
        """Publish the runs; in one process the same runs are loaded once, and copied."""
        if not self.tables:
            return
        asked = repr((self.tables, self.segments))
        if asked not in _archived:
            self._load()
            _archived[asked] = tempfile.TemporaryDirectory()
            shutil.copytree(self.config.tables, _archived[asked].name, symlinks=True, dirs_exist_ok=True)
            return
        shutil.copytree(_archived[asked].name, self.config.tables, symlinks=True, dirs_exist_ok=True)

    def _load(self) -> None:
        target = stores.target(self.config)
        for run_id, surfaces in self.tables.items():
            folder = runs.tables(self.home / "files" / run_id, run_id)
            rows = [
                {"run_id": run_id, "surface": surface, "user_id": user, "rank": rank, "item_id": item, "source": source}
                | {"score": 0.0, "reason": "because"}
                for surface, by_user in surfaces.items()
                for user, row in by_user.items()
                for rank, (item, source) in enumerate(row, 1)
            ]
            pq.write_table(
                pa.Table.from_pylist(rows, schema=recommendations.TABLE.schema), folder / "recommendations.parquet"
            )
            profile = {"run_id": run_id, "top_categories": [], "events": 1, "last_event_time": None}
            people = [profile | {"user_id": user, "segment": s} for user, s in self.segments[run_id].items()]
            pq.write_table(
                pa.Table.from_pylist(people, schema=user_profiles.TABLE.schema), folder / "user_profiles.parquet"
            )
            target.load(run_id, folder, runs.history(run_id))
            stores.archive(self.config).keep(run_id, folder)
            if run_id != NEVER_ACTIVE:
                target.activate(run_id, published=True)

    def score(self) -> list[dict[str, Any]]:
        """Run the stage; its rows."""
        out = self.folder("outcomes")
        out.mkdir(parents=True, exist_ok=True)
        folders = {"ingest": self.folder("ingest"), "features": self.folder("features")}
        self.report = outcomes.run(**folders, run_date=TONIGHT, config=self.config, out=out)
        rows: list[dict[str, Any]] = pq.ParquetFile(out / "outcomes.parquet").read().to_pylist()
        return rows


def world(home: Path) -> World:
    """A random world; a fifth of the events arrives up to five days late."""
    rng = np.random.default_rng(11)
    made = World(home)
    for day in DAYS:
        for _ in range(14):
            late = int(rng.integers(1, 6)) if rng.random() < 0.2 else 0
            kind = "purchase" if rng.random() < 0.7 else "view"
            who, what = f"u{rng.integers(USERS)}", f"i{int(ITEMS * rng.random() ** 2)}"
            arrival = min(day + timedelta(days=late), DAYS[-1])
            made.events.append({"user": who, "item": what, "type": kind, "day": day, "arrival": arrival})
    made.sold = {cutoff: rng.integers(0, 40, ITEMS) for cutoff in (TONIGHT, *OLDER)}
    for run_id in PUBLISHED:
        night = date.fromisoformat(run_id[:10])
        had = {pair for pair, days in made.known().items() if min(days) <= night}
        made.segments[run_id] = {f"u{u}": SEGMENTS[rng.integers(3)] for u in range(USERS)}
        made.tables[run_id] = {"for_you": {}, "discover": {}}
        for surface, u in product(made.tables[run_id], range(2, USERS)):  # two users nobody knew
            order = [f"i{i}" for i in np.argsort(rng.random(ITEMS) * np.arange(1, ITEMS + 1))]
            free = [item for item in order if surface == "for_you" or (f"u{u}", item) not in had]
            made.tables[run_id][surface][f"u{u}"] = [(i, str(rng.choice(["als", "ease"]))) for i in free[: DEEP + 2]]
    return made
