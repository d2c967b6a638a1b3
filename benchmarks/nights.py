"""What every benchmark of a night shares: arguments, the night made ready, its users and items by row, its lists."""

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from scipy import sparse

from pipeline.features.read import read_cutoffs, read_items, read_users
from pipeline.ground import artifacts, lists
from pipeline.operations import load_history, stages
from pipeline.settings.config import Config
from pipeline.sources.configuration import load
from pipeline.sources.language_model import LanguageModel

EXAMPLE = Path(__file__).parents[1] / "examples" / "online_retail" / "pipeline.toml"


def arguments(said: str | None, *, several: bool = True) -> argparse.ArgumentParser:
    """A parser of nights, --config and --home.

    Args:
        said: the benchmark's docstring, which is its help.
        several: whether it takes many nights (`nights`), or one (`night`).
    """
    parser = argparse.ArgumentParser(description=said, formatter_class=argparse.RawDescriptionHelpFormatter)
    if several:
        parser.add_argument("nights", nargs="+", type=date.fromisoformat)
    else:
        parser.add_argument("night", type=date.fromisoformat)
    parser.add_argument("--config", type=Path, help="default: NIGHTJAR_CONFIG, else the example shop")
    parser.add_argument("--home", type=Path, help="default: NIGHTJAR_HOME, else .nightjar")
    return parser


def settings_of(chosen: argparse.Namespace, overrides: Mapping[str, Any] | None = None) -> Config:
    """The configuration that --config and --home name, with settings of the benchmark's own laid over it."""
    path = chosen.config or os.environ.get("NIGHTJAR_CONFIG") or EXAMPLE
    home = {"home": str(chosen.home)} if chosen.home else {}
    return load(Path(path), {**(overrides or {}), **home})


def load_logs(settings: Config, until: date) -> None:
    """Load the history up to a night, unless it is there."""
    if not load_history.is_loaded(settings, until):
        print(load_history.load_history(settings, until=until), flush=True)


def make_features(settings: Config, nights: Sequence[date]) -> None:
    """Load the history and make the features of nights, where they are not there."""
    load_logs(settings, max(nights))
    for night in nights:
        stages.run(night, settings, ["ingest", "features"])


@dataclass(frozen=True)
class Rows:
    """The rows of users and items, by id.

    Attributes:
        user, item: row by id.
    """

    user: dict[str, int]
    item: dict[str, int]

    @classmethod
    def of(cls, settings: Config, night: date) -> Self:
        """Those of a night whose features are there."""
        features = artifacts.stage_dir(settings.lake, "features", night)
        users, items = read_users(features)["user_id"].to_pylist(), read_items(features)["item_id"].to_pylist()
        return cls({user: row for row, user in enumerate(users)}, {item: row for row, item in enumerate(items)})

    def pairs(self, table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
        """User and item rows [N] of a table with user_id and item_id; who or what has no row is left out."""
        users, items, _ = self._found(table)
        return users, items

    def matrix(self, table: pa.Table) -> sparse.csr_matrix:
        """[U, I] CSR float32, 1 for each row of a table with user_id and item_id."""
        users, items = self.pairs(table)
        ones = np.ones(len(users), dtype=np.float32)
        return sparse.csr_matrix((ones, (users, items)), shape=(len(self.user), len(self.item)))

    def actions(self, table: pa.Table, hidden: np.ndarray) -> np.ndarray:
        """[N, 3] distinct user row, item row and day (since 1970-01-01), in this order, of items that are not hidden.

        Args:
            table: user_id, item_id, time.
            hidden: bool [I].
        """
        users, items, known = self._found(table)
        days = table["time"].to_numpy().astype("datetime64[D]").astype(np.int64)[known]
        return np.unique(np.stack([users, items, days], axis=1)[~hidden[items]], axis=0)

    def _found(self, table: pa.Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """User and item rows, and which rows of the table they are."""
        users = np.array([self.user.get(name, -1) for name in table["user_id"].to_pylist()], dtype=np.int64)
        items = np.array([self.item.get(name, -1) for name in table["item_id"].to_pylist()], dtype=np.int64)
        known = np.flatnonzero((users >= 0) & (items >= 0))
        return users[known], items[known], known


def language_model_section(settings: Config) -> LanguageModel:
    """The section of the language model, which the configuration has as that of one source among others."""
    section = getattr(settings, "language_model")  # noqa: B009 (sources are not fields that a type checker knows)
    assert isinstance(section, LanguageModel)
    return section


def lists_of(settings: Config, stage: str, night: date, pool: lists.Pool) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Tonight's lists of a stage, by name: item_ids, best first, by user_id."""
    features = artifacts.stage_dir(settings.lake, "features", night)
    users = np.array(read_users(features)["user_id"].to_pylist())
    items = np.array(read_items(features)["item_id"].to_pylist())
    tonight = read_cutoffs(features)[0]
    names = users[tonight.targets()].tolist()
    folder = tonight.dir_in(artifacts.stage_dir(settings.lake, stage, night))
    for name in lists.list_names(folder, pool):
        found, _ = lists.read_list(folder, pool, name)
        yield name, {user: items[row[row >= 0]].tolist() for user, row in zip(names, found, strict=True)}


def means(values: Sequence[Sequence[float]]) -> list[float]:
    """The mean of each column."""
    return [float(value) for value in np.mean(values, axis=0)]
