"""The stages in data-flow order, and the one function that runs any of them."""

import contextlib
import inspect
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

from pipeline.ground import artifacts, resources
from pipeline.ground.errors import InputError
from pipeline.ground.resources import peak_memory_mb, reset_peak_memory
from pipeline.settings.config import Config

log = logging.getLogger(__name__)

Report = dict[str, Any]

STAGES: dict[str, str] = {
    "ingest": "pipeline.intake.ingest",
    "features": "pipeline.features.build",
    "outcomes": "pipeline.judging.outcomes",
    "popularity": "pipeline.sources.popularity",
    "als": "pipeline.sources.als",
    "user_knn": "pipeline.sources.user_knn",
    "item_knn": "pipeline.sources.item_knn",
    "ease": "pipeline.sources.ease",
    "matrix_factorisation": "pipeline.sources.matrix_factorisation",
    "fine_tune": "pipeline.encoder.fine_tune",
    "language_model": "pipeline.sources.language_model",
    "sasrec": "pipeline.sources.sasrec",
    "fusion": "pipeline.ranking.fusion",
    "ensemble": "pipeline.ranking.ensemble",
    "evaluate": "pipeline.judging.evaluate",
    "publish": "pipeline.publication.publish",
}


def stage_function(stage: str) -> Callable[..., Report]:
    """The `run` function of a stage.

    Raises:
        InputError: there is no such stage.
    """
    if stage not in STAGES:
        raise InputError(f"there is no stage '{stage}'; the stages are {', '.join(STAGES)}")
    run: Callable[..., Report] = import_module(STAGES[stage]).run
    return run


def upstream(stage: str) -> tuple[str, ...]:
    """The stages whose folders a stage reads: those of its parameters that are stages' names."""
    return tuple(name for name in inspect.signature(stage_function(stage)).parameters if name in STAGES)


def _inputs(stage: str, run_date: date, config: Config) -> dict[str, str]:
    """Content hashes of what a stage reads; a stage that reads `ingest` reads every night up to its own."""
    hashes = {}
    for name in upstream(stage):
        folder = artifacts.stage_dir(config.lake, name, run_date)
        hashes[name] = artifacts.content_hash(folder)
        if name == "ingest":
            hashes[name] = artifacts.history_hash(config.lake, name, run_date)
    return hashes


def _is_current(folder: Path, stage: str, inputs: dict[str, str], config: Config) -> bool:
    """Whether a finished folder is what running the stage again would give."""
    if not artifacts.is_finished(folder):
        return False
    if stage == "ingest":  # a night's log is history: only --force reads it again
        return True
    manifest = artifacts.read_manifest(folder)
    made_of = (manifest["inputs"], manifest["config_hash"], manifest["code_version"])
    return made_of == (inputs, config.digest(stage), artifacts.code_version()) and _still_holds(stage, manifest, config)


def _still_holds(stage: str, manifest: dict[str, Any], config: Config) -> bool:
    """Whether the published tables, which no stage has as input, still are as a stage left or found them."""
    if stage == "outcomes":
        from pipeline.judging import outcomes

        return outcomes.is_current(config, date.fromisoformat(manifest["run_date"]), manifest["report"])
    if stage != "publish":
        return True
    from pipeline.publication import publish

    return publish.is_published(config, manifest["report"])


def run_stage(stage: str, run_date: date, config: Config, force: bool = False) -> dict[str, Any]:
    """Run one stage for one night, unless its finished artifact is already what it would give.

    Args:
        stage: a name in STAGES.
        run_date: the day whose events are complete.
        config: the configuration.
        force: run even if the finished artifact is current.
    Returns:
        The stage's manifest.
    Raises:
        PipelineError: as the stage says; nothing of it stays in the lake.
    """
    folder = artifacts.stage_dir(config.lake, stage, run_date)
    with resources.required(f"{stage} {run_date}", folder.parent), _locked(stage, run_date, config):
        inputs = _inputs(stage, run_date, config)
        if not force and _is_current(folder, stage, inputs, config):
            log.info("%s %s is up to date: %s", stage, run_date, folder)
            return artifacts.read_manifest(folder) | {"skipped": True}
        _require_one_origin(inputs, run_date, config)
        with artifacts.reuse(not force):
            return _execute(stage, run_date, config, folder, inputs)


@contextlib.contextmanager
def _locked(stage: str, run_date: date, config: Config) -> Iterator[None]:
    """The stage is this process's alone, and what it reads stays as it is: another run of the night waits.

    Nobody waits in a circle, as whoever holds a stage waits only for stages before it.
    """
    with contextlib.ExitStack() as held:
        held.enter_context(artifacts.lock(artifacts.stage_dir(config.lake, stage, run_date)))
        for name in upstream(stage):
            held.enter_context(artifacts.lock(artifacts.stage_dir(config.lake, name, run_date), shared=True))
        yield


def _require_one_origin(inputs: dict[str, str], run_date: date, config: Config) -> None:
    """Refuse inputs that were not made from one another: those of two runs with different settings are not mixed."""
    for name in inputs:
        folder = artifacts.stage_dir(config.lake, name, run_date)
        made_of = artifacts.read_manifest(folder).get("inputs", {})
        for other, version in inputs.items():
            if other != "ingest" and made_of.get(other, version) != version:
                raise InputError(
                    f"{folder} was made from another version of '{other}' than there is now: run stage '{name}' again. "
                    "Runs of one night with different settings go one after the other"
                )


def _execute(stage: str, run_date: date, config: Config, folder: Path, inputs: dict[str, str]) -> dict[str, Any]:
    function = stage_function(stage)
    given = {name: artifacts.stage_dir(config.lake, name, run_date) for name in inputs}
    if "run_date" in inspect.signature(function).parameters:
        given["run_date"] = run_date  # type: ignore[assignment]
    log.info("%s %s starts", stage, run_date)
    reset_peak_memory()
    started = time.perf_counter()
    with artifacts.writing(folder) as out:
        report = function(**given, config=config, out=out) if config.enabled(stage) else {"enabled": False}
        parts = artifacts.take_parts(out)
        manifest = {
            "stage": stage,
            "run_date": run_date.isoformat(),
            "config": config.model_dump(mode="json", exclude={"home", "folder"}),
            "config_hash": config.digest(stage),
            "code_version": artifacts.code_version(),
            "files": artifacts.describe(out),
            "inputs": inputs,
            "parts": parts,
            "report": report,
            "seconds": round(time.perf_counter() - started, 2),
            "peak_memory_mb": peak_memory_mb(),
        }
        artifacts.write_manifest(out, manifest)
    log.info("%s %s done in %.1f s: %s", stage, run_date, manifest["seconds"], folder)
    return manifest


def run(run_date: date, config: Config, stages: Iterable[str] = (), force: bool = False) -> dict[str, dict[str, Any]]:
    """Run stages of one night in data-flow order; default: all.

    Returns:
        The manifest of each stage, by name.
    """
    chosen = set(stages) or set(STAGES)
    for stage in chosen:
        stage_function(stage)
    return {stage: run_stage(stage, run_date, config, force) for stage in STAGES if stage in chosen}
