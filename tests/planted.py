"""A small night whose right answer is known, in the shape the stages leave it on disk.

Every pair has a hidden affinity; what users do in a label window is drawn from it. Each source sees the affinity
through noise of its own, so a fusion that weighs them must beat every one of them.
"""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.arrays import top_k
from pipeline.features.read import Cutoff, read_cutoffs
from pipeline.ground import artifacts, lists, schemas
from pipeline.ground.artifacts import Memo
from pipeline.sources.configuration import FullConfig

USERS, ITEMS, DIMENSIONS = 120, 80, 6
NIGHT = date(2011, 10, 2)
# How loud the noise is that a source hears the affinity through.
NOISE = {"als": 1.0, "language_model": 1.6, "user_knn": 1.3, "ease": 1.5, "popularity": 3.0, "buy_again": 1.0}
STAGES = {"popularity": ("popularity", "buy_again"), "als": ("als",), "user_knn": ("user_knn",)}
STAGES |= {"ease": ("ease",), "language_model": ("language_model",)}
STAGES |= dict.fromkeys(
    ("item_knn", "matrix_factorisation", "sasrec", "trending", "linked", "demographic"), ()
)  # switched off


def small(home: Path, **fusion: object) -> FullConfig:
    """A configuration for the planted night."""
    settings = {
        "rounds": 30,
        "min_leaf": 10,
        "depth": 25,
        "length": 40,
        "neighbours": 10,
        "ablation_rounds": 5,
    } | fusion
    return FullConfig.model_validate(
        {
            "home": home,
            "label_windows": 6,
            "threads": 1,
            "block_users": 50,
            "fusion": settings,
            "ensemble": {"step": 0.5},
        }
    )


@dataclass
class Planted:
    """The stages' folders by name, for `run`."""

    config: FullConfig
    folders: dict[str, Path]

    @property
    def cutoffs(self) -> list[Cutoff]:
        """Tonight, then the label cut-offs."""
        return read_cutoffs(self.folders["features"])

    def out(self, stage: str) -> Path:
        """A folder for a stage's output, made."""
        folder = artifacts.stage_dir(self.config.lake, stage, NIGHT)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def sources(self) -> dict[str, Path]:
        """The folders of the sources by name."""
        return {name: folder for name, folder in self.folders.items() if name != "features"}

    @property
    def given(self) -> dict[str, Any]:
        """What a stage that reads features and all sources is called with."""
        return {"features": self.folders["features"], "sources": self.sources}

    def finish(self, stage: str, memo: Memo | None = None) -> None:
        """Write a stage's manifest, as `run_stage` does."""
        folder = artifacts.stage_dir(self.config.lake, stage, NIGHT)
        artifacts.write_manifest(folder, {"files": artifacts.describe(folder), "parts": memo.parts if memo else {}})


def plant(home: Path, seed: int = 0, repeats: bool = True, **fusion: object) -> Planted:
    """Write features and sources of a night below `home`; whether users are known to come back to an item."""
    config = small(home, **fusion)
    rng = np.random.default_rng(seed)
    folders = {name: artifacts.stage_dir(config.lake, name, NIGHT) for name in ("features", *STAGES)}
    night = Planted(config, folders)
    taste = rng.normal(size=(USERS, DIMENSIONS)) @ rng.normal(size=(DIMENSIONS, ITEMS))  # [U, I]
    taste = ((taste - taste.mean()) / taste.std()).astype(np.float32)
    days = (NIGHT, *config.label_cutoffs(NIGHT))
    for day in days:
        _features(folders["features"] / f"cutoff={day}", taste, rng, label=day != NIGHT)
    rows = [{"cutoff": d, "role": "run" if d == NIGHT else "label", "users": USERS, "items": ITEMS} for d in days]
    rows = [row | {"repeats": repeats} for row in rows]
    pq.write_table(pa.Table.from_pylist(rows, schema=schemas.CUTOFFS), folders["features"] / "cutoffs.parquet")
    for cutoff in night.cutoffs:
        _sources(night, cutoff, taste, rng)
    for stage, folder in folders.items():
        folder.mkdir(parents=True, exist_ok=True)
        night.finish(stage)
    return night


def _write(folder: Path, name: str, schema: pa.Schema, **columns: np.ndarray) -> None:
    arrays = [pa.array(columns[field.name], field.type, from_pandas=True) for field in schema]
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), folder / f"{name}.parquet")


