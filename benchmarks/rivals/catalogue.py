"""The rivals of a data set and their settings, from `settings/<data>.toml`."""

import tomllib
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PROTOCOLS = ("all", "new")
Settings = dict[str, Any]


@dataclass(frozen=True)
class Rival:
    """One rival.

    Attributes:
        name, title, note: what it is called; the note stands beside the title.
        environment: its requirements, `requirements/<environment>.txt`.
        script: file in `scripts/`, or an absolute path.
        protocols: settings of each protocol it makes a list for.
        grid: values the tuning tries, by setting.
        blas_threads: a library that brings threads of its own wants one.
    """

    name: str
    title: str
    script: str
    environment: str = ""
    note: str = ""
    protocols: dict[str, Settings] = field(default_factory=dict)
    grid: dict[str, list[Any]] = field(default_factory=dict)
    one_model: bool = False
    blas_threads: int = 2

    @property
    def file(self) -> Path:
        """Its script."""
        return HERE / "scripts" / self.script


@dataclass(frozen=True)
class Data:
    """A data set: an example of the repository, and which nights are for what.

    Attributes:
        example: its pipeline.toml.
        tuning: nights any setting was chosen on.
        reporting: nights that were only reported.
    """

    name: str
    example: Path
    tuning: list[date]
    reporting: list[date]
    rivals: dict[str, Rival]


def names() -> list[str]:
    """Data sets that have settings."""
    return sorted(f.stem for f in (HERE / "settings").glob("*.toml"))


def read(name: str) -> Data:
    """Read the settings of a data set.

    Raises:
        FileNotFoundError: there is none of that name.
    """
    found = tomllib.loads((HERE / "settings" / f"{name}.toml").read_text())
    facts = found.pop("data")
    rivals = {}
    for key, entry in found.items():
        protocols = {p: entry.pop(p) for p in PROTOCOLS if p in entry}
        rivals[key] = Rival(name=key, protocols=protocols, **entry)
    return Data(name, ROOT / facts["example"], facts["tuning"], facts["reporting"], rivals)
