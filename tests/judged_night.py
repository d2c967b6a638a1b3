"""A made-up night with everything the evaluation reads: users of two tastes, and lists that know them more or less."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.arrays import top_k
from pipeline.ground import artifacts, lists, schemas
from pipeline.judging.outcomes import OUTCOMES, SLOTS, SLOTS_FILE
from pipeline.ranking.finals import Recipe
from pipeline.settings.sections.lists import Evaluate
from pipeline.sources.configuration import FullConfig

NIGHT = date(2011, 10, 3)
CUTOFF = date(2011, 9, 18)
USERS, ITEMS = 60, 40
LATE_ITEMS = 2
"""Items first known after the judged cut-off."""
SINGLE = ("popularity", "als", "user_knn", "ease", "language_model")
OFF = ("trending", "item_knn", "matrix_factorisation", "sasrec")


@dataclass
class Night:
    """Where the night is, and what truly happened.

    Attributes:
        config: home is set.
        history, truth: items per user, before and after the judged cut-off.
        rows: {(pool, list): items [T, n]} as written for the judged cut-off.
    """

    config: FullConfig
    history: dict[int, list[int]]
    truth: dict[int, list[int]]
    rows: dict[tuple[str, str], np.ndarray]
    night: date = NIGHT

    def folder(self, stage: str) -> Path:
        return artifacts.stage_dir(self.config.lake, stage, self.night)

    def inputs(self) -> dict[str, Any]:
        sources = {name: self.folder(name) for name in (*SINGLE, *OFF)}
        return {"sources": sources} | {
            name: self.folder(name) for name in ("features", "fusion", "ensemble", "outcomes")
        }

    def recipes(self, singles: dict[lists.Pool, Recipe]) -> None:
        """Write how tonight's final lists were made: merged, but for some pools."""
        made = {pool: singles.get(pool, Recipe((0.5, 0.5))).to_json() for pool in lists.KINDS}
        (self.folder("ensemble") / "weights.json").write_text(json.dumps({"publish": made}), encoding="utf-8")

    def put(self, stage: str, name: str, quality: float, seed: int = 0) -> None:
        """A list for both pools and cut-offs: noise, plus `quality` for what the user truly acts on next."""
        rng = np.random.default_rng(seed)
        noise = rng.random((USERS, ITEMS - LATE_ITEMS)).astype(np.float32)
        for user, items in self.truth.items():
            noise[user, [i for i in items if i < ITEMS - LATE_ITEMS]] += quality
        for pool in lists.KINDS:
            scores = noise.copy()
            if pool == "new":
                for user, items in self.history.items():
                    scores[user, items] = -np.inf
            items, values = top_k.top_n(scores, 20)
            for cutoff in (CUTOFF, self.night):
                lists.write_list(lists.cutoff_dir(self.folder(stage), cutoff), pool, name, items, values)
            self.rows[pool, name] = items


def make(home: Path, night: date = NIGHT, final: float = 0.6, **evaluate: object) -> Night:
    """Write a night; `final` is how much the final list knows (0: nothing, 1: all)."""
    settings = Evaluate.model_validate({"resamples": 300, "new_user_items": 3, "heavy_user_items": 6} | evaluate)
    made = Night(FullConfig(home=home, evaluate=settings, threads=1, block_users=25), {}, {}, {}, night)
    rng = np.random.default_rng(7)
    for user in range(USERS):
        liked = np.arange(ITEMS)[user % 2 :: 2]
        early = liked[liked < ITEMS - LATE_ITEMS]
        made.history[user] = sorted(rng.choice(early, rng.integers(1, 9), replace=False).tolist())
        made.truth[user] = sorted(rng.choice(liked, rng.integers(1, 6), replace=False).tolist())
    _features(made)
    for seed, stage in enumerate(SINGLE):
        made.put(stage, stage, 0.1, seed + 1)
    made.put("popularity", "buy_again", 0.15, 20)
    for seed, (stage, name) in enumerate([("fusion", "blend"), ("fusion", "hybrid"), ("ensemble", "weighted")]):
        made.put(stage, name, 0.4, seed + 30)
    made.put("ensemble", "final", final, 40)
    made.recipes({})
    made.folder("outcomes").mkdir(parents=True)
    pq.write_table(OUTCOMES.empty_table(), made.folder("outcomes") / "outcomes.parquet")
    pq.write_table(SLOTS.empty_table(), made.folder("outcomes") / SLOTS_FILE)
    vectors = np.eye(ITEMS, 8, dtype=np.float32)
    np.save(made.folder("language_model") / "item_vectors.npy", vectors)
    np.save(lists.cutoff_dir(made.folder("als"), night) / "item_factors.npy", vectors)
    return made


