"""Replacing files of a finished folder, while others read it, so that a process that dies leaves nothing half done.

A folder of files and their manifest cannot be replaced in one step without an instant in which it is absent, so files
are replaced one by one and the manifest last. The new ones are first made in a hidden folder beside it, whose renaming
is the instant from which the change holds: whoever finds it afterwards moves what is left of it (`finish`). A replaced
file is a new one: other links to the old one, which `artifacts.Memo` and the archive make, are not changed by it.
"""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline.ground import artifacts

MAKING = "remaking"


def rewrite(folder: Path, write: Callable[[Path], Mapping[str, Any]]) -> None:
    """Replace files of a folder, and the manifest if it has one.

    The caller keeps others from writing the folder.

    Args:
        folder: a folder of whole files.
        write: writes the new files into the folder it is given; returns what changes in the manifest's report: with
            anything, its counts of refused rows are replaced by those given.
    """
    finish(folder)
    making = _beside(folder, MAKING)
    making.mkdir(parents=True)
    try:
        _make(folder, making, write)
        making.rename(_beside(folder, artifacts.REMADE))
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    artifacts.sync(folder.parent)
    finish(folder)


def _make(folder: Path, making: Path, write: Callable[[Path], Mapping[str, Any]]) -> None:
    """Write the new files and their manifest, and wait until they are on disk."""
    report = write(making)
    if artifacts.is_finished(folder):
        manifest = artifacts.read_manifest(folder)
        kept = {k: v for k, v in manifest["report"].items() if not (report and k.startswith("rejected: "))}
        files = dict(sorted((artifacts.describe(folder) | artifacts.describe(making)).items()))
        artifacts.write_manifest(making, manifest | {"files": files, "report": kept | dict(report)})
        shutil.copystat(folder / artifacts.MANIFEST, making / artifacts.MANIFEST)  # the logs were read when it was made
    for path in making.iterdir():
        artifacts.sync(path)
    artifacts.sync(making)


def is_pending(folder: Path) -> bool:
    """Whether a rewriting of the folder holds, but was interrupted before all of its files were in their place."""
    return _beside(folder, artifacts.REMADE).is_dir()


def finish(folder: Path) -> None:
    """Complete an interrupted rewriting, or clear away one that does not hold; who calls holds the folder's lock."""
    shutil.rmtree(_beside(folder, MAKING), ignore_errors=True)
    remade = _beside(folder, artifacts.REMADE)
    if not remade.is_dir():
        return
    if folder.is_dir():
        for path in sorted(remade.iterdir(), key=lambda path: path.name == artifacts.MANIFEST):
            path.replace(folder / path.name)
        artifacts.sync(folder)
    shutil.rmtree(remade)


def finish_all(stage: Path) -> None:
    """Complete what was interrupted in any night's folder of a stage."""
    for remade in sorted(stage.glob(f".{artifacts.PARTITION}*.{artifacts.REMADE}")):
        folder = stage / remade.name.removeprefix(".").removesuffix(f".{artifacts.REMADE}")
        with artifacts.lock(folder):
            finish(folder)


def _beside(folder: Path, ending: str) -> Path:
    return folder.parent / f".{folder.name}.{ending}"
