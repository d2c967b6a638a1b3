"""What a command of the command line is, and what all of them begin with."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipeline.ground import nights, zones
from pipeline.settings import layers
from pipeline.settings.config import Config


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        purpose: what the help says of it, in half a line.
        run: what it does with what it was told.
        options: gives its parser what it can be told; None: nothing.
    """

    purpose: str
    run: Callable[[argparse.Namespace], None]
    options: Callable[[argparse.ArgumentParser], None] | None = None


def loaded_by(args: argparse.Namespace) -> Config:
    """The configuration that the command line names."""
    from pipeline.sources import configuration

    overrides: dict[str, Any] = {}
    for text in args.set:
        overrides = layers.merge(overrides, layers.override(text))
    return configuration.load(args.config, overrides)


def require_over(night: date, timezone: str) -> None:
    """Refuse a night whose day is not over; nothing that is computed depends on the clock."""
    nights.require_over(night, zones.today(timezone), timezone)
