"""Disks of the tests: small ones and read-only ones. Root's writes ignore permissions, so that mounts are needed."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


def _mount(*arguments: str) -> None:
    try:
        done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip(f"this machine may not mount: {done.stderr.strip()}")


@contextlib.contextmanager
def small_disk(folder: Path, kib: int) -> Iterator[None]:
    """`folder` is an empty disk of so many KiB; what is on it afterwards is lost."""
    folder.mkdir(parents=True, exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(folder))
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def resize(folder: Path, kib: int) -> None:
    """Give a small disk more room."""
    _mount("-o", f"remount,size={kib}k", str(folder))


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """`folder` can be read and not written."""
    _mount("--bind", str(folder), str(folder))
    try:
        _mount("-o", "remount,ro,bind", str(folder))
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
