"""Chooses a rival's settings on the tuning nights: one key of its grid after the other, each protocol for itself."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import scoring
from benchmarks.rivals import environments, runner
from benchmarks.rivals.catalogue import Data, Rival, Settings


def tune(data: Data, rival: Rival, out: Path) -> dict[str, Settings]:
    """The best settings of each protocol by mean NDCG@10 of the tuning nights; prints every try."""
    python = environments.python(rival.environment, out / "environments")
    nights = [runner.write_night(data, night, out) for night in data.tuning]
    chosen = {protocol: dict(settings) for protocol, settings in rival.protocols.items()}
    best = _score(rival, chosen, nights, python, out / "tuning" / data.name)
    print(rival.name, "starts at", best, chosen, flush=True)
    for key, value in tries(rival):
        # one try serves both protocols: each judges its own list
        trial = {p: s | {key: value} if key in s else s for p, s in chosen.items()}
        if trial == chosen:
            continue
        found = _score(rival, trial, nights, python, out / "tuning" / data.name)
        print(rival.name, key, value, found, flush=True)
        for protocol in _better(rival, found, best):
            best[protocol], chosen[protocol] = found[protocol], trial[protocol]
    print(rival.name, "chosen", best, chosen, flush=True)
    return chosen


def tries(rival: Rival) -> Iterator[tuple[str, Any]]:
    """What is tried, in order."""
    for key, values in rival.grid.items():
        for value in values:
            yield key, value


def _better(rival: Rival, found: dict[str, float], best: dict[str, float]) -> list[str]:
    if rival.one_model:  # its protocols share the settings
        return list(found) if sum(found.values()) > sum(best.values()) else []
    return [p for p in found if found[p] > best[p]]


def _score(
    rival: Rival, settings: dict[str, Settings], nights: list[runner.NightFiles], python: Path, out: Path
) -> dict[str, float]:
    found: dict[str, list[float]] = {protocol: [] for protocol in settings}
    for night in nights:
        folder = out / rival.name / str(night.date)
        runner.run(replace(rival, protocols=settings), night, python, folder)
        truth, history = night.judges()
        for protocol in settings:
            shown = scoring.read_lists(folder / f"{protocol}.parquet")
            found[protocol].append(scoring.per_user(shown, truth, history, protocol)[0].mean())
    return {protocol: round(float(np.mean(values)), 4) for protocol, values in found.items()}
