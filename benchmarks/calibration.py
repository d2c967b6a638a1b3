"""What keeping users' mixes of categories costs: the lists of finished nights, by more and more of `calibrated_mix`.

    python -m benchmarks.calibration 2017-05-14 --config SHOP/pipeline.toml [--home FOLDER] [--values 0.2 0.5]
                                                [--surfaces NAME ...] [--prior]

Nothing is fitted: each night's ensemble is read, and its lists are made as a publication makes them. Quality is scored
against the raw logs of the `horizon_days` after the night (benchmarks.scoring), on what the surface may show, with the
paired difference to the plain lists over all nights. KL is the mean divergence in nats of the first evaluate.k places
from the mix of the user's history, as every night's metrics have it (`miscalibration`); categories are how many a list
has in those places, and the share of all that the surface could show which anybody is shown there.

`--prior` says how sure few items are of a user's mix: the mean log loss of the categories that users act on in the
windows after the cut-offs of the nights, when everybody's mix counts as so many items of their own; 0: not at all, but
for a hundredth of it. It is asked of nights for tuning only. Shops and nights are made by benchmarks.every_log.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks import nights, scoring
from benchmarks.diversity import night_of
from benchmarks.fairness import shown
from pipeline.features.read import Cutoff, read_cutoffs
from pipeline.ground import artifacts, sql
from pipeline.ground.lists import kind_of
from pipeline.publication import mixing
from pipeline.publication.mixing import Histories
from pipeline.settings.config import Config
from pipeline.settings.sections.publication import Surface

VALUES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
PRIORS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
FEW = (2, 4, 8, 16, 32)
"""Users are told apart by under how many items their history is worth."""


@dataclass(frozen=True)
class Point:
    """One surface of one night at one value.

    Attributes:
        surface, value, night: which.
        ndcg: [J] of the judged users.
        far: the mean divergence; held: categories of a list; cover: the share of categories that anybody is shown.
    """

    surface: str
    value: float
    night: date
    ndcg: np.ndarray
    far: float
    held: float
    cover: float


def measure(settings: Config, run_date: date, values: Sequence[float], scratch: Path) -> Iterator[Point]:
    """Every surface at every value; none of a surface whose items have no categories."""
    known = scoring.known_and_later(settings.folder, run_date, timedelta(days=settings.horizon_days))
    for value in values:
        surfaces = tuple(surface.model_copy(update={"calibrated_mix": value}) for surface in settings.surfaces)
        changed = settings.model_copy(update={"surfaces": surfaces})
        with sql.connect(settings.threads, settings.memory_limit_mb) as connection:
            night = replace(night_of(settings, run_date, connection), config=changed, scratch=scratch)
            table, told = shown(night)
            groups = {surface.name: mixing.shown_groups(night, surface) for surface in surfaces}
            ids = {item: row for row, item in enumerate(night.items["item_id"].to_pylist())}
            may = {surface.name: night.items["item_id"].filter(night.shown[surface.name]) for surface in surfaces}
        for surface in surfaces:
            far = told.exposed[surface.name].miscalibration
            if far is None:
                continue
            lists, codes = scoring.by_user(table, surface.name), groups[surface.name]
            bought, later = (scoring.grouped(_of(table, may[surface.name])) for table in known)
            ndcg, _ = scoring.per_user(lists, later, bought, kind_of(settings.pool(surface)))
            of = [{codes[ids[i]] for i in row[: settings.evaluate.k]} - {-1} for row in lists.values()]
            cover = len(set().union(*of)) / (int(codes.max()) + 1)
            yield Point(surface.name, value, run_date, ndcg, far, float(np.mean([len(one) for one in of])), cover)


def _of(pairs: pa.Table, items: pa.ChunkedArray) -> pa.Table:
    return pairs.filter(pc.is_in(pairs["item_id"], pa.array(items.to_pylist())))


def show(points: Sequence[Point]) -> None:
    """Print a table per surface: means over the nights, and changes against value 0."""
    for name in dict.fromkeys(p.surface for p in points):
        plain = [p for p in points if p.surface == name and p.value == 0]
        before = np.concatenate([p.ndcg for p in plain])
        print(
            f"\n{name}: {len(before)} judged users\nvalue  NDCG@10  change  [95 %]               KL  a list's  of all"
        )
        for value in dict.fromkeys(p.value for p in points):
            mine = [p for p in points if (p.surface, p.value) == (name, value)]
            after, base = np.concatenate([p.ndcg for p in mine]), float(before.mean())
            low, high = scoring.interval(after - before) if value else (0.0, 0.0)
            far, held, cover = (float(np.mean([getattr(p, n) for p in mine])) for n in ("far", "held", "cover"))
            said = f"{after.mean() / base - 1:+6.1%}  [{low / base:+6.1%}, {high / base:+6.1%}]"
            print(f"{value:5.2f}  {after.mean():7.4f}  {said}  {far:6.3f}  {held:8.2f}  {cover:6.3f}")


def losses(settings: Config, run_date: date, surface: Surface) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of each older cut-off of a night: how many items users' histories are worth, and their mean log loss by PRIORS.

    Yields:
        [J] and [J, PRIORS] of who acted on something with a category in the window after it.
    """
    with sql.connect(1, 512) as connection:
        groups = mixing.shown_groups(night_of(settings, run_date, connection), surface)
    for cutoff in read_cutoffs(artifacts.stage_dir(settings.lake, "features", run_date)):
        if cutoff.role == "label":
            yield _losses(cutoff, groups[: cutoff.items], settings.pool(surface))


