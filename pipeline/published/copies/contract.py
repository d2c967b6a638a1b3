"""What a copy of the published tables must be able to do: a store that others read, and that can be made again.

The target is the truth. A copy holds whole loads beside one another: what a run's Parquet files said when they were
loaded. Readers see the one that was activated last.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol

from pipeline.ground import artifacts, shipped
from pipeline.ground.errors import InputError
from pipeline.published.contract import PublishedTable

LAYOUT = 1
"""Of what copies hold. A change of it gives every load another name, so that each copy is made again."""


class Copy(Protocol):
    """A store that holds copies of published runs. The caller holds the target's lock.

    Every method may raise PublishError, and UnavailableError where trying again later may help. Whatever is killed or
    fails before `activate` is of no effect to readers.
    """

    def active(self) -> str | None:
        """The load that readers see; None where they see none, or not all that belongs to it."""

    def holds(self, load: str) -> bool:
        """Whether a load is there whole, so that it can be activated at once."""

    def load(self, load: str, folder: Path) -> None:
        """Bring a load, whole or not at all, beside what readers see.

        Args:
            load: its name; what was left of one that was killed is replaced.
            folder: one Parquet file per published table; a table that came later may lack its file.
        Raises:
            PublishError: the copy does not have the rows of the files.
        """

    def activate(self, load: str) -> None:
        """Let readers see a load that was brought, instead of the one before."""

    def keep(self, loads: Collection[str], alone: bool = False) -> None:
        """Remove every other load and what is left of it, not the one that readers see.

        Args:
            loads: what stays.
            alone: also what the copy itself keeps of before, such as versions of a table.
        """

    def close(self) -> None:
        """Give connections back."""


def load_of(run_id: str, folder: Path, tables: Sequence[PublishedTable]) -> str:
    """The name of what a run's files say now: a run's tables change when a person is forgotten, and get another one."""
    there = [folder / table.file for table in tables if (folder / table.file).is_file()]
    said = [f"{path.name} {artifacts.file_sha256(path)}" for path in there]
    return f"{run_id}-{artifacts.text_sha256(LAYOUT, said)[:8]}"


def needs(what: str, package: str) -> InputError:
    """The error of a package that is not installed."""
    return InputError(f"{what} needs {package}: {shipped.installed_by('copies')}")
