"""The published tables as Parquet, one folder per run, beside whatever database they are loaded into.

<tables>/parquet/run_id=.../{recommendations, similar_items, popular_items, user_profiles, runs}.parquet
"""

import filecmp
import os
import shutil
from collections.abc import Container
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import schemas

RUN = "run_id="
FILES = [f"{table}.parquet" for table in schemas.PUBLISHED]


class Archive:
    """The folder of the Parquet copies. Whoever changes it holds the publication's lock."""

    def __init__(self, tables: Path) -> None:
        self.folder = tables / "parquet"

    def path(self, run_id: str) -> Path:
        """The folder of a run's files."""
        return self.folder / f"{RUN}{run_id}"

    def keep(self, run_id: str, out: Path) -> Path:
        """Link a run's files into its folder, whole or not at all; what is there already and the same stays.

        Returns:
            The folder.
        """
        folder = self.path(run_id)
        if folder.is_dir() and filecmp.cmpfiles(out, folder, FILES, shallow=False)[0] == FILES:
            return folder
        partial, old = (folder.with_name(f".{folder.name}.{ending}") for ending in ("partial", "old"))
        partial.mkdir(parents=True)
        for file in FILES:
            try:
                os.link(out / file, partial / file)
            except OSError:  # another file system, or one without links
                shutil.copyfile(out / file, partial / file)
        if folder.exists():
            folder.rename(old)
        partial.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
        return folder

    def runs(self) -> list[pa.Table]:
        """What each kept run says about itself: tables with schemas.RUNS."""
        paths = sorted(self.folder.glob(f"{RUN}*/runs.parquet"))
        return [pq.read_table(path, partitioning=None).cast(schemas.RUNS) for path in paths]

    def drop_all_but(self, run_ids: Container[str]) -> None:
        """Remove the folders of all other runs."""
        for folder in self.folder.glob(f"{RUN}*"):
            if folder.name.removeprefix(RUN) not in run_ids:
                shutil.rmtree(folder)

    def clean(self) -> None:
        """Remove what a killed publication left behind."""
        for folder in self.folder.glob(f".{RUN}*"):
            shutil.rmtree(folder)
