"""What a run's lists would have earned in the slots that earlier runs drew by chance; a command of its own.

Applications log what they showed, with the run, the surface, the rank and the propensity that its row said. A slot that
was drawn shows the judged run's item as often as its chance says: from these the clicks of the judged run follow,
whether it was ever shown or not. Slots that are not drawn say nothing of other items, and are not looked at. Nor are
those up to the run's own night: it has learned from what came of them, and would look better than it is.

What a slot is worth may also be what its user did in the days after it, whatever the item: as what a user would have
done anyway is as likely whatever was drawn, the gain is then what the run's items add.
"""

import math
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ground import artifacts, sql, terminal
from pipeline.ground.errors import InputError
from pipeline.intake import logs
from pipeline.intake.inputs import EVENTS
from pipeline.intake.spill import spilling
from pipeline.policies import estimators, intervals, reward_model, slates
from pipeline.policies.intervals import Estimate
from pipeline.policies.logged import Logged, Support
from pipeline.publication import publish, stores
from pipeline.publication.tables.recommendations import TABLE as RECOMMENDATIONS
from pipeline.publication.taught_rewards import Reward
from pipeline.published.run_ids import run_date_of
from pipeline.settings.config import Config

NIGHTS = 28
SLOTS = pa.schema(
    [
        pa.field("surface", pa.string()),
        pa.field("user_id", pa.string()),
        pa.field("run_id_shown", pa.string()),
        pa.field("rank", pa.int32()),
        pa.field("chance", pa.float64()),
        pa.field("reward", pa.float64()),
        pa.field("is_judged", pa.bool_()),
        pa.field("shown_drawn", pa.int64()),
        pa.field("shown_rank", pa.int32()),
        pa.field("shown_score", pa.float32()),
        pa.field("judged_drawn", pa.int64()),
        pa.field("judged_score", pa.float32()),
    ]
)


CLICKS = Reward()


@dataclass(frozen=True)
class Judged:
    """What is known of one surface's lists.

    Attributes:
        surface: its name.
        support: how far the log can tell.
        shown: clicks per drawn slot of what was shown.
        judged: the same of the judged run, by self-normalised inverse propensities.
        gain: how much more that is, as one estimate.
        modelled: the same, with a model of what is clicked where the log has little (doubly robust).
        by_list: how many more clicks all drawn slots of a list earn together, where a slot counts as far as those above
            it show what the judged run does, as for a user who reads from the top down.
    """

    surface: str
    support: Support
    shown: Estimate
    judged: Estimate
    gain: Estimate
    modelled: Estimate
    by_list: Estimate

    @property
    def rows(self) -> tuple[tuple[str, Estimate, str], ...]:
        """Each estimate with its name, and "+" where it is a difference."""
        return (
            ("shown", self.shown, ""),
            ("this run", self.judged, ""),
            ("gain", self.gain, "+"),
            ("with a model", self.modelled, "+"),
            ("a list", self.by_list, "+"),
        )

    @property
    def verdict(self) -> str:
        """In words: better, worse, as good, or why there is none."""
        if (refusal := self.support.refusal()) is not None:
            return f"no verdict: {refusal}"
        if self.gain.low > 0:
            return "better than what was shown"
        return "worse than what was shown" if self.gain.high < 0 else "as good as what was shown"


@dataclass(frozen=True)
class Judgement:
    """Of all surfaces that have drawn slots.

    Attributes:
        run_id: of the judged run.
        surfaces: in the order of their names.
        nights: how many were looked at.
        reward: what a slot is worth.
    """

    run_id: str
    surfaces: tuple[Judged, ...]
    nights: int
    reward: Reward = CLICKS

    def __str__(self) -> str:
        head = f"Run {self.run_id} by the slots that were drawn in the last {self.nights} nights, {self.reward}:"
        rows = [
            [one.surface, name, *_said(estimate, sign)] for one in self.surfaces for name, estimate, sign in one.rows
        ]
        names = ["surface", "", "estimate", "95 % interval"]
        verdicts = (
            f"  {one.surface}: {one.support.rows:,} slots, {one.support.effective:,.0f} effective, "
            f"overlap {one.support.overlap:.0%}; {one.verdict}"
            for one in self.surfaces
        )
        return "\n".join([head, *terminal.table(names, rows, right=names[2:]), *verdicts])


def _said(estimate: Estimate, sign: str) -> tuple[str, str]:
    if math.isnan(estimate.value):
        return "-", "-"
    return f"{estimate.value:{sign}.4f}", f"{estimate.low:{sign}.4f} to {estimate.high:{sign}.4f}"


