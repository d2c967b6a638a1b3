"""The published tables as Parquet, one folder per run, beside whatever database they are loaded into.

<tables>/parquet/run_id=.../<table>.parquet             of every published table; not with runs from before it was added
<tables>/parquet/run_id=.../judged.<pool>.parquet       the run's lists as it was judged, for the gate of later runs
<tables>/parquet/run_id=.../experiment.json             whose lists were made how, where users were in arms
<tables>/parquet/run_id=.../withheld.<surface>.parquet  what drawn slots could have shown, where it is recorded
<tables>/parquet/run_id=.../final.<pool>.parquet        its lists before surfaces shaped them, where all of them did
<tables>/parquet/run_id=.../review.parquet              what content checks found, for editors
"""

import filecmp
import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import artifacts
from pipeline.published.contract import RUNS, PublishedTable

RUN = "run_id="
JUDGED = "judged.*.parquet"
EXPERIMENT = "experiment.json"
WITHHELD = "withheld.*.parquet"
FINAL = "final.*.parquet"
REVIEW = "review.parquet"
BESIDE = (JUDGED, EXPERIMENT, WITHHELD, FINAL, REVIEW)


class Archive:
    """The folder of the Parquet copies. Whoever changes it holds the publication's lock."""

    def __init__(self, folder: Path, tables: Sequence[PublishedTable]) -> None:
        self.folder = folder / "parquet"
        self.tables = tables

    def path(self, run_id: str) -> Path:
        """The folder of a run's files."""
        return self.folder / f"{RUN}{run_id}"

    def keep(self, run_id: str, out: Path) -> Path:
        """Link a run's files into its folder, whole or not at all; what is there already and the same stays.

        Returns:
            The folder.
        """
        folder = self.path(run_id)
        beside = sorted(path.name for name in BESIDE for path in out.glob(name))
        made = (table.file for table in self.tables if not table.added_later or (out / table.file).is_file())
        files = [*made, *beside]
        same = folder.is_dir() and filecmp.cmpfiles(out, folder, files, shallow=False)[0] == files
        if same and {path.name for path in folder.iterdir()} == set(files):
            return folder
        partial, old = (folder.with_name(f".{folder.name}.{ending}") for ending in ("partial", "old"))
        partial.mkdir(parents=True)
        for file in files:
            artifacts.link(out / file, partial / file)
        if folder.exists():
            folder.rename(old)
        partial.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
        return folder

    def holds(self, run_id: str) -> bool:
        """Whether every table of a run is there; what its version did not have is not missed."""
        needed = (table.file for table in self.tables if not table.added_later)
        return all((self.path(run_id) / file).is_file() for file in needed)

    def run_ids(self) -> list[str]:
        """The runs that have a folder, oldest night first."""
        return sorted(folder.name.removeprefix(RUN) for folder in self.folder.glob(f"{RUN}*"))

    def runs(self) -> list[pa.Table]:
        """What each kept run says about itself: tables with the schema of RUNS; what came later is null in old ones."""
        paths = sorted(self.folder.glob(f"{RUN}*/{RUNS.file}"))
        return [_completed(pq.read_table(path, partitioning=None)) for path in paths]

    def drop(self, run_id: str) -> None:
        """Remove a run's folder."""
        shutil.rmtree(self.path(run_id), ignore_errors=True)

    def clean(self) -> None:
        """Remove what a killed publication left behind; a run whose files it had only put aside has them again."""
        for old in self.folder.glob(f".{RUN}*.old"):
            folder = old.with_name(old.name.removeprefix(".").removesuffix(".old"))
            if not folder.exists():
                old.rename(folder)
        for folder in self.folder.glob(f".{RUN}*"):
            shutil.rmtree(folder)


def _completed(runs: pa.Table) -> pa.Table:
    for column in RUNS.later:
        if column.name not in runs.column_names:
            runs = runs.append_column(column.name, pa.nulls(len(runs), column.kind))
    return runs.select(RUNS.schema.names).cast(RUNS.schema)
