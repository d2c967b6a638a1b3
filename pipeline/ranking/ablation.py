"""What each source is worth: the fusion learned and judged again without it, one source at a time.

All models are of one size, smaller than the ranker that is published, and are grown on the same binned pairs. Without
a source its ranks and score may not be used, and pairs that no other source proposes are neither learned from nor
ranked. What is made from the features alone (own history, neighbours' votes) stays.

Intervals are over users. The same model grown with another seed differs too, by a standard deviation of 0.001 to 0.003
of NDCG@10 on the example shop: what is smaller than that says nothing, and no single night decides about a source.

    ablation/ablation.parquet    one row per pool and source
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.arrays import metrics
from pipeline.features.read import Cutoff
from pipeline.ground import lists
from pipeline.ranking import ranker
from pipeline.ranking.frames import Frame, frames, wanted
from pipeline.ranking.pairs import to_lists
from pipeline.ranking.ranker import Sample
from pipeline.settings.config import Config
from pipeline.settings.sections.lists import Ranker
from pipeline.sources import Sources

if TYPE_CHECKING:
    from lightgbm import Booster

ABLATION = pa.schema(
    [
        pa.field("pool", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("with_it", pa.float64(), nullable=False),
        pa.field("without", pa.float64(), nullable=False),
        pa.field("difference", pa.float64(), nullable=False),  # what it adds
        pa.field("low", pa.float64(), nullable=False),  # 95 % interval, paired over users
        pa.field("high", pa.float64(), nullable=False),
        pa.field("alone", pa.float64(), nullable=False),  # share of the candidates that no other source proposes
        pa.field("users", pa.int32(), nullable=False),
    ]
)

# One size for all; the steps are larger than a published ranker's, the trees fewer.
MODEL = Ranker(objective="binary", learning_rate=0.1)
EVERYTHING = ""

Models = dict[tuple[lists.Pool, str], "Booster"]


def run(samples: Mapping[str, Sample | None], judged: Cutoff, sources: Sources, config: Config, folder: Path) -> None:
    """Write the table; it is empty where there is nothing to learn from.

    Args:
        samples: what the fold applied at `judged` learns from by assortment, older windows only.
        judged: the label cut-off that judges.
        sources: their folders.
        config: `fusion.ablation_*`.
        folder: where the table is written.
    """

    def fitted(pool: lists.Pool, threads: int) -> Models:
        sample = samples[lists.assortment_of(pool)]
        chosen = None if sample is None else sample.in_pool(pool)
        if chosen is None or not (kept := _thinned(chosen, config)).teaches:
            return {}
        return {(pool, name): model for name, model in _fit(kept, config, threads).items()}

    models: Models = {}
    for made in ranker.side_by_side(fitted, config.pools, config.threads):
        models |= made
    rows = judge(models, judged, sources, config) if models else []
    pq.write_table(pa.Table.from_pylist(rows, schema=ABLATION), folder / "ablation.parquet")


def proposed(names: Sequence[str], features: np.ndarray, sources: Sequence[str], depth: int) -> np.ndarray:
    """Whether each source ranks each pair among its `depth` best of either pool: bool [N, S]."""
    found = np.zeros((len(features), len(sources)), dtype=bool)
    for number, source in enumerate(sources):
        for name in (f"{source}.rank", f"{source}.rank_new"):
            found[:, number] |= features[:, names.index(name)] <= depth  # false where NaN
    return found


def _only(names: Sequence[str], features: np.ndarray, config: Config) -> np.ndarray:
    """bool [N, S], pairs that one source alone proposes."""
    found = proposed(names, features, config.fusion.sources, config.fusion.depth)
    single: np.ndarray = found.sum(axis=1, keepdims=True) == 1
    return np.asarray(found & single)


def _thinned(sample: Sample, config: Config) -> Sample:
    """At most about `fusion.ablation_pairs` pairs, whole users at random."""
    share = config.fusion.ablation_pairs / max(len(sample.acted), 1)
    if share >= 1:
        return sample
    _, number = np.unique(sample.query, return_inverse=True)
    drawn: np.ndarray = np.random.default_rng(config.seed).random(int(number.max()) + 1) < share
    return sample.within(drawn[number])


def _fit(sample: Sample, config: Config, threads: int) -> dict[str, "Booster"]:
    """The model with every source, under "", and one without each source that proposes anything."""
    import lightgbm

    settings = ranker.parameters(MODEL, config, threads)
    data = lightgbm.Dataset(
        sample.features, sample.acted.astype(np.int8), feature_name=list(sample.names), params=settings
    )
    present: np.ndarray = proposed(sample.names, sample.features, config.fusion.sources, config.fusion.depth).max(
        axis=0
    )
    alone = _only(sample.names, sample.features, config)
    models = {}
    for place, source in [(-1, EVERYTHING), *enumerate(config.fusion.sources)]:
        if place >= 0 and not present[place]:
            continue
        own = {f"{source}.{column}" for column in ("rank", "rank_new", "score")}
        allowed = [n for n, name in enumerate(sample.names) if name not in own]
        weights = np.ones(len(sample.acted)) if place < 0 else 1.0 - alone[:, place]
        data.construct().set_weight(weights.astype(np.float32))  # no weight: as if it were not there
        models[source] = lightgbm.train(
            settings | {"interaction_constraints": [allowed]}, data, config.fusion.ablation_rounds
        )
    return models


def judge(models: Models, judged: Cutoff, sources: Sources, config: Config) -> list[dict[str, Any]]:
    """Rows of the table: every model's NDCG@k on the judged window against the one with all sources."""
    number = {pool: wanted(judged, pool) for pool in config.pools}
    gained: dict[tuple[lists.Pool, str], list[np.ndarray]] = {key: [] for key in models}
    alone, pairs = dict.fromkeys(models, 0), dict.fromkeys(config.pools, 0)
    for block, found in frames(judged, sources, config):
        alone_in = {name: _only(frame.names, frame.features, config) for name, frame in found.items()}
        for (pool, source), model in models.items():
            of = lists.assortment_of(pool)
            frame, only = found[of], alone_in[of]
            kept = frame.in_pool(pool)
            if source == EVERYTHING:
                pairs[pool] += int(kept.sum())
            else:
                mine = only[:, config.fusion.sources.index(source)]
                alone[pool, source] += int((kept & mine).sum())
                kept = kept & ~mine
            scores = ranker.score([model], frame, kept, config.threads)
            gained[pool, source].append(_ndcg(frame, scores, number[pool][block], config.evaluate.k))
    values = {key: np.concatenate(parts) if parts else np.zeros(0) for key, parts in gained.items()}
    return [
        row
        for pool in config.pools
        for row in _rows(pool, {s: v for (p, s), v in values.items() if p == pool}, alone, pairs[pool], config)
    ]


