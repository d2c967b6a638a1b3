"""What comes next in a user's sequence of actions, by self-attention."""

from pathlib import Path
from typing import Any

from pipeline.config import Config
from pipeline.errors import InputError


def run(*, features: Path, config: Config, out: Path) -> dict[str, Any]:
    """Write the list `sasrec` of every cut-off."""
    raise InputError("sasrec.enabled: this source is not made yet")
