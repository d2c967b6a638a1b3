"""Tonight's lists against the table in use by the slots that were drawn by chance: the second key of the gate.

The gate's metrics count what users did of themselves, and favour a list for what was already shown. A slot that was
drawn by chance favours nobody: what tonight's lists would have earned there follows from how often it showed what they
hold at its rank, and was clicked. Judged are the lists of the judged cut-off, which know nothing of its window, on the
slots of that window; as what a surface makes of them afterwards changes few ranks, it is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.ground.errors import InputError
from pipeline.ground.lists import Pool
from pipeline.judging.champion import IN_USE as PUBLISHED
from pipeline.judging.champion import Champion
from pipeline.judging.gate import CHAMPION, FINAL
from pipeline.judging.outcomes import SLOTS_FILE
from pipeline.policies import estimators, intervals
from pipeline.policies.intervals import Estimate
from pipeline.policies.logged import Logged, Support
from pipeline.settings.config import Config

IN_USE, SHOWN = "the table in use", "what was shown"


@dataclass(frozen=True)
class BySlots:
    """One surface.

    Attributes:
        surface: its name.
        slots: drawn ones of users who are judged.
        against: IN_USE, or SHOWN where there is no table in use.
        tonight, other: clicks per slot.
        gain: how much more tonight's lists earn, as one estimate.
        refusal: why there is no verdict; "": there is one.
    """

    surface: str
    slots: int
    against: str
    tonight: Estimate
    other: Estimate
    gain: Estimate
    refusal: str

    @property
    def verdict(self) -> str:
        """In words: better, worse, as good, or why there is none."""
        if self.refusal:
            return f"no verdict: {self.refusal}"
        if self.gain.low > 0:
            return f"better than {self.against}"
        return f"worse than {self.against}" if self.gain.high < 0 else f"as good as {self.against}"


@dataclass(frozen=True)
class Lists:
    """What is judged.

    Attributes:
        tonight, in_use: [T, n] item indices by pool, -1 pads, of the judged cut-off's targets; a pool may be absent.
        user_ids: [T] string, the targets; item_ids: [I] string.
        drawn_by: the run whose published rows are `in_use`, draws of its own among them; "": of no draws.
    """

    tonight: Mapping[Pool, np.ndarray]
    in_use: Mapping[Pool, np.ndarray]
    user_ids: pa.Array
    item_ids: pa.Array
    drawn_by: str = ""

    @classmethod
    def of(
        cls,
        given: Mapping[Pool, Mapping[str, np.ndarray]],
        user_ids: pa.Array,
        item_ids: pa.Array,
        opponent: Champion | None,
    ) -> Self:
        """Those among all lists that are judged, by pool and name; the table in use is the opponent's."""
        tonight, in_use = (
            {pool: by_name[name] for pool, by_name in given.items() if name in by_name} for name in (FINAL, CHAMPION)
        )
        drawn_by = opponent.run_id if opponent is not None and opponent.why == PUBLISHED else ""
        return cls(tonight, in_use, user_ids, item_ids, drawn_by)


def judge(outcomes: Path, lists: Lists, config: Config) -> list[BySlots]:
    """Judge every surface that has drawn slots in the judged window.

    Args:
        outcomes: the stage's folder.
        lists: of the judged cut-off.
        config: the surfaces; `evaluate.resamples`.
    Raises:
        InputError: an older version wrote the slots, and they do not say which run showed them.
    """
    with pq.ParquetFile(outcomes / SLOTS_FILE) as file:
        slots = file.read()
    if "run_id_shown" not in slots.column_names:
        raise InputError(f"{outcomes / SLOTS_FILE} is of an older version: run stage 'outcomes' of this night again")
    # what a run drew it shows for certain, so the slots that it filled say nothing of its table
    slots = slots.filter(pc.fill_null(pc.not_equal(slots.column("run_id_shown"), lists.drawn_by), True))
    found = []
    for surface in config.surfaces:
        pool, mine = config.pool(surface), slots.filter(pc.equal(slots.column("surface"), surface.name))
        if len(mine) and pool in lists.tonight:
            found.append(_judge(surface.name, mine, lists, pool, config))
    return found


