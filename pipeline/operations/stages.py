"""The stages in data-flow order, and the one function that runs any of them.

A stage is a module with `run`, whose parameters say what it reads: a stage's name is that stage's finished folder,
`sources` are those of all candidate sources. It is also given, where it asks for them, `run_date`, `config`, the
`section` of its own name, `memo` to link parts with, and `out`, where it writes. A module may say besides:

    still_holds(config, manifest) -> bool    whether what the stage read beside its inputs (published runs, an earlier
                                             tuning) is still what the finished artifact was made from: the published
                                             tables, and earlier nights of its own
    follow(config)                           brings up what follows from the stage's artifact and is no part of it: each
                                             time the stage is asked for, also where it is up to date
    IS_HISTORY = True                        a night's artifact is history: only a forced run makes it again, and who
                                             reads it reads every night up to its own
"""

import contextlib
import inspect
import itertools
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline.ground import artifacts, keeping, manifests, resources
from pipeline.ground.artifacts import Memo
from pipeline.ground.errors import InputError
from pipeline.lineage import following
from pipeline.operations import handed
from pipeline.operations.monitoring import watching
from pipeline.settings.config import Config
from pipeline.sources import SOURCES
from pipeline.store import homes

log = logging.getLogger(__name__)

Report = dict[str, Any]

STAGES: dict[str, str] = {
    "ingest": "pipeline.intake.ingest",
    "features": "pipeline.features.build",
    "outcomes": "pipeline.judging.outcomes",
    "fine_tune": "pipeline.encoder.fine_tune",
    **{name: f"pipeline.sources.{name}" for name in SOURCES},
    "fusion": "pipeline.ranking.fusion",
    "ensemble": "pipeline.ranking.ensemble",
    "languages": "pipeline.words.languages",
    "classify": "pipeline.words.classify",
    "content": "pipeline.publication.content.content",
    "evaluate": "pipeline.judging.evaluate",
    "entities": "pipeline.words.entities",
    "answer": "pipeline.answers.answer",
    "topics": "pipeline.topics.topics",
    "publish": "pipeline.publication.publish",
}
ALL_SOURCES = "sources"
"""The parameter of a stage that reads every source."""
APART = frozenset({"languages", "classify", "content", "entities", "answer", "topics"})
"""Stages that a shop without their settings has not: no task, no folder, and nobody reads them."""
EVERYWHERE = tuple(stage for stage in STAGES if stage not in APART)
"""The stages that every shop has."""


def module_of(stage: str) -> ModuleType:
    """The module of a stage.

    Raises:
        InputError: there is no such stage.
    """
    if stage not in STAGES:
        raise InputError(f"there is no stage '{stage}'; the stages are {', '.join(STAGES)}")
    return import_module(STAGES[stage])


def _parameters(stage: str) -> list[str]:
    return list(inspect.signature(module_of(stage).run).parameters)


def upstream(stage: str) -> tuple[str, ...]:
    """The stages whose folders a stage reads, by its parameters."""
    named = [name for name in _parameters(stage) if name in STAGES or name == ALL_SOURCES]
    return tuple(read for name in named for read in (SOURCES if name == ALL_SOURCES else [name]))


def is_there(stage: str, config: Config) -> bool:
    """Whether a shop has a stage, be it switched off or not."""
    return stage not in APART or config.enabled(stage)


def of(config: Config) -> list[str]:
    """The stages that a shop has, in data-flow order."""
    return [stage for stage in STAGES if is_there(stage, config)]


def read_by(stage: str, config: Config) -> list[str]:
    """The stages whose folders a stage of a shop reads."""
    return [name for name in upstream(stage) if is_there(name, config)]


def wanted_upstream(stage: str, config: Config) -> list[str]:
    """Those of them that have something to do."""
    return [name for name in upstream(stage) if is_wanted(name, config)]


def is_history(stage: str) -> bool:
    """Whether a stage's artifacts are history, see above."""
    return bool(getattr(module_of(stage), "IS_HISTORY", False))


def is_wanted(stage: str, config: Config) -> bool:
    """Whether a stage has something to do: it is not switched off, nor is every source that alone would read it."""
    readers = [name for name, read in SOURCES.items() if stage in read]
    needed = stage in SOURCES or not readers or any(config.enabled(name) for name in readers)
    return config.enabled(stage) and needed