def _features(made: Night) -> None:
    folder = made.folder("features")
    folder.mkdir(parents=True)
    users = {"user_index": list(range(USERS)), "user_id": [f"u{u}" for u in range(USERS)]}
    pq.write_table(pa.table(users, schema=schemas.USERS), folder / "users.parquet")
    items = {f.name: [None] * ITEMS for f in schemas.ITEMS} | {
        "item_index": list(range(ITEMS)),
        "item_id": [f"i{i}" for i in range(ITEMS)],
        "title": [""] * ITEMS,
        "text": [""] * ITEMS,
        "kind": ["product"] * ITEMS,
        "available": [True] * ITEMS,
        "first_seen": [CUTOFF] * ITEMS,
    }
    pq.write_table(pa.table(items, schema=schemas.ITEMS), folder / "items.parquet")
    known = {
        "cutoff": [made.night, CUTOFF],
        "role": ["run", "label"],
        "users": [USERS, USERS],
        "items": [ITEMS, ITEMS - LATE_ITEMS],
        "repeats": [True, True],
    }
    pq.write_table(pa.table(known, schema=schemas.CUTOFFS), folder / "cutoffs.parquet")
    for cutoff in (made.night, CUTOFF):
        _cutoff(made, lists.cutoff_dir(folder, cutoff), ITEMS if cutoff == made.night else ITEMS - LATE_ITEMS)


def _cutoff(made: Night, folder: Path, known: int) -> None:
    folder.mkdir()
    pairs = [(u, i) for u, items in made.history.items() for i in items]
    columns = {f.name: [1] * len(pairs) for f in schemas.INTERACTIONS}
    columns |= {"user_index": [u for u, _ in pairs], "item_index": [i for _, i in pairs]}
    pq.write_table(pa.table(columns, schema=schemas.INTERACTIONS), folder / "interactions.parquet")
    pq.write_table(pa.table({"user_index": list(range(USERS))}, schema=schemas.TARGETS), folder / "targets.parquet")
    sold = np.bincount([i for _, i in pairs], minlength=known)
    stats = {f.name: [0] * len(sold) for f in schemas.ITEM_STATS}
    stats |= {"item_index": list(range(len(sold))), "buyers_91": sold.tolist()}
    stats |= {"first_age": [None if n == 0 else 100.0 - 2 * i for i, n in enumerate(sold)]}
    pq.write_table(pa.table(stats, schema=schemas.ITEM_STATS), folder / "item_stats.parquet")
    pq.write_table(schemas.TRENDS.empty_table(), folder / "trends.parquet")
    pq.write_table(schemas.DISLIKED.empty_table(), folder / "disliked.parquet")
    people = {f.name: [0] * USERS for f in schemas.USER_STATS} | {"user_index": list(range(USERS))}
    people |= {"items": [len(made.history[u]) for u in range(USERS)]}
    pq.write_table(pa.table(people, schema=schemas.USER_STATS), folder / "user_stats.parquet")
    labels = [(u, i, 1, i not in made.history[u]) for u, items in made.truth.items() for i in items]
    names = schemas.LABELS.names
    rows = [dict(zip(names, row, strict=True)) for row in labels]
    pq.write_table(pa.Table.from_pylist(rows, schema=schemas.LABELS), folder / "labels.parquet")
