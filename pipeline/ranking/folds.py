"""What one fold learns from its label windows: the blend, a ranker per pool and name, and whether users act at all."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import lists
from pipeline.ranking import activity, ranker
from pipeline.ranking.blend import Blend, calibrate, choose
from pipeline.ranking.lessons import Lesson, Lessons
from pipeline.settings.config import Config

if TYPE_CHECKING:
    from lightgbm import Booster

log = logging.getLogger(__name__)

IMPORTANCE = pa.schema(
    [
        pa.field("pool", pa.string(), nullable=False),
        pa.field("ranker", pa.string(), nullable=False),
        pa.field("feature", pa.string(), nullable=False),
        pa.field("gain", pa.float64(), nullable=False),  # share of the total
        pa.field("splits", pa.int64(), nullable=False),
    ]
)


def sample(found: Sequence[Lesson], assortment: str) -> ranker.Sample | None:
    """What several windows teach in an assortment; None if nobody acted."""
    return ranker.join([sample for lesson in found if (sample := lesson.samples.get(assortment)) is not None])


def learn(lessons: Lessons, windows: Sequence[str], config: Config, folder: Path) -> None:
    """Learn one fold.

    Args:
        lessons: the label windows.
        windows: names of those that may be learned from, newest first.
        config: the configuration.
        folder: where the fold is written.
    """
    found = [lessons.of(part) for part in windows]
    blends = {pool: learn_blend(found, pool, config).to_json() for pool in config.pools}
    (folder / "blend.json").write_text(json.dumps(blends, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    rows: list[dict[str, Any]] = []
    for pool in config.pools:
        acts = activity.fit([lessons.cutoffs[part] for part in windows], pool, config)
        ranker.write([acts] if acts else [], folder / f"{pool}.activity.txt")
    repeats = all(lessons.cutoffs[part].repeats for part in windows[:1])
    samples = {one.name: sample(found, one.name) for one in config.assortments}
    for (pool, name), (boosters, pairs, hits) in _fit(samples, repeats, config):
        if not boosters:
            said = "fusion: %s, %s.%s has nothing to learn from (%d pairs, %d acted on); its sources vote"
            log.warning(said, folder.name, pool, name, pairs, hits)
            continue
        ranker.write(boosters, folder / f"{pool}.{name}.txt")
        rows += _importance(boosters, pool, name)
        log.info("fusion: %s, %s.%s learned from %d pairs", folder.name, pool, name, pairs)
    pq.write_table(pa.Table.from_pylist(rows, schema=IMPORTANCE), folder / "importance.parquet")


Fitted = tuple["list[Booster]", int, int]
"""A ranker's models, how many pairs there were, and how many of them were acted on."""


def _fit(
    samples: Mapping[str, ranker.Sample | None], repeats: bool, config: Config
) -> Iterator[tuple[tuple[lists.Pool, str], Fitted]]:
    """Every pool's rankers, side by side."""
    each = [(pool, name) for pool in config.pools for name in config.fusion.rankers]

    def fitted(one: tuple[lists.Pool, str], threads: int) -> Fitted:
        pool, name = one
        sample = samples[lists.assortment_of(pool)]
        if sample is None:
            return [], 0, 0
        chosen, settings = sample.in_pool(pool), config.fusion.rankers[name].within(pool, repeats)
        boosters = ranker.fit(chosen, settings, config, threads) if chosen.teaches else []
        return boosters, len(chosen.acted), int(chosen.acted.sum())

    yield from zip(each, ranker.side_by_side(fitted, each, config.threads), strict=True)


def learn_blend(windows: Sequence[Lesson], pool: lists.Pool, config: Config) -> Blend:
    """Alpha chosen on the newest window, on curves fitted on those before it (on the same if it is the only one)."""
    if not windows:
        return Blend(None, None, ((0.5, 0.5), (0.5, 0.5)))
    newest, *older = (lesson.evidence[pool] for lesson in windows[: 1 + config.fusion.calibration_windows])
    fitted_on = older or [newest]
    acted = np.concatenate([window.acted for window in fitted_on])
    lm, cf = (calibrate(np.concatenate([getattr(w, side) for w in fitted_on]), acted) for side in ("lm", "cf"))
    return choose(newest, lm, cf, config.fusion.alpha_step)


def _importance(boosters: Sequence[Any], pool: str, name: str) -> list[dict[str, Any]]:
    gain = np.sum([booster.feature_importance("gain") for booster in boosters], axis=0, dtype=np.float64)
    splits = np.sum([booster.feature_importance("split") for booster in boosters], axis=0)
    columns = zip(boosters[0].feature_name(), gain / max(gain.sum(), 1e-12), splits, strict=True)
    rows = [{"pool": pool, "ranker": name, "feature": f, "gain": float(g), "splits": int(s)} for f, g, s in columns]
    return sorted(rows, key=lambda row: -row["gain"])


def report(folder: Path, fold: str) -> dict[str, float]:
    """The alphas of a fold as scalars."""
    found = {}
    for pool, blend in json.loads((folder / "blend.json").read_text(encoding="utf-8")).items():
        for user, row in zip(("warm_user", "cold_user"), blend["alpha"], strict=True):
            for item, alpha in zip(("warm_item", "cold_item"), row, strict=True):
                found[f"{fold}.{pool}.alpha.{user}.{item}"] = alpha
    return found