def _inputs(stage: str, run_date: date, config: Config) -> dict[str, str]:
    """Content hashes of what a stage reads."""
    hashes = {}
    for name in read_by(stage, config):
        folder = artifacts.stage_dir(config.lake, name, run_date)
        hashes[name] = artifacts.content_hash(folder)  # also where it is history: tonight's must be finished
        if is_history(name):
            hashes[name] = artifacts.history_hash(config.lake, name, run_date)
    return hashes


def made_of(stage: str, run_date: date, config: Config) -> manifests.Made:
    """What running a stage now would make its artifact of."""
    hashes = _inputs(stage, run_date, config)
    return manifests.Made(stage, run_date, config.written(), settings_hash(stage, config), hashes)


def settings_hash(stage: str, config: Config) -> str:
    """A hash of the settings that can change a stage's bytes, and of the moment up to which the day is known."""
    said = [config.digest(stage), *([] if is_wanted(stage, config) else ["off"])]
    return " ".join([*said, *([] if config.until is None else [config.until.isoformat()])])


def is_current(folder: Path, made: manifests.Made, config: Config) -> bool:
    """Whether a finished folder is what running the stage again would give."""
    if not artifacts.is_finished(folder):
        return False
    if is_history(made.stage):
        return True
    manifest = artifacts.read_manifest(folder)
    if not made.same(manifest):
        return False
    still_holds: Callable[[Config, dict[str, Any]], bool] | None = getattr(module_of(made.stage), "still_holds", None)
    return still_holds is None or still_holds(config, manifest)


def run_stage(stage: str, run_date: date, config: Config, force: bool = False, begun: bool = False) -> dict[str, Any]:
    """Run one stage for one night, unless its finished artifact is already what it would give.

    Args:
        stage: a name in STAGES.
        run_date: the day whose events are complete.
        config: the configuration.
        force: run even if the finished artifact is current.
        begun: end what was begun, where it was (pipeline.operations.in_shards); else the stage runs in one piece.
    Returns:
        The stage's manifest.
    Raises:
        PipelineError: as the stage says; nothing of it stays in the lake, unless it is what follows that failed.
    """
    folder = artifacts.stage_dir(config.lake, stage, run_date)
    with contextlib.ExitStack() as held:
        held.enter_context(watching.ending(config, stage, run_date, STAGES))  # first, to be told when no lock is held
        held.enter_context(resources.required(f"{stage} {run_date}", folder.parent))
        _bring(stage, run_date, config)
        alone = is_history(stage) and (force or not artifacts.is_finished(folder))
        held.enter_context(locked(stage, run_date, config, alone=alone))
        made = made_of(stage, run_date, config)
        if not force and is_current(folder, made, config):
            log.info("%s %s is up to date: %s", stage, run_date, folder)
            manifest = artifacts.read_manifest(folder) | {"skipped": True}
        else:
            require_one_origin(made, config)
            manifest = _execute(made, config, force, handed.found(folder, made) if begun else None)
        _follow(stage, config)
        return manifest


def _follow(stage: str, config: Config) -> None:
    """See above; what it raises leaves the artifact as it is."""
    follow: Callable[[Config], None] | None = getattr(module_of(stage), "follow", None)
    if follow is not None and is_wanted(stage, config):
        follow(config)


def _bring(stage: str, run_date: date, config: Config) -> None:
    """Of a home in an object store, bring what the stage reads: inputs, all nights of history, and what else it asks.

    Of other nights manifests are enough: `memo` fetches the parts that it links.
    """
    if (mirror := homes.mirror_of(config.home)) is None:
        return
    lakes = dict.fromkeys([config.lake_of_nights.name, config.lake.name])
    for lake in lakes:
        mirror.refresh(lake)
    for name in read_by(stage, config):
        keeping.bring(artifacts.stage_dir(config.lake, name, run_date))
    history = [name for name in (stage, *read_by(stage, config)) if is_history(name)]
    for lake, name in itertools.product(lakes, history):
        mirror.fetch_all(f"{lake}/{name}")
    if hasattr(module_of(stage), "still_holds"):
        keeping.bring(config.tables)
        for lake in lakes:
            mirror.fetch_all(f"{lake}/{stage}", lambda folder: artifacts.run_date_of(folder) < run_date)


