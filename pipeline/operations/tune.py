"""The search for better settings on nights of the past, by Optuna; a command and a DAG of their own, never the night's.

    <home>/search/<list>-<hash>/study.db    every trial; a search that is started again goes on
    <home>/search/<list>-<hash>/lake        the trials' artifacts
    <home>/tuned.toml                       the best settings; `tuned = "..."` in pipeline.toml reads them

The nights that are searched on must be older than those whose quality is reported: the best of many trials is better
there than it will be elsewhere. Source: Akiba et al., "Optuna", KDD 2019; sampler: Bergstra et al., NIPS 2011 (TPE).
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.ground import artifacts, resources
from pipeline.ground.errors import InputError, TrainingError
from pipeline.operations import bringing, load_history
from pipeline.operations.tuning import space, trials
from pipeline.operations.tuning.trials import Goal
from pipeline.settings import layers
from pipeline.settings.config import Config

if TYPE_CHECKING:
    from optuna import Study, Trial

log = logging.getLogger(__name__)

HEADER = '# Settings found by `python -m pipeline tune`; read by a pipeline.toml that says tuned = "{name}".'


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        settings: the best, by "section.key".
        value: their mean NDCG over nights and pools.
        before: that of the settings in force.
        trials: how many were run or cut short, over all sessions of this search.
        file: the TOML file the settings were written to.
    """

    settings: dict[str, Any]
    value: float
    before: float
    trials: int
    file: Path

    def __str__(self) -> str:
        lines = [f"{name:<28} {value}" for name, value in sorted(self.settings.items())]
        return "\n".join([*lines, f"NDCG {self.before:.4f} -> {self.value:.4f} in {self.trials} trials: {self.file}"])


def run(
    config: Config,
    goal: Goal,
    out: Path,
    *,
    number: int,
    knobs_from: Path = space.SHIPPED,
    minutes: float | None = None,
    shared: Sequence[str] = ("ingest",),
) -> Found:
    """Search, or go on with a search for the same goal, and write the best settings.

    Args:
        config: the shop's configuration; the settings in force are the first trial.
        goal: the list, the nights and the pools.
        out: a TOML file; what it says about other settings stays.
        number: how many trials there shall be in total.
        knobs_from: TOML file of what may be tried.
        minutes: no new trial is begun after this time.
        shared: the stages that are read as they are in the configuration's lake, see trials.workshop.
    Raises:
        InputError: a night is not ingested, or there is no such list.
        ResourceError: the home cannot be written, or its disk is full.
    """
    with resources.required("tune", config.home):
        return _search(config, goal, out, number=number, knobs_from=knobs_from, minutes=minutes, shared=shared)


def _search(
    config: Config,
    goal: Goal,
    out: Path,
    *,
    number: int,
    knobs_from: Path,
    minutes: float | None,
    shared: Sequence[str],
) -> Found:
    import optuna

    bringing.nights(config, whole=shared)
    if not load_history.is_loaded(config, max(goal.nights)):
        last = max(goal.nights)
        raise InputError(f"night {last} is not ingested: python -m pipeline load-history --until {last}")
    config = config.model_copy(update={"tuned": None})
    knobs = space.read(knobs_from, goal.name, config)
    folder = config.home / trials.SEARCH / f"{goal.name}-{_key(config, goal, knobs)}"
    place = trials.workshop(config, folder.resolve(), shared)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name=goal.name,
        storage=f"sqlite:///{folder.resolve()}/study.db",
        sampler=optuna.samplers.TPESampler(seed=config.seed, n_startup_trials=max(4, 2 * len(knobs))),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
        direction="maximize",
        load_if_exists=True,
    )
    if not study.trials:
        study.enqueue_trial({name: space.current(config, name) for name in knobs})
    left = number - len(study.get_trials(states=(optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)))
    study.optimize(_objective(goal, place, knobs), n_trials=max(left, 0), timeout=minutes and minutes * 60)
    return _keep(study, goal, config, out)


def _key(config: Config, goal: Goal, knobs: space.Space) -> str:
    """Searches with another goal, other knobs or other settings in force are other searches."""
    content = config.model_dump(mode="json", exclude={"home", "folder", "profile", "publish", "retention"})
    return artifacts.text_sha256(
        content, goal.nights, goal.pools, {name: knob.model_dump() for name, knob in knobs.items()}
    )[:8]


def _objective(goal: Goal, config: Config, knobs: space.Space) -> Any:
    import optuna

    def value(trial: "Trial") -> float:
        chosen = {name: knob.draw(trial, name, space.current(config, name)) for name, knob in knobs.items()}
        tried = type(config).model_validate(layers.merge(config.model_dump(), space.nested(chosen)))
        found: list[float] = []
        try:
            for step, score in enumerate(trials.scores(goal, tried)):
                found.append(score)
                trial.report(float(np.mean(found)), step)
                if step + 1 < len(goal.nights) and trial.should_prune():
                    raise optuna.TrialPruned
        except TrainingError as error:
            log.info("search: trial %d cannot be fitted: %s", trial.number, error)
            raise optuna.TrialPruned from None
        log.info("search: trial %d, NDCG %.4f with %s", trial.number, np.mean(found), json.dumps(chosen))
        return float(np.mean(found))

    return value


def _keep(study: "Study", goal: Goal, config: Config, out: Path) -> Found:
    done = [trial for trial in study.trials if trial.value is not None]
    if not done:
        raise InputError(f"no trial of the search for '{goal.name}' was finished: allow more --minutes or --trials")
    best = max(done, key=lambda trial: (trial.value, -trial.number))
    now = {name: space.current(config, name) for name in best.params}
    settings = {name: _like(now[name], value) for name, value in best.params.items()}
    before = next((trial.value for trial in done if trial.params == now), done[0].value)
    nights = ", ".join(night.isoformat() for night in goal.nights)
    said = {f"{goal.name}": f"{best.value:.4f} (before: {before:.4f}) on {nights}, {'and '.join(goal.pools)}"}
    write(out, settings, said)
    return Found(settings, float(best.value or 0), float(before or 0), len(study.trials), out)


def _like(now: Any, value: Any) -> Any:
    return round(value, 6) if isinstance(now, float) and isinstance(value, float) else value


def write(path: Path, settings: Mapping[str, Any], said: Mapping[str, str]) -> None:
    """Lay settings over those of a TOML file, which is replaced when whole.

    Args:
        path: the file; it may not exist.
        settings: by "section.key".
        said: a remark per list, kept in the file's head.
    """
    there = layers.read_toml(path, "") if path.is_file() else {}
    lines = path.read_text(encoding="utf-8").splitlines() if there else []
    remarks = dict(line[2:].split(": NDCG ", 1) for line in lines if ": NDCG " in line and line.startswith("# "))
    content = layers.merge(there, space.nested(settings))
    text = [HEADER.format(name=path.name), *(f"# {name}: NDCG {what}" for name, what in (remarks | dict(said)).items())]
    for section, keys in sorted(content.items()):
        text += ["", f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in sorted(keys.items()))]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text("\n".join(text) + "\n", encoding="utf-8")
    partial.replace(path)
