"""What was ever released of people through noise, and what it cost them together.

    <home>/privacy.jsonl    one line per release: key, what it is of, cut-off, night, mu; never removed, never rewritten

A release is written down before its noise is drawn, so that a killed process costs what a whole one does. One that is
made again of the same inputs, with the same key, is the same to the last bit: it is known by its key and costs nothing.
Costs are added up over the shop's releases, as if every person were in all of them; who came later was in fewer.
"""

import contextlib
import fcntl
import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pipeline.ground import artifacts, keeping
from pipeline.ground.errors import InputError
from pipeline.privacy import accountant
from pipeline.settings.config import Config

NAME = "privacy.jsonl"
WITHOUT = {
    "als": "do without als (als.enabled = false, and privacy.epsilon_per_fit = 0 and similar_items = false)",
    "features": "end what was promised of queries (privacy.epsilon_queries = 0: features.query_min_users decides)",
    "fine_tune": "end what was promised of the encoder (privacy.epsilon_texts = 0: it is fine-tuned without noise)",
    "popularity": "end what was promised of popular_items (privacy.epsilon_popular = 0: counts without noise)",
}
"""What ends the releases of a stage."""


@dataclass(frozen=True)
class Release:
    """What was released once.

    Attributes:
        key: of its noise: the same inputs under the same secret have the same.
        of: the stage.
        cutoff: the last day of the history that it is made of.
        night: the night that released it.
        mu: its cost, see accountant.
        delta: and beside it the chance that it shows what only one person did.
    """

    key: str
    of: str
    cutoff: str
    night: str
    mu: float
    delta: float = 0.0


def path(config: Config) -> Path:
    """Where it is."""
    return config.home / NAME


def read(config: Config) -> list[Release]:
    """All releases, in the order in which they were made.

    Raises:
        InputError: the file is damaged.
    """
    try:
        lines = path(config).read_text(encoding="utf-8").splitlines()
        return [Release(**json.loads(line)) for line in lines]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{path(config)} is damaged ({type(error).__name__}): restore it from a backup of {config.home}; without "
            "it nobody knows what people's privacy has cost so far"
        ) from None


def spent(releases: Sequence[Release], delta: float, since: date | None = None) -> float:
    """The epsilon of releases together, at a delta.

    Args:
        releases: see `read`.
        delta: > 0, < 1.
        since: only of those with history from this day on: what they cost who joined then; None: of all.
    Returns:
        epsilon; infinity where the releases' own deltas are more than that one.
    """
    first = "" if since is None else since.isoformat()
    mine = [release for release in releases if release.cutoff >= first]
    left = delta - math.fsum(release.delta for release in mine)
    there = left > 1e-9 * delta  # what is left of a difference is not
    return accountant.epsilon_of(accountant.composed(r.mu for r in mine), left) if there else math.inf


def told(config: Config, stage: str) -> dict[str, Any]:
    """What a stage's manifest says of its own releases: epsilon_spent, delta and releases.

    Raises:
        InputError: privacy.delta was lowered below what they take of it; or as `read`.
    """
    keeping.bring(path(config))  # where another machine spent
    mine, delta = [release for release in read(config) if release.of == stage], config.privacy.delta
    if math.isinf(cost := spent(mine, delta)):
        raise InputError(f"privacy.delta = {delta:g} is less than the deltas of the releases so far: raise it again")
    return {"epsilon_spent": round(cost, 4), "delta": delta, "releases": len(mine)}


def require_noised(folder: Path) -> None:
    """Refuse what a stage made before noise was asked for.

    Args:
        folder: of the stage.
    Raises:
        InputError: it did, or a manifest does not say.
    """
    if "epsilon_spent" not in artifacts.read_manifest(folder)["report"]:
        raise InputError(
            f"{folder} was made before [privacy] asked for noise, and no noise covers it: run stage "
            f"'{artifacts.stage_of(folder)}' of this night again, with what it is made from"
        )


def spend(config: Config, release: Release) -> None:
    """Write a release down, unless it was made before.

    Raises:
        InputError: it would cost more than privacy.epsilon_budget leaves; or as `read`.
    """
    with _alone(config):
        known, section = read(config), config.privacy
        if any(other.key == release.key for other in known):
            return
        cost = spent([*known, release], section.delta)
        if section.epsilon_budget is not None and cost > section.epsilon_budget:
            raise InputError(
                f"{release.of}: another release ({release.cutoff}) would bring what people's privacy has cost "
                f"{_epsilon(cost)} at delta {section.delta:g}, and privacy.epsilon_budget is "
                f"{section.epsilon_budget:g} ({len(known)} releases so far, {path(config)}): raise the budget if that "
                f"was promised to nobody, or {WITHOUT[release.of]}; the tables in use stay as they are"
            )
        with path(config).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(release), sort_keys=True) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _epsilon(cost: float) -> str:
    return "beyond any epsilon" if math.isinf(cost) else f"to epsilon {cost:.2f}"


@contextlib.contextmanager
def _alone(config: Config) -> Iterator[None]:
    config.home.mkdir(parents=True, exist_ok=True)
    with (config.home / ".privacy.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with keeping.held(path(config)):
            yield