def _ndcg(frame: Frame, scores: np.ndarray, number: np.ndarray, k: int) -> np.ndarray:
    """[J] float64 of the users with something to find."""
    place = to_lists(frame.pairs.rows, frame.pairs.items, scores, len(number), k)[2]
    acted = np.append(np.zeros(0, bool) if frame.acted is None else frame.acted, False)  # a pad reads the last
    return metrics.ndcg(acted[place][number > 0], number[number > 0], k)


def _rows(
    pool: lists.Pool, values: dict[str, np.ndarray], alone: Mapping[Any, int], pairs: int, config: Config
) -> list[dict[str, Any]]:
    sources = [source for source in values if source != EVERYTHING]
    if not sources or not len(values[EVERYTHING]):
        return []
    added = np.column_stack([values[EVERYTHING] - values[source] for source in sources])
    low, high = metrics.bootstrap(added, config.evaluate.resamples, config.seed)
    return [
        {
            "pool": pool,
            "source": source,
            "metric": f"ndcg@{config.evaluate.k}",
            "with_it": float(values[EVERYTHING].mean()),
            "without": float(values[source].mean()),
            "difference": float(added[:, n].mean()),
            "low": float(low[n]),
            "high": float(high[n]),
            "alone": alone[pool, source] / max(pairs, 1),
            "users": len(added),
        }
        for n, source in enumerate(sources)
    ]
