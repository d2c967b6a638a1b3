"""Which run of a stage is followed; imports nothing of the client."""

import os
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from pipeline.settings.config import Config

FIRST = "first_night"
"""In what is told of a stage that made several nights: the first of them; the night is the last."""


@dataclass(frozen=True)
class Followed:
    """A stage of a night that is run.

    Attributes:
        stage, night, config: which.
        reads: the stages that it reads, as far as they are switched on.
        began: the moment when this attempt began.
        first: the first of its nights, where it is about several, as load-history is.
    """

    stage: str
    night: date
    config: Config
    reads: tuple[str, ...]
    began: datetime
    first: date | None = None


def moment() -> datetime:
    """When something is told, for who collects it; nothing that is made depends on it."""
    return datetime.now(UTC)


def namespace() -> str:
    """The namespace of Nightjar's jobs; two shops whose events go to one consumer need two."""
    return os.environ.get("OPENLINEAGE_NAMESPACE") or "nightjar"


def environment_parent() -> tuple[str, str, str] | None:
    """Namespace, job and run of OPENLINEAGE_PARENT_ID, "namespace/job/run"; None where it is not said, or otherwise."""
    space, _, rest = os.environ.get("OPENLINEAGE_PARENT_ID", "").rpartition("/")
    space, _, name = space.rpartition("/")
    try:
        return (space, name, str(UUID(rest))) if space and name else None
    except ValueError:
        return None
