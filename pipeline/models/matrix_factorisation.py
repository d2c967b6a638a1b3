"""Explicit ratings by matrix factorisation with squared error."""

from pathlib import Path
from typing import Any

from pipeline.config import Config
from pipeline.errors import InputError


def run(*, features: Path, config: Config, out: Path) -> dict[str, Any]:
    """Write the list `matrix_factorisation` of every cut-off."""
    raise InputError("matrix_factorisation.enabled: this source is not made yet")
