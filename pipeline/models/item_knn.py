"""Items that go with what the user acted on."""

from pathlib import Path
from typing import Any

from pipeline.config import Config
from pipeline.errors import InputError


def run(*, features: Path, config: Config, out: Path) -> dict[str, Any]:
    """Write the list `item_knn` of every cut-off."""
    raise InputError("item_knn.enabled: this source is not made yet")
