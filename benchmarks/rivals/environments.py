"""An environment of its own for each rival: a venv with pinned versions, made once and kept."""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.rivals.catalogue import HERE


class NotInstalledError(Exception):
    """A rival that cannot be installed here; the message is pip's."""


def requirements(name: str) -> Path:
    """The pinned versions of an environment."""
    return HERE / "requirements" / f"{name}.txt"


def python(name: str, folder: Path) -> Path:
    """The interpreter of an environment, which is made if it is not there or its pins changed.

    Args:
        name: of its requirements; "" is the interpreter that runs the benchmark.
        folder: where environments are kept.
    Raises:
        NotInstalledError: pip failed.
    """
    if not name:
        return Path(sys.executable)
    place, pins = folder / name, requirements(name)
    key = hashlib.sha256(pins.read_bytes()).hexdigest()
    mark = place / "installed"
    if not mark.exists() or mark.read_text() != key:
        print(f"installing {pins.name} into {place}", flush=True)
        venv.create(place, with_pip=True, clear=True)
        command = [place / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "-r", pins]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotInstalledError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "pip failed")
        mark.write_text(key)
    return place / "bin" / "python"