def _features(folder: Path, taste: np.ndarray, rng: np.random.Generator, label: bool) -> None:
    folder.mkdir(parents=True)
    acted = rng.random(taste.shape) < 1 / (1 + np.exp(2.0 - 1.5 * taste))
    acted[np.arange(USERS), taste.argmax(axis=1)] = True  # nobody is without a history
    users, items = np.nonzero(acted)
    n = len(users)
    first = rng.integers(20, 200, n).astype(np.float32)
    last = (first * rng.random(n)).astype(np.float32).round()
    decays = {f"decay_{h}": 0.5 ** (last / h) for h in (7, 30, 90, 365)}
    numbers = {"user_index": users, "item_index": items, "confidence": decays["decay_30"], "count": 1 + (first > 100)}
    ages = {"first_age": first, "last_age": last}
    rest = {"returns": np.zeros(n, int), "kept": np.ones(n, int)} | dict.fromkeys(
        ("quantity", "spent"), np.full(n, np.nan)
    )
    _write(folder, "interactions", schemas.INTERACTIONS, **numbers, **ages, **decays, **rest)
    buyers = acted.sum(axis=0)
    counted = {f: buyers for f in schemas.ITEM_STATS.names if f.startswith("buyers")}
    nothing, age = np.full(ITEMS, np.nan), rng.integers(1, 300, ITEMS).astype(float)
    stats = {"item_index": np.arange(ITEMS), "first_age": age, "last_age": age / 3, "price": nothing}
    _write(folder, "item_stats", schemas.ITEM_STATS, **counted, **stats)
    _write(folder, "disliked", schemas.DISLIKED, user_index=users[:0], item_index=items[:0])
    sizes, age = acted.sum(axis=1), rng.integers(1, 300, USERS).astype(float)
    user = {"user_index": np.arange(USERS), "actions": sizes, "days_active": sizes, "items": sizes}
    user |= {"first_age": age, "last_age": age / 3, "mean_interval": age / 5}
    empty = np.full(USERS, np.nan)
    _write(folder, "user_stats", schemas.USER_STATS, **user, basket_items=empty, mean_price=empty)
    targets = np.arange(USERS)
    if label:
        label_users, label_items = _drawn(taste, rng)
        targets = np.unique(label_users)
        row = {"user_index": label_users, "item_index": label_items, "count": np.ones(len(label_users), int)}
        _write(folder, "labels", schemas.LABELS, **row, is_new=~acted[label_users, label_items])
    _write(folder, "targets", schemas.TARGETS, user_index=targets)


def _drawn(taste: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """What users do in a window: about five items each, those they like most."""
    noisy = taste + rng.gumbel(size=taste.shape) * 0.35
    noisy[rng.random(USERS) < 0.2] = -np.inf  # some do nothing
    users, items = np.nonzero(noisy > 1.9)
    return users, items


def _sources(night: Planted, cutoff: Cutoff, taste: np.ndarray, rng: np.random.Generator) -> None:
    targets, seen = cutoff.targets(), cutoff.matrix("count").toarray() > 0
    for stage, names in STAGES.items():
        folder = cutoff.dir_in(night.folders[stage])
        for name in names:
            heard = (taste + rng.normal(size=taste.shape) * NOISE[name]).astype(np.float32)[targets]
            own = seen[targets]
            if name == "buy_again":
                heard = np.where(own, heard, -np.inf)
            if name in ("als", "language_model"):  # exact scores for every pair: one dimension per item
                kind = "factors" if name == "als" else "vectors"
                folder.mkdir(parents=True, exist_ok=True)
                np.save(folder / f"user_{kind}.npy", heard)
                np.save(folder / f"item_{kind}.npy", np.eye(ITEMS, dtype=np.float32))
            lists.write_list(folder, "all", name, *top_k.top_n(heard, 30))
            if name != "buy_again":
                lists.write_list(folder, "new", name, *top_k.top_n(np.where(own, -np.inf, heard), 30))


def quality(cutoff: Cutoff, items: np.ndarray, pool: str) -> float:
    """NDCG@10 by the plain definition, one user after the other."""
    labels = cutoff.labels().to_pylist()
    values = []
    for row, user in enumerate(cutoff.targets()):
        theirs = (r for r in labels if r["user_index"] == user and (pool == "all" or r["is_new"]))
        truth = {r["item_index"] for r in theirs}
        if truth:
            gained = sum(1 / np.log2(r + 2) for r, item in enumerate(items[row, :10]) if item in truth)
            values.append(gained / sum(1 / np.log2(r + 2) for r in range(min(10, len(truth)))))
    return float(np.mean(values))


def window(night: Planted, fold: str) -> Cutoff:
    """The cut-off a fold is applied at."""
    day = night.config.folds(NIGHT)[fold]
    return next(c for c in night.cutoffs if c.cutoff == day)


def relabel(night: Planted, cutoff: Cutoff) -> None:
    """Replace what happened in one label window: every target acted on item 0 alone."""
    targets = cutoff.targets()
    numbers = {"user_index": targets, "item_index": np.zeros(len(targets), int), "count": np.ones(len(targets), int)}
    _write(cutoff.folder, "labels", schemas.LABELS, **numbers, is_new=np.ones(len(targets), bool))
    night.finish("features")


def read_json(path: Path) -> dict[str, object]:
    """A JSON file."""
    content: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return content


__all__ = ["NIGHT", "Planted", "plant", "quality", "read_json", "relabel", "small", "timedelta", "window"]