def run(config: Config, run_id: str | None = None, nights: int = NIGHTS, reward: Reward = CLICKS) -> Judgement:
    """Judge a published run by the drawn slots that were logged.

    Args:
        config: whose lake and tables.
        run_id: of the run; default: the active one.
        nights: the lake's last so many are read.
        reward: what a slot is worth.
    Raises:
        InputError: there is no such run, or nothing that was drawn by chance is logged.
    """
    archive = stores.archive(config)
    if run_id is None and (active := publish.active_run(config)) is not None:
        run_id = active.run_id
    if run_id is None or not archive.holds(run_id):
        raise InputError(f"there is no run {run_id or 'yet'}: nightjar status lists those that are kept")
    folders = artifacts.partitions_until(config.lake, "ingest", date.max)[-nights:]
    slots = _slots(config, folders, run_id, reward)
    if not slots.num_rows:
        raise InputError(
            f"no event of the last {len(folders)} nights says with which chance (a propensity below 1) another run's "
            f"slot showed what it did, after {run_date_of(run_id)}, that run {run_id} fills as well; of earlier days "
            "the run has learned. Judge an older one (--run; nightjar status lists them), and where there is nothing "
            "at all, let a surface `explore`, and log what is shown, with its propensity (docs/feedback.md)"
            + ("" if reward.by == "clicks" else f"; and that {reward.days} days ago or more, as these are to be over")
        )
    names = slots.column("surface").unique().to_pylist()
    found = tuple(_judge(name, slots.filter(pc.equal(slots["surface"], name)), reward, config) for name in names)
    return Judgement(run_id, found, len(folders), reward)


def _slots(config: Config, folders: list[Path], run_id: str, reward: Reward) -> pa.Table:
    """SLOTS, all slots that others drew and that are logged after the run's night, as far as the run fills them."""
    if not folders:
        return SLOTS.empty_table()
    given: dict[str, Any] = {
        "partitions": logs.literal(str(EVENTS.path(folder)) for folder in folders),
        "click_types": list(config.outcomes.click_types),
        "first": date(1, 1, 1),
        "last": date.max,
    }
    with spilling(config.home) as spill:
        connection = sql.connect(config.threads, config.memory_limit_mb, spill, config.timezone)
        try:
            sql.execute(connection, "outcomes/drawn_slots", **given).fetchall()
            if reward.by != "clicks":
                later = reward.given(config) | {
                    "partitions": given["partitions"],
                    "last": artifacts.run_date_of(folders[-1]),
                }
                sql.execute(connection, "outcomes/rewarded", **later).fetchall()
            judged: dict[str, Any] = {"run_id": run_id, "run_date": run_date_of(run_id)}
            judged |= {"lists": str(stores.archive(config).path(run_id) / RECOMMENDATIONS.file)}
            return sql.query(connection, "outcomes/judged_slots", SLOTS, **judged)
        finally:
            connection.close()


def _judge(surface: str, slots: pa.Table, by: Reward, config: Config) -> Judged:
    chance, same, reward = (slots.column(name).to_numpy() for name in ("chance", "is_judged", "reward"))
    user = slots.column("user_id").combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    judged, own = (Logged(reward, chance, target, user) for target in (same.astype(np.float64), chance))
    shown_by = slots.column("run_id_shown").combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    begins = np.flatnonzero((np.diff(user, prepend=-1) != 0) | (np.diff(shown_by, prepend=-1) != 0))  # of a list
    place = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(user)))
    # what a user did later is all the list's: it comes after its last slot
    of_list = reward if by.by == "clicks" else np.where(np.diff(place, append=len(begins)) > 0, reward, 0.0)
    terms = (
        estimators.on_policy(own),
        estimators.snips(judged),
        estimators.difference(judged, own),
        estimators.doubly_robust_difference(judged, _expected(slots, judged, config)),
        slates.reward_interaction_difference(slates.of_slots(of_list, chance, judged.target, user, place)),
    )
    found = (intervals.interval(of, config.evaluate.resamples, config.seed) for of in terms)
    return Judged(surface, Support.of(judged), *found)


def _expected(slots: pa.Table, judged: Logged, config: Config) -> estimators.Expected:
    """What a model expects, by the slot's rank, how often its item was drawn, and where the judged run has it."""
    names = ("rank", "shown_drawn", "shown_rank", "shown_score"), ("rank", "judged_drawn", "rank", "judged_score")
    shown, there = (
        np.column_stack([slots.column(name).to_numpy().astype(np.float64) for name in columns]) for columns in names
    )
    certain = [(np.ones(len(there)), there)]  # a run shows one item in a slot
    return reward_model.expect(judged, shown, certain, config.seed, config.threads)
