"""A small shop's artifacts of one night, shaped as the stages write them, for tests of what comes after the models."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.features import items as catalogue
from pipeline.ground import artifacts, lists, schemas
from pipeline.judging.outcomes import OUTCOMES
from pipeline.publication import publish
from pipeline.settings.sections.data import EventType
from pipeline.settings.sections.publication import Publish, Surface
from pipeline.sources.configuration import FullConfig
from tests import small_documents, small_explanations

NIGHT = date(2011, 10, 2)
STAGES = ("features", "als", "language_model", "fusion", "ensemble", "outcomes", "evaluate")


@dataclass
class Shop:
    """What is known at the end of a night; the rest of the artifacts follows from it.

    Attributes:
        config: home is set; `lake` and `tables` follow.
        titles: one per item; ids are i0, i1, ...
        bought: (user, item, days, last_age) rows; users are u0, u1, ...
        all_lists, new_lists: the ensemble's lists, one row per user.
        last_age: days since anybody acted on an item, of all items.
        factors, vectors: [I, d] of ALS and the language model.
        queries: each with its choices by item; `query_vectors` [Q, d] are the language model's.
        offers: (user, item), who alone was offered an item.
        disliked: (user, item), what is on no list of the user.
        parents: per item the product that it is a variant of.
    """

    config: FullConfig
    titles: Sequence[str]
    bought: Sequence[tuple[int, int, int, float]]
    all_lists: Sequence[Sequence[int]]
    new_lists: Sequence[Sequence[int]]
    factors: np.ndarray
    vectors: np.ndarray
    night: date = NIGHT
    user_ids: Sequence[str] = ()
    item_ids: Sequence[str] = ()
    unavailable: Sequence[int] = ()
    first_seen: dict[int, date] = field(default_factory=dict)
    buyers: Sequence[int] = ()
    last_age: float = 0.0
    trend: Sequence[float] = ()
    age_hours: float = 0.0
    lifetime_hours: float | None = None
    categories: Sequence[str | None] = ()
    countries: Sequence[str | None] = ()
    currencies: Sequence[str | None] = ()
    outcomes: pa.Table | None = None
    mean_prices: Sequence[float | None] = ()
    sources: Sequence[str] = ()
    queries: Sequence[tuple[str, dict[int, int]]] = ()
    query_vectors: np.ndarray | None = None
    offers: Sequence[tuple[int, int]] = ()
    disliked: Sequence[tuple[int, int]] = ()
    parents: Sequence[str | None] = ()
    metrics: dict[str, object] = field(
        default_factory=lambda: {"all.final.ndcg": 0.36, "new.final.ndcg": 0.11, "gate": "passed"}
    )

    def folder(self, stage: str) -> Path:
        return artifacts.stage_dir(self.config.lake, stage, self.night)

    def folders(self) -> dict[str, Any]:
        """What `publish` is called with."""
        given = {stage: self.folder(stage) for stage in STAGES}
        asked = [stage for stage in ("classify", "entities", "answer", "topics") if self.config.enabled(stage)]
        given |= {stage: self.folder(stage) for stage in asked}
        return {"sources": {name: given.pop(name) for name in ("als", "language_model")}} | given

    def write(self) -> "Shop":
        """Write every stage's folder."""
        self._features()
        part = f"cutoff={self.night.isoformat()}"
        for stage, name, values in (
            ("als", "item_factors", self.factors),
            ("language_model", "item_vectors", self.vectors),
            ("language_model", "query_vectors", np.zeros((0, 3)) if self.query_vectors is None else self.query_vectors),
        ):
            folder = self.folder(stage) / part if stage == "als" else self.folder(stage)
            folder.mkdir(parents=True, exist_ok=True)
            np.save(folder / f"{name}.npy", values.astype(np.float32))
        ensemble = self.folder("ensemble") / part
        for pool in self.config.pools:
            rows = self.new_lists if lists.kind_of(pool) == "new" else self.all_lists
            width = max(map(len, rows))
            items = np.array([[*row, *[-1] * (width - len(row))] for row in rows], dtype=np.int32)
            scores = np.where(items >= 0, np.linspace(1, 0.5, width), -np.inf)
            lists.write_list(ensemble, pool, "final", items, scores)
            np.save(ensemble / f"{pool}.final.probability.npy", np.where(items >= 0, scores, 0).astype(np.float32))
            if self.sources:
                codes = np.where(items >= 0, np.arange(items.shape[1]) % len(self.sources), -1).astype(np.int8)
                np.save(ensemble / f"{pool}.final.sources.npy", codes)
                (ensemble / "sources.json").write_text(json.dumps(list(self.sources)))
        if self.config.explanations.ranks:
            small_explanations.write(self.folder("ensemble"), part, self.config, len(self.all_lists))
        self.folder("fusion").mkdir(parents=True, exist_ok=True)
        self.folder("evaluate").mkdir(parents=True, exist_ok=True)
        self.folder("outcomes").mkdir(parents=True, exist_ok=True)
        pq.write_table(self.outcomes or OUTCOMES.empty_table(), self.folder("outcomes") / "outcomes.parquet")
        judged = {"pool": "all", "list": "final", "bucket_kind": "overall", "metric": "ndcg", "low": 0.35, "high": 0.37}
        pq.write_table(pa.Table.from_pylist([judged]), self.folder("evaluate") / "metrics.parquet")
        for stage, write in small_documents.WRITERS.items():
            if self.config.enabled(stage):
                write(self.folder(stage), self.night)
        for stage in STAGES:
            folder = self.folder(stage)
            report = self.metrics if stage == "evaluate" else {}
            artifacts.write_manifest(
                folder, {"stage": stage, "files": artifacts.describe(folder), "report": report, "run_date": self.night}
            )
        return self

    def _features(self) -> None:
        items, users = len(self.titles), len(self.all_lists)
        item_ids = list(self.item_ids) or [f"i{i}" for i in range(items)]
        user_ids = list(self.user_ids) or [f"u{u}" for u in range(users)]
        old = self.night - timedelta(days=300)
        table = {
            "item_index": range(items),
            "item_id": item_ids,
            "title": self.titles,
            "text": self.titles,
            "category": list(self.categories) or [None] * items,
            "price": [float(i) for i in range(items)],
            "price_band": [0] * items,
            "currency": list(self.currencies) or ["GBP"] * items,
            "kind": ["product"] * items,
            "parent_id": list(self.parents) or [None] * items,
            "available": [i not in self.unavailable for i in range(items)],
            "first_seen": [self.first_seen.get(i, old) for i in range(items)],
            "valid_from": [None] * items,
            "valid_until": [None] * items,
        }
        folder = self.folder("features")
        part = folder / f"cutoff={self.night.isoformat()}"
        part.mkdir(parents=True, exist_ok=True)
        described = pa.table({k: list(v) for k, v in table.items()}, schema=schemas.ITEMS)
        pq.write_table(described, folder / "items.parquet")
        if any(assortment.name for assortment in self.config.assortments):
            found = catalogue.eligible(described, self.config, self.night + timedelta(days=1))
            catalogue.write_eligible(part / "eligible.parquet", found)
        people = pa.table({"user_index": list(range(users)), "user_id": user_ids}, schema=schemas.USERS)
        if self.countries:
            said = [
                {"attribute": "country", "user_index": u, "word": word} for u, word in enumerate(self.countries) if word
            ]
            pq.write_table(pa.Table.from_pylist(said, schema=schemas.USER_ATTRIBUTES), part / "user_attributes.parquet")
        pq.write_table(people, folder / "users.parquet")
        known = {"cutoff": [self.night], "role": ["run"], "users": [users], "items": [items], "repeats": [True]}
        pq.write_table(pa.table(known, schema=schemas.CUTOFFS), folder / "cutoffs.parquet")
        asked = [
            {"query_index": n, "query": query, "users": 5, "item_index": item, "clicks": clicks}
            for n, (query, chosen) in enumerate(self.queries)
            for item, clicks in chosen.items()
        ]
        pq.write_table(pa.Table.from_pylist(asked, schema=schemas.QUERIES), folder / "queries.parquet")
        self._cutoff(part, users, items)

    def _cutoff(self, part: Path, users: int, items: int) -> None:
        rows = sorted(self.bought)
        names = {f.name: [0] * len(rows) for f in schemas.INTERACTIONS}
        user, item, count, age = (list(column) for column in zip(*rows, strict=True))
        names |= {"user_index": user, "item_index": item, "count": count, "last_age": age, "first_age": age}
        names |= {"confidence": [1.0] * len(rows)}
        pq.write_table(pa.table(names, schema=schemas.INTERACTIONS), part / "interactions.parquet")
        if self.offers:
            offered = [{"user_index": user, "item_index": item} for user, item in self.offers]
            pq.write_table(pa.Table.from_pylist(offered, schema=schemas.OFFERS), part / "offers.parquet")
        against = [{"user_index": user, "item_index": item} for user, item in sorted(self.disliked)]
        pq.write_table(pa.Table.from_pylist(against, schema=schemas.DISLIKED), part / "disliked.parquet")
        targets = sorted({row[0] for row in rows})
        pq.write_table(pa.table({"user_index": targets}, schema=schemas.TARGETS), part / "targets.parquet")
        buyers = list(self.buyers) or [sum(row[1] == i for row in rows) for i in range(items)]
        stats = {f.name: [0] * items for f in schemas.ITEM_STATS}
        stats |= {"item_index": list(range(items)), "buyers_28": buyers, "buyers_91": buyers, "buyers_total": buyers}
        stats["last_age"] = [self.last_age] * items
        pq.write_table(pa.table(stats, schema=schemas.ITEM_STATS), part / "item_stats.parquet")
        trends = {"item_index": list(range(items)), "trend": list(self.trend) or [0.0] * items}
        trends |= {"age_hours": [self.age_hours] * items, "lifetime_hours": [self.lifetime_hours] * items}
        pq.write_table(pa.table(trends | {"category": [None] * items}, schema=schemas.TRENDS), part / "trends.parquet")
        mine = [[row for row in rows if row[0] == u] for u in range(users)]
        people = {f.name: [0] * users for f in schemas.USER_STATS}
        people |= {
            "user_index": list(range(users)),
            "actions": [sum(row[2] for row in m) for m in mine],
            "items": [len(m) for m in mine],
            "last_age": [min((row[3] for row in m), default=None) for m in mine],
            "mean_price": list(self.mean_prices) or [0.0] * users,
        }
        pq.write_table(pa.table(people, schema=schemas.USER_STATS), part / "user_stats.parquet")