def _judge(surface: str, slots: pa.Table, lists: Lists, pool: Pool, config: Config) -> BySlots:
    user = pc.index_in(slots.column("user_id"), lists.user_ids)
    slots, user = slots.filter(user.is_valid()), user.drop_null().to_numpy().astype(np.int64)
    item = pc.fill_null(pc.index_in(slots.column("item_id"), lists.item_ids), -2).to_numpy()  # no list has it
    rank, chance = (slots.column(name).to_numpy() for name in ("rank", "chance"))
    reward = slots.column("is_clicked").to_numpy(zero_copy_only=False).astype(np.float64)
    tonight = Logged(reward, chance, _at(lists.tonight[pool], user, rank, item), user)
    in_use = lists.in_use.get(pool)
    target = chance if in_use is None else _at(in_use, user, rank, item)
    other = Logged(reward, chance, target, user)
    terms = (estimators.snips(tonight), estimators.snips(other), estimators.difference(tonight, other))
    mine, its, gain = (intervals.interval(of, config.evaluate.resamples, config.seed) for of in terms)
    refusals = [Support.of(tonight).refusal(), Support.of(other).refusal() if in_use is not None else None]
    refusal = next(filter(None, refusals), "")
    return BySlots(surface, len(slots), SHOWN if in_use is None else IN_USE, mine, its, gain, refusal)


def _at(lists: np.ndarray, user: np.ndarray, rank: np.ndarray, item: np.ndarray) -> np.ndarray:
    """[N] float64, 1 where a list has the slot's item at the slot's rank."""
    there = (rank >= 1) & (rank <= lists.shape[1])
    held = np.asarray(lists[user, np.where(there, rank - 1, 0)])
    return np.asarray(there & (held == item), dtype=np.float64)


def lost(found: list[BySlots]) -> list[str]:
    """Why tonight's table must not replace the one in use, in words; none where no verdict says so."""
    return [
        f"surface '{one.surface}': by {one.slots:,} slots that were drawn by chance tonight's lists earn "
        f"{-one.gain.value:.4f} [{-one.gain.high:.4f}, {-one.gain.low:.4f}] clicks a slot less than {one.against}"
        for one in found
        if not one.refusal and one.against == IN_USE and one.gain.high < 0
    ]


def section(found: list[BySlots]) -> list[tuple[str, str]]:
    """The report's part: (title, HTML), or nothing where nothing was drawn."""
    if not found:
        return []
    note = (
        "What the lists would have earned in the slots that were drawn by chance in the judged window, in clicks per "
        "slot, with 95 % intervals over users. No list is favoured here for what was shown before."
    )
    names = ("surface", "slots", "tonight", "table in use", "gain")
    header = "".join(f"<th>{escape(name)}</th>" for name in names)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in _cells(one))}</tr>" for one in found)
    verdicts = "".join(f"<li>{escape(f'{one.surface}: {one.verdict}')}</li>" for one in found)
    table = f'<div class="wide"><table><thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table></div>'
    return [("By drawn slots", f'<p class="soft">{escape(note)}</p>{table}<ul>{verdicts}</ul>')]


def _cells(one: BySlots) -> tuple[str, ...]:
    other = _said(one.other) if one.against == IN_USE else "no table"
    return one.surface, f"{one.slots:,}", _said(one.tonight), other, _said(one.gain, "+")


def _said(estimate: Estimate, sign: str = "") -> str:
    if np.isnan(estimate.value):
        return "-"
    return f"{estimate.value:{sign}.4f} [{estimate.low:{sign}.4f}, {estimate.high:{sign}.4f}]"


def scalars(found: list[BySlots]) -> dict[str, float | int | str]:
    """For the manifest: slots.<surface>.<number, gain, verdict>."""
    said: dict[str, float | int | str] = {}
    for one in found:
        said |= {f"slots.{one.surface}.number": one.slots, f"slots.{one.surface}.verdict": one.verdict}
        said |= {} if np.isnan(one.gain.value) else {f"slots.{one.surface}.gain": round(one.gain.value, 6)}
    return said
