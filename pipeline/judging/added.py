"""What drawn slots teach surfaces that go by what a row adds: whether they do tonight, why, and by which models.

A night learns of the kept runs whose days are over by it, see trial.recorded, and of what its surface is for: what is
added is added to the probability that the table says. Learned is of all users; those of arms that draw otherwise count
with their own chances.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.judging import trial
from pipeline.judging.trial import Log, Outcome
from pipeline.policies import added as learning
from pipeline.policies.added import Asked, Known, Verdict
from pipeline.policies.boosted import Boosted
from pipeline.policies.intervals import Estimate
from pipeline.policies.trials import Pairs
from pipeline.publication import added
from pipeline.publication.added import BEFORE, Before, Told
from pipeline.settings.added import teacher_of
from pipeline.settings.config import Config
from pipeline.settings.sections.publication import Surface


def told(connection: Any, nights: Sequence[Path], run_date: date, config: Config) -> Iterator[Told]:
    """What is known of every surface that is to go by what a row adds.

    Args:
        connection: an in-memory DuckDB.
        nights: the partitions of the events; run_date: tonight, whose day may be over only in part.
        config: the surfaces, `evaluate.resamples`.
    """
    log = Log(nights, run_date - timedelta(days=int(config.until is not None)))
    for surface in added.wanted(config):
        by = Outcome("actions", config.horizon_of(config.pool(surface)))
        teacher = next(one for one in config.surfaces if one.name == teacher_of(surface))
        pairs = trial.pairs_of(connection, teacher, by, log, config)
        yield learned(surface, known(trial.PAIRS.empty_table() if pairs is None else pairs), by, config)


def known(rows: pa.Table) -> Known:
    """What a trial's rows, trial.PAIRS, say; of those of whom it was recorded what was known before."""
    rows = rows.filter(pc.is_valid(rows.column("times")))
    user = rows.column("user_id").combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    given = {
        name: rows.column(name).to_numpy() for name in ("is_listed", "outcome", "chance", "score", "run_date", *BEFORE)
    }
    night = given["run_date"].astype("datetime64[D]").astype(np.int64)
    pairs = Pairs(given["is_listed"], given["outcome"], given["chance"], user)
    features = Before(**{name: given[name] for name in BEFORE}).features(given["score"])
    _, of_list = np.unique(np.stack([user, night]), axis=1, return_inverse=True)
    return Known(pairs, features, given["score"].astype(np.float64), of_list.ravel().astype(np.int64))


def learned(surface: Surface, of: Known, by: Outcome, config: Config) -> Told:
    """What is known of a surface, of the pairs of its trial."""
    assert surface.added is not None
    asked = Asked(
        surface.added.learner,
        apart=surface.allot is None,
        resamples=config.evaluate.resamples,
        seed=config.seed,
        threads=config.threads,
    )
    verdict = learning.judge(of, asked)
    said = sentence(surface.name, teacher_of(surface), verdict, by)
    if not verdict.holds:
        return Told(surface.name, said, asked.learner)
    models = cast(tuple[Boosted, ...], learning.learn(of, asked).models)
    return Told(surface.name, said, asked.learner, float(of.pairs.chance.mean()), tuple(one.text for one in models))


def sentence(surface: str, teacher: str, verdict: Verdict, by: Outcome) -> str:
    """Whether a surface's lists go by what a row adds, and why."""
    support, better = verdict.support, verdict.better
    if (refusal := support.refusal()) is not None:
        return f"{surface}: lists go by the probability, as the slots of {teacher} say too little: {refusal}."
    seen = f"by {support.pairs:,} pairs of {support.users:,} users ({by})"
    areas = f"{seen} the area of what a row is foretold to add is {_within(better)} above that of the probability"
    if verdict.holds:
        return f"{surface}: lists go by what a row adds, learned of the slots of {teacher}: {areas}."
    told = "is worse by the slots of" if better.high < 0 else "is not told from it by the slots of"
    return f"{surface}: lists go by the probability, as what a row is foretold to add {told} {teacher}: {areas}."


def _within(of: Estimate) -> str:
    return f"{of.value:+.5f} [{of.low:+.5f}, {of.high:+.5f}]"