def shop(home: Path, night: date = NIGHT, **changes: Any) -> Shop:
    """Three customers, eight items: 0, 1, 6 sell together, 2, 3 too; 4 is new and unsold, 5 sold out, 7 unsold."""
    surfaces = (Surface(name="for_you", k=4), Surface(name="discover", repeats=False, k=4))
    section = Publish(similar_min_buyers=1, similar_k=5, popular_k=2)
    bought = {"purchase": EventType(label=True), "return": EventType(weight=-1)}
    config = FullConfig(home=home, surfaces=surfaces, publish=section, threads=1)
    config = config.model_copy(update={"features": config.features.model_copy(update={"event_types": bought})})
    factors = [[1, 0], [1, 0.1], [0, 1], [0.1, 1], [0, 0], [1, 1], [1, 0.2], [0, 0]]
    vectors = [[1, 0, 0], [1, 0.1, 0], [0, 1, 0], [0, 1, 0.1], [0.1, 1, 0.05], [1, 1, 0], [1, 0.2, 0], [0, 0, 1]]
    made = Shop(
        config=config,
        titles=["WHITE MUG", "RED MUG", "TEA POT", "GARDEN GNOME", "NEW KETTLE", "SOLD OUT BOX", "", "ODD THING"],
        bought=[(0, 0, 5, 20), (0, 2, 1, 3), (1, 2, 2, 10), (2, 1, 1, 0), (2, 3, 1, 40)],
        all_lists=[[0, 5, 1, 4], [2, 3, 7], [3, 6]],
        new_lists=[[1, 4, 6], [3, 4], [0]],
        factors=np.array(factors),
        vectors=np.array(vectors),
        night=night,
        unavailable=[5],
        first_seen={4: night - timedelta(days=3)},
        buyers=[9, 8, 7, 6, 0, 5, 4, 0],
        queries=[("mug", {0: 3, 5: 9})],
        query_vectors=np.array([[1, 0.1, 0]]),
        sources=["buy_again", "als", "als", "language_model"],
    )
    return replace(made, **changes)


def go(made: Shop) -> dict[str, Any]:
    """Publish the shop's night as run_stage would, into a folder of its own."""
    out = made.config.lake / "publish" / f".run_date={made.night}.partial"
    out.mkdir(parents=True, exist_ok=True)
    return publish.run(**made.folders(), run_date=made.night, config=made.config, out=out)
