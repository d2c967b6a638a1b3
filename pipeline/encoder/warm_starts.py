"""Which earlier tuning a tuning goes on from."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipeline.encoder import pretrained
from pipeline.ground import artifacts
from pipeline.settings.config import Config

# The folder of a tuned encoder within the stage's own, and the file in it that says how the training ended.
PART, ENDED = "encoder", "training.json"


@dataclass(frozen=True)
class Parent:
    """The tuning before this one.

    Attributes:
        folder: its folder `encoder`.
        key: what it was made from.
        generation: how many times it had gone on from another; 0: from the pretrained encoder.
    """

    folder: Path
    key: str
    generation: int


def parent_of(night: date, config: Config) -> Parent | None:
    """The last tuning of an earlier day, to go on from: none if that is off, none is left, or it is time to start anew.

    All nights tuned on one day have the same one, as long as retention.artifact_days keeps it.
    """
    section, ours = config.fine_tune, str(config.tuned_at(night))
    if section.warm_starts == 0 or section.model == pretrained.NONE or config.privacy.texts:
        return None
    own = artifacts.stage_dir(config.lake, "fine_tune", night)
    for folder in reversed(artifacts.partitions_until(config.lake, "fine_tune", night)):
        if folder == own or not (path := folder / PART / ENDED).is_file():
            continue
        ended = json.loads(path.read_text())
        if ended.get("tuned_at", ours) < ours:
            found = Parent(folder / PART, ended["key"], ended["generation"])
            return found if found.generation < section.warm_starts else None
    return None
