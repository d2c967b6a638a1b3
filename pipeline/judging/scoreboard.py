"""All lists of one pool side by side: every metric overall and by bucket, and the final list against each other one."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.arrays import metrics
from pipeline.features.read import Cutoff
from pipeline.ground.lists import Pool
from pipeline.judging import measuring
from pipeline.judging.gate import FINAL, Comparison
from pipeline.judging.measuring import Buckets, Measured, Truth, Values
from pipeline.settings.config import Config


@dataclass(frozen=True)
class Pitch:
    """What all lists of a pool are judged with.

    Attributes:
        cutoff: the judged cut-off.
        truth: what the users of the pool acted on after it.
        buckets: of users and items.
        vectors: [I, h] item vectors, or None.
        config: the configuration.
    """

    cutoff: Cutoff
    truth: Truth
    buckets: Buckets
    vectors: np.ndarray | None
    config: Config


@dataclass(frozen=True)
class Scoreboard:
    """The outcome of one pool.

    Attributes:
        pool: the pool.
        rows: [J] rows of the cut-off's targets that are judged.
        measured: the metrics of every list.
        comparisons: the final list against each other one.
        final: its metrics per judged user, [J] each.
    """

    pool: Pool
    rows: np.ndarray
    measured: list[Measured]
    comparisons: list[Comparison]
    final: Values


def judge(given: dict[str, np.ndarray], pitch: Pitch) -> Scoreboard:
    """Judge lists [T, n] by name; "final" must be among them."""
    everyone: dict[str, Values] = {}
    in_buckets: list[Measured] = []
    for name, items in given.items():
        found = measuring.measure(items, pitch.truth, pitch.buckets, pitch.config)
        in_buckets += _by_bucket(name, found, pitch)
        everyone[name] = found["everyone"]  # what is per user and bucket is let go
    per = {name: measuring.per_user(values) for name, values in everyone.items()}
    measured = [*_overall(everyone, per, pitch), *in_buckets, *_catalogue(given, pitch)]
    return Scoreboard(pitch.truth.pool, pitch.truth.rows, measured, _compare(per, pitch), per[FINAL])


def _stacked(per: dict[str, Values]) -> np.ndarray:
    """[J, L x M] the metrics of all lists side by side."""
    return np.column_stack([column for values in per.values() for column in values.values()])


def _intervals(per: dict[str, Values], config: Config) -> dict[tuple[str, str], tuple[float, float]]:
    """95 % intervals of each list's own means, by list and metric."""
    low, high = metrics.bootstrap(_stacked(per), config.evaluate.resamples, config.seed)
    names = [(name, metric) for name, values in per.items() for metric in values]
    return dict(zip(names, zip(low.tolist(), high.tolist(), strict=True), strict=True))


def _compare(per: dict[str, Values], pitch: Pitch) -> list[Comparison]:
    """The final list against each other one on every metric."""
    final = per[FINAL]
    others = {name: values for name, values in per.items() if name != FINAL}
    users = len(pitch.truth.rows)
    if not users or not others:
        return []
    gaps = {name: {metric: final[metric] - values[metric] for metric in values} for name, values in others.items()}
    bounds = _intervals(gaps, pitch.config)
    together = _together(gaps, pitch.config)
    return [
        Comparison(
            pool=pitch.truth.pool,
            versus=name,
            metric=metric,
            final=float(final[metric].mean()),
            other=float(others[name][metric].mean()),
            difference=float(gap.mean()),
            low=bounds[name, metric][0],
            high=bounds[name, metric][1],
            users=users,
            all_low=together.get((name, metric), (None, None))[0],
            all_high=together.get((name, metric), (None, None))[1],
        )
        for name, columns in gaps.items()
        for metric, gap in columns.items()
    ]


def _together(gaps: dict[str, Values], config: Config) -> dict[tuple[str, str], tuple[float, float]]:
    """Intervals of the gate's metric, by list and metric, that hold for all lists at once with 95 %.

    Source: Dunn, Journal of the American Statistical Association 56 (1961), Bonferroni's inequality.
    """
    judged = config.evaluate.gate_metric
    names = [(name, m) for name, columns in gaps.items() for m in columns if m.partition("@")[0] == judged]
    values = np.column_stack([gaps[name][metric] for name, metric in names])
    level = 1 - 0.05 / len(names)
    low, high = metrics.bootstrap(values, config.evaluate.resamples, config.seed, level)
    return dict(zip(names, zip(low.tolist(), high.tolist(), strict=True), strict=True))


def _overall(everyone: dict[str, Values], per: dict[str, Values], pitch: Pitch) -> Iterator[Measured]:
    bounds = _intervals(per, pitch.config)
    chosen = np.ones(len(pitch.truth.rows), dtype=bool)
    for name, values in everyone.items():
        means, users = measuring.averages(values, chosen, pitch.config.evaluate.k)
        for metric, value in means.items():
            low, high = bounds.get((name, metric), (None, None))
            yield Measured(pitch.truth.pool, name, "overall", "everyone", metric, value, low, high, users)


def _by_bucket(name: str, found: dict[str, Values], pitch: Pitch) -> Iterator[Measured]:
    codes = pitch.buckets.users[pitch.truth.rows]
    parts = [("users", bucket, "everyone", codes == code) for code, bucket in enumerate(measuring.USER_BUCKETS)]
    parts += [("items", bucket, bucket, codes >= 0) for bucket in measuring.ITEM_BUCKETS]
    for kind, bucket, key, chosen in parts:
        means, users = measuring.averages(found[key], chosen, pitch.config.evaluate.k)
        for metric, value in means.items():
            yield Measured(pitch.truth.pool, name, kind, bucket, metric, value, None, None, users)


def _catalogue(given: dict[str, np.ndarray], pitch: Pitch) -> Iterator[Measured]:
    """Coverage, novelty and diversity over all targets, judged or not."""
    history = pitch.cutoff.interactions(["user_index", "item_index"])
    buyers = np.bincount(history.column("item_index").to_numpy(), minlength=len(pitch.buckets.items))
    information = metrics.self_information(buyers, len(np.unique(history.column("user_index").to_numpy())))
    for name, items in given.items():
        shown = measuring.catalogue(items, int((buyers > 0).sum()), information, pitch.vectors, pitch.config)
        for metric, value in shown.items():
            yield Measured(pitch.truth.pool, name, "overall", "everyone", metric, value, None, None, len(items))
