"""The published lists against simple ones on nights of the past, before anybody is shown any; a command of its own.

    published   the final list as the shop is configured, made of what was known at the cut-off that judges
    simple      popularity in several windows and by category, buy-again, single models (pipeline.operations.comparing)

Each night is judged as `evaluate` does, on its newest label window; a simple list's settings are looked for on a window
that ends before the first of these begins. All stages run in a workshop below <home>, which is removed: no night that
is in use is touched, and nothing of a user stays.
"""

import contextlib
import logging
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.features.read import Cutoff, read_cutoffs, read_items, read_users
from pipeline.ground import artifacts, lists, resources
from pipeline.ground.errors import InputError
from pipeline.ground.lists import Pool
from pipeline.judging import measuring
from pipeline.operations import bringing, load_history, stages
from pipeline.operations.comparing import scores, simple, tuning, words
from pipeline.operations.comparing.scores import Judged, Table
from pipeline.operations.tuning import trials
from pipeline.settings.config import Config

log = logging.getLogger(__name__)

TRIALS = 4


@dataclass(frozen=True)
class Compared:
    """What was found.

    Attributes:
        tables: one per pool that surfaces draw on.
        preface: what was compared, line by line.
        config: the shop's.
    """

    tables: tuple[Table, ...]
    preface: tuple[str, ...]
    config: Config

    def __str__(self) -> str:
        return words.plain(self.tables, self.preface, self.config)

    def markdown(self) -> str:
        """The same for a file."""
        return words.markdown(self.tables, self.preface, self.config)


def run(config: Config, nights: Iterable[date], *, number: int = TRIALS, out: Path | None = None) -> Compared:
    """Make, judge and compare the lists of some nights.

    Args:
        config: the shop's.
        nights: ingested nights; their users are pooled.
        number: trials of each simple list that has settings to try, the ones in force first; 0: these are taken.
        out: a Markdown file that is written too; replaced when whole.
    Raises:
        InputError: a night is not ingested, or `number` is below 0.
        ResourceError: the home cannot be written, or its disk is full.
    """
    chosen = tuple(sorted(set(nights)))
    bringing.nights(config, whole=["ingest"])
    _require(config, chosen, number)
    with resources.required("compare", config.home), _workshop(config) as (place, untuned):
        own, found = tuning.tuned(place, untuned, chosen, number)
        judged = [_of_night(night, place, own) for night in chosen]
    pools = dict.fromkeys(config.pool(surface) for surface in config.surfaces)
    tables = tuple(scores.table(pool, [night[pool] for night in judged], config) for pool in pools)
    preface = words.about(chosen, tuning.tuned_on(chosen, config), found, number)
    compared = Compared(tables, tuple(preface), config)
    if out:
        _write(out, compared.markdown())
    return compared


def _require(config: Config, nights: Sequence[date], number: int) -> None:
    if number < 0:
        raise InputError(f"--trials {number} is no number of trials: give 0 or more")
    for night in nights:
        ingested = artifacts.is_finished(artifacts.stage_dir(config.lake, "ingest", night))
        if not (ingested and load_history.is_loaded(config, night)):
            raise InputError(f"night {night} is not ingested: python -m pipeline load-history --until {night}")


def drop(config: Config) -> None:
    """Remove what a comparison that died has left; one that is running is waited for."""
    folder = _folder(config)
    if folder.is_dir():
        with artifacts.lock(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _folder(config: Config) -> Path:
    return (config.home / "compare").resolve()


@contextlib.contextmanager
def _workshop(config: Config) -> Iterator[tuple[Config, Config]]:
    """Lakes of their own for the published lists and for the single models, which share what both are made from."""
    folder = _folder(config)
    with artifacts.lock(folder):
        shutil.rmtree(folder, ignore_errors=True)  # of a process that died
        try:
            place = trials.workshop(config, folder / "published")
            for stage in tuning.SHARED[1:]:
                (place.lake / stage).mkdir()
            yield place, trials.workshop(simple.settings(place), folder / "simple", tuning.SHARED)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _of_night(night: date, place: Config, own: Config) -> dict[Pool, Judged]:
    """Make the lists of a night and judge them, by pool."""
    stages.run(night, place, trials.Goal(trials.FINAL, (night,), ()).stages)
    models = simple.made(night, place, own)
    features = artifacts.stage_dir(place.lake, "features", night)
    cutoff = next(c for c in read_cutoffs(features) if c.cutoff == place.folds(night)["judge"])
    found = {}
    for pool in place.pools:
        final = cutoff.dir_in(artifacts.stage_dir(place.lake, "ensemble", night))
        given = [
            (scores.PUBLISHED, lists.read_list(final, pool, trials.FINAL)[0]),
            *simple.popular(cutoff, pool, place),
            *simple.listed(cutoff, pool, night, models),
        ]
        found[pool] = _judge(given, cutoff, pool, features, place)
        log.info("compare %s: pool '%s', %d users, %d lists", night, pool, len(found[pool].users), len(given))
    return found


def _judge(
    given: Iterable[tuple[str, np.ndarray]], cutoff: Cutoff, pool: Pool, features: Path, config: Config
) -> Judged:
    """Score lists [T, n] of a cut-off by name."""
    truth, judged = measuring.read_truth(cutoff, pool), config.evaluate
    known = read_items(features, ["item_index"]).num_rows
    buckets = measuring.read_buckets(cutoff, known, judged)
    ids = read_users(features).column("user_id").take(pa.array(cutoff.targets()[truth.rows]))
    found = {}
    for name, items in given:
        values = measuring.measure(items, truth, buckets, config)["everyone"]
        found[name] = np.column_stack([values[f"ndcg@{judged.k}"], values[f"recall@{judged.deep}"]])
    return Judged(ids.to_pylist(), found)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