def _losses(cutoff: Cutoff, groups: np.ndarray, pool: str) -> tuple[np.ndarray, np.ndarray]:
    histories, labels = Histories.read(cutoff, groups), cutoff.labels(pool, sampled=False)
    user, item = (labels.column(name).to_numpy() for name in ("user_index", "item_index"))
    user, item = (column[(user < cutoff.users) & (item < cutoff.items)] for column in (user, item))
    used = (groups[item] >= 0) & (histories.items[user] > 0)
    user, code = user[used], groups[item[used]]
    own, everybody = np.asarray(histories.shares[user, code]).ravel(), histories.everybody[code]
    items = histories.items[user].astype(np.float64)
    people, place = np.unique(user, return_inverse=True)
    count, found = np.bincount(place), []
    for prior in PRIORS:
        foretold = (items * own + prior * everybody) / (items + prior) if prior else 0.99 * own + 0.01 * everybody
        found.append(np.bincount(place, -np.log(np.maximum(foretold, 1e-6))) / count)
    return histories.items[people], np.stack(found, axis=1)


def show_prior(found: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
    """Print the mean log loss by PRIORS, of all and by how many items there are."""
    items, loss = (np.concatenate(column) for column in zip(*found, strict=True))
    group = np.digitize(items, FEW)
    there = [number for number in range(len(FEW) + 1) if (group == number).any()]
    names = [f"under {FEW[n]}" if n < len(FEW) else "more" for n in there]
    print(f"prior     all  {'  '.join(f'{name:>8}' for name in names)}")
    print(f"users {len(items):7}  {'  '.join(f'{int((group == n).sum()):8}' for n in there)}")
    for place, prior in enumerate(PRIORS):
        means = "  ".join(f"{loss[group == n, place].mean():8.3f}" for n in there)
        print(f"{prior:5.1f} {loss[:, place].mean():7.4f}  {means}")


def main() -> None:
    """Measure and print."""
    parser = nights.arguments(__doc__)
    parser.add_argument("--values", type=float, nargs="*", default=VALUES, help="0 is always measured")
    parser.add_argument("--surfaces", nargs="+", help="default: all")
    parser.add_argument("--prior", action="store_true", help="how sure few items are of a mix, and nothing else")
    given = parser.parse_args()
    settings = nights.settings_of(given)
    chosen = tuple(s for s in settings.surfaces if given.surfaces is None or s.name in given.surfaces)
    settings = settings.model_copy(update={"surfaces": chosen})
    if given.prior:
        for surface in chosen:
            print(f"\n{surface.name}")
            show_prior([one for night in given.nights for one in losses(settings, night, surface)])
        return
    scratch, values = settings.home / "calibration", sorted({0.0, *given.values})
    scratch.mkdir(parents=True, exist_ok=True)
    show([point for night in given.nights for point in measure(settings, night, values, scratch)])


if __name__ == "__main__":
    main()