@contextlib.contextmanager
def locked(stage: str, run_date: date, config: Config, *, alone: bool = False, shared: bool = False) -> Iterator[None]:
    """The stage is this process's alone, or `shared` with others that go on from what was begun; and what it reads
    stays as it is: another run of the night waits.

    Nobody waits in a circle, as whoever holds a stage waits only for stages before it, and whoever writes history,
    which may change other nights of it, does so `alone`.
    """
    with contextlib.ExitStack() as held:
        if alone:
            held.enter_context(artifacts.lock(artifacts.history(config.lake, stage)))
        held.enter_context(artifacts.lock(artifacts.stage_dir(config.lake, stage, run_date), shared=shared))
        for name in read_by(stage, config):
            held.enter_context(artifacts.lock(artifacts.stage_dir(config.lake, name, run_date), shared=True))
        yield


def require_one_origin(made: manifests.Made, config: Config) -> None:
    """Refuse inputs that were not made from one another: those of two runs with different settings are not mixed."""
    for name in made.inputs:
        folder = artifacts.stage_dir(config.lake, name, made.run_date)
        theirs = artifacts.read_manifest(folder).get("inputs", {})
        for other, version in made.inputs.items():
            if not is_history(other) and theirs.get(other, version) != version:
                raise InputError(
                    f"{folder} was made from another version of '{other}' than there is now: run stage '{name}' again. "
                    "Runs of one night with different settings go one after the other"
                )


def _execute(made: manifests.Made, config: Config, force: bool, begun: Path | None) -> dict[str, Any]:
    stage, run_date = made.stage, made.run_date
    folder = artifacts.stage_dir(config.lake, stage, run_date)
    log.info("%s %s starts", stage, run_date)
    resources.reset_peak_memory()
    started = time.perf_counter() - handed.spent(begun)
    with _followed(stage, run_date, config, begun) as tell:
        with artifacts.writing(folder) as out, handed.ending(begun):
            memo, report = Memo(out, reuse=not force, first=begun), {"enabled": False}
            if is_wanted(stage, config):
                report = call(stage, run_date, config, memo)
            manifest = manifests.seal(out, made, report, started, memo.parts, linked=memo.linked)
        handed.drop(folder)
        tell(manifest)
    log.info("%s %s done in %.1f s: %s", stage, run_date, manifest["seconds"], folder)
    return manifest


def _followed(
    stage: str, run_date: date, config: Config, begun: Path | None
) -> contextlib.AbstractContextManager[following.Tell]:
    """Lineage of a stage, where anybody collects it; a stage that has nothing to do has none."""
    if not is_wanted(stage, config):
        return contextlib.nullcontext(lambda _: None)
    return following.stage(stage, run_date, config, wanted_upstream(stage, config), begun=begun)


def call(stage: str, run_date: date, config: Config, memo: Memo) -> Report:
    """Call a stage's `run` with what its parameters ask for."""
    report: Report = module_of(stage).run(**_arguments(stage, run_date, config, memo))
    return report


def _arguments(stage: str, run_date: date, config: Config, memo: Memo) -> dict[str, Any]:
    """What the parameters of a stage's `run` ask for."""
    given: dict[str, Any] = {name: artifacts.stage_dir(config.lake, name, run_date) for name in STAGES}
    given[ALL_SOURCES] = {name: artifacts.stage_dir(config.lake, name, run_date) for name in SOURCES}
    given |= {"run_date": run_date, "config": config, "memo": memo, "out": memo.out}
    given["section"] = getattr(config, stage, None)
    return {name: given[name] for name in _parameters(stage)}


def run(run_date: date, config: Config, stages: Iterable[str] = (), force: bool = False) -> dict[str, dict[str, Any]]:
    """Run stages of one night in data-flow order; default: all that the shop has. Gives their manifests, by name."""
    chosen = set(stages) or set(of(config))
    for stage in chosen:
        module_of(stage)
    return {stage: run_stage(stage, run_date, config, force) for stage in STAGES if stage in chosen}
