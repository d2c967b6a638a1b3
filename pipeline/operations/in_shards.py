"""A stage in parts that an orchestrator runs as tasks of their own: begun once, made in shards, ended.

`end` makes what a shard did not, and runs the stage in one piece where it was not begun: the bytes are the same. Only
the stages in SHARED ask for their works to be shared (pipeline.engine.map_works).
"""

import contextlib
import shutil
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from pipeline.engine import shards
from pipeline.ground import artifacts, manifests, resources
from pipeline.ground.artifacts import Memo
from pipeline.ground.errors import InputError
from pipeline.lineage import following
from pipeline.operations import handed, stages
from pipeline.operations.monitoring import watching
from pipeline.settings.config import Config
from pipeline.store import homes

SHARED = ("fusion", "ensemble", "publish")
"""The stages whose work on users can be shared."""


def require_folder(config: Config) -> None:
    """Refuse shards where they could not find what they hand on.

    Raises:
        InputError: `home` is in an object store, where tasks of several machines do not see one folder.
    """
    if config.shards > 1 and homes.mirror_of(config.home) is not None:
        raise InputError(
            f"shards = {config.shards} needs a home that is a folder which all machines see under one name, and home "
            "is in an object store: set shards = 1, or engine = 'spark', or mount a folder"
        )


def begin(stage: str, run_date: date, config: Config, force: bool = False) -> list[int]:
    """Do what a stage does once, and keep it for the shards.

    Args:
        stage, run_date, config, force: as of stages.run_stage.
    Returns:
        The numbers of the shards; none where the stage is up to date or switched off.
    Raises:
        InputError: see require_folder.
        PipelineError: as the stage says.
    """
    require_folder(config)
    folder = artifacts.stage_dir(config.lake, stage, run_date)
    with (
        watching.ending(config, stage, run_date, stages.STAGES, whole=False),
        resources.required(f"{stage} {run_date}", folder.parent),
        stages.locked(stage, run_date, config),
    ):
        made = stages.made_of(stage, run_date, config)
        if not stages.is_wanted(stage, config) or (not force and stages.is_current(folder, made, config)):
            return []
        stages.require_one_origin(made, config)
        if not force and (begun := handed.found(folder, made)) is not None:
            return list(range(handed.number(begun)))  # by a task that died since, or by another run of the night
        handed.drop(folder)
        started, reads = time.perf_counter(), stages.wanted_upstream(stage, config)
        with (
            following.beginning(stage, run_date, config, reads, handed.place(folder)),
            artifacts.writing(handed.place(folder), durable=False) as out,
        ):
            memo = Memo(out, reuse=not force)
            with contextlib.suppress(shards.Done), shards.sharing(shards.Begins(out, config.shards)):
                stages.call(stage, run_date, config, memo)
            _keep(out, {*memo.parts, *shards.FOLDERS})
            manifests.seal(out, made, {handed.SHARDS: config.shards}, started, memo.parts, linked=memo.linked)
    return list(range(config.shards))


def _keep(out: Path, names: set[str]) -> None:
    """Remove what was half written when the works were reached."""
    for path in out.iterdir():
        if path.name not in names:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def make(stage: str, run_date: date, config: Config, number: int) -> None:
    """Make one shard's part of a stage that was begun; what a task that was killed made already, stays.

    Raises:
        InputError: the stage was not begun, or from other inputs or settings than there are now.
        PipelineError: as the stage says.
    """
    folder = artifacts.stage_dir(config.lake, stage, run_date)
    with (
        watching.ending(config, stage, run_date, stages.STAGES, whole=False),
        resources.required(f"{stage} {run_date}, shard {number}", folder.parent),
        stages.locked(stage, run_date, config, shared=True),
    ):
        made = stages.made_of(stage, run_date, config)
        if (begun := handed.found(folder, made)) is None:
            if stages.is_current(folder, made, config):
                return
            raise InputError(
                f"{handed.place(folder)}, from which the shards go on, is not there or was made from other inputs, "
                f"settings or code than there are now: clear {stage}_begin, and what comes after it"
            )
        started, reads = time.perf_counter(), stages.wanted_upstream(stage, config)
        with following.shard(stage, run_date, config, reads, begun), _scratch(folder, number) as out:
            memo = Memo(out, reuse=False, first=begun)
            role = shards.Makes(begun, handed.number(begun), number)
            with contextlib.suppress(shards.Done), shards.sharing(role):
                stages.call(stage, run_date, config, memo)
        handed.note(begun, number, time.perf_counter() - started)


@contextlib.contextmanager
def _scratch(folder: Path, number: int) -> Iterator[Path]:
    """A folder for what a shard does again."""
    out = artifacts.beside(folder, f"shard-{number}")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    try:
        yield out
    finally:
        shutil.rmtree(out, ignore_errors=True)


def end(stage: str, run_date: date, config: Config, force: bool = False) -> dict[str, Any]:
    """Put together what the shards made; arguments, result and errors as of stages.run_stage."""
    return stages.run_stage(stage, run_date, config, force=force, begun=True)
