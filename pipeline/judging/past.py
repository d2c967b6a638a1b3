"""What came of earlier tables, for gate, report and manifest: since publication, by drawn slots, by place."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.features.read import Cutoff
from pipeline.judging import (
    arm_words,
    arms,
    by_slots,
    searched,
    since_publication,
    sought,
    trial_words,
    what_was_shown,
    what_was_taught,
)
from pipeline.settings.config import Config


@dataclass(frozen=True)
class Past:
    """What came of earlier tables.

    Attributes:
        since: how published runs have done.
        slots: tonight's lists and those of the table in use, by what was drawn.
        tonight: the cut-off.
        config: `evaluate`, the surfaces.
        trial: what came of an experiment's arms; None: there is none, or nothing yet.
        taught: what drawn slots taught, in words.
        added: what drawn slots added, where their draws are recorded.
        asked: how a run's answers to queries have done.
    """

    since: list[since_publication.Row]
    slots: list[by_slots.BySlots]
    tonight: Cutoff
    config: Config
    trial: arms.Known | None = None
    taught: tuple[str, ...] = ()
    added: trial_words.Found = ()
    asked: tuple[searched.Searched, ...] = ()

    @classmethod
    def read(cls, outcomes: Path, lists: by_slots.Lists, tonight: Cutoff, config: Config) -> "Past":
        """Read it from the stage `outcomes`, and judge the lists of the judged cut-off by the drawn slots."""
        slots, trial = by_slots.judge(outcomes, lists, config), arms.read(outcomes, config.experiment)
        taught = what_was_taught.words(outcomes, config)
        added = trial_words.read(outcomes / trial_words.FILE)
        asked = searched.read(outcomes)
        return cls(since_publication.read(outcomes), slots, tonight, config, trial, taught, added, asked)

    def stopping(self) -> list[str]:
        """Why tonight's table must not be published."""
        return [*by_slots.lost(self.slots), *since_publication.stopping(self.since, self.config)]

    def sections(self) -> list[tuple[str, str]]:
        """The report's: (title, HTML)."""
        fallen = since_publication.fallen(self.since, self.config)
        published = since_publication.section(self.since, self.config, fallen)
        told = arm_words.section(self.trial, self.config.experiment)
        drawn = [*by_slots.section(self.slots), *trial_words.section(self.added)]
        drawn += what_was_taught.section(self.taught)
        published += [*searched.section(self.asked), *sought.section(self._sought)]
        return [*told, *drawn, *published, *what_was_shown.section(self.tonight, self.config)]

    def scalars(self) -> dict[str, Any]:
        """For the manifest."""
        found = since_publication.scalars(self.since, self.config) | by_slots.scalars(self.slots)
        return found | searched.scalars(self.asked) | sought.scalars(self._sought)

    @property
    def _sought(self) -> pa.Table:
        """schemas.SEARCHES, what people searched for by tonight."""
        return sought.read(self.tonight.folder.parent)
