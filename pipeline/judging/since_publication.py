"""How the published runs have done since, for the report and the gate: what a run did beside what was promised.

A run is judged before it is published, on the days before; `outcomes` scores it on the days after. Where a run that
applications read did significantly worse over the whole horizon than its judgement promised, something has moved: the
shop, the logs, or what an application makes of the tables. That is said. It does not stop tonight by default, for the
remedy, a table that has seen what happened since, would be stopped by it, and the one that fell would stay in use.

Tonight's list is not compared with the active run on these days: it has learned from them.
"""

import json
import logging
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.publication import stores
from pipeline.published.run_ids import run_date_of
from pipeline.settings.config import Config
from pipeline.settings.sections.publication import Surface

log = logging.getLogger(__name__)

Row = dict[str, Any]

SHOWN = 14
"""Runs that the report lists per surface."""


def read(outcomes: Path) -> list[Row]:
    """The rows of the stage `outcomes`, newest judged run first."""
    with pq.ParquetFile(outcomes / "outcomes.parquet") as file:
        rows: list[Row] = file.read().to_pylist()
    return rows


def overall(rows: Sequence[Row], surface: str) -> list[Row]:
    """A surface's rows for everybody and every source, of runs that applications read, newest first."""
    wanted = {"surface": surface, "source": "all", "bucket_kind": "overall", "was_active": True}
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def promised(config: Config, run_id: str, pool: str) -> tuple[float, float, float] | None:
    """NDCG of a run's final lists as it was judged, with its 95 % interval; None where it is not known any more."""
    path = stores.archive(config).path(run_id) / "runs.parquet"
    if not path.is_file():
        return None
    with pq.ParquetFile(path) as file:
        metrics = json.loads(file.read(["metrics"]).column(0)[0].as_py())
    value, low, high = (metrics.get(f"{pool}.final.ndcg{end}") for end in ("", ".low", ".high"))
    return None if None in (value, low, high) else (value, low, high)


def _plain(surface: Surface, config: Config) -> bool:
    """Whether the surface shows the pool's lists as they are judged, as far down."""
    return surface.is_plain and surface.where == "true" and surface.k >= config.evaluate.k


def fallen(rows: Sequence[Row], config: Config) -> list[str]:
    """Surfaces whose latest whole horizon was significantly worse than promised, in words; none where nobody asks.

    The two are means over different users, so the difference's variance is the sum of both. A run is whole where every
    day of the horizon has passed: of fewer days fewer items could be hit, and NDCG is not comparable.
    """
    found: list[str] = []
    if config.evaluate.drift == "off":
        return found
    least = 1 - config.evaluate.drift_tolerance
    for surface in (surface for surface in config.surfaces if _plain(surface, config)):
        whole = [row for row in overall(rows, surface.name) if row["days"] == config.horizon_of(config.pool(surface))]
        promise = promised(config, whole[0]["judged_run_id"], config.pool(surface)) if whole else None
        if promise is None:
            continue
        row, (value, low, high) = whole[0], promise
        error = (((high - low) / 2) ** 2 + ((row["ndcg_high"] - row["ndcg_low"]) / 2) ** 2) ** 0.5
        if row["ndcg"] + error < least * value:
            found.append(
                f"surface '{surface.name}': on the {row['days']} days since, run {row['judged_run_id']} had "
                f"ndcg@{config.evaluate.k} {row['ndcg']:.4f} [{row['ndcg_low']:.4f}, {row['ndcg_high']:.4f}], "
                f"{row['users']} users, and was judged to have {value:.4f} [{low:.4f}, {high:.4f}]"
            )
    return found


def stopping(rows: Sequence[Row], config: Config) -> list[str]:
    """Say which published runs did worse than judged; those that evaluate.drift makes a reason to stop."""
    fell = fallen(rows, config)
    for words in fell:
        log.warning("a published run did worse than it was judged to: %s", words)
    return fell if config.evaluate.drift == "stop" else []


def section(rows: Sequence[Row], config: Config, fell: Sequence[str]) -> list[tuple[str, str]]:
    """The report's part about published runs: (title, HTML), or nothing where no run could be judged."""
    tables = "".join(_surface(overall(rows, s.name)[:SHOWN], s, config) for s in config.surfaces)
    if not tables:
        return []
    said = "".join(f'<li class="bad">{escape(words)}</li>' for words in fell)
    note = (
        "Tables that applications read, judged by what customers did after the night they were made, as far as it has "
        f"arrived and up to {config.horizon_days} days. Of fewer days fewer purchases could be hit: compare whole rows."
    )
    return [("Since publication", f'<p class="soft">{escape(note)}</p>{f"<ul>{said}</ul>" if said else ""}{tables}')]


def _surface(rows: Sequence[Row], surface: Surface, config: Config) -> str:
    if not rows:
        return ""
    k, deep, clicked = config.evaluate.k, config.evaluate.deep, any(row["impressions"] for row in rows)
    header = ["night", "days", "customers", f"ndcg@{k} judged", f"ndcg@{k} since", "95 %", "hit rate", "precision"]
    header += [f"recall@{deep}", *(["shown", "clicked"] if clicked else [])]
    lines = "".join(_line(row, surface, config, clicked) for row in rows)
    cells = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    table = f'<div class="wide"><table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table></div>'
    return f"<h3>{escape(surface.name)}</h3>{table}"


def _line(row: Row, surface: Surface, config: Config, clicked: bool) -> str:
    promise = promised(config, row["judged_run_id"], config.pool(surface))
    cells = [
        str(run_date_of(row["judged_run_id"])),
        str(row["days"]),
        str(row["users"]),
        f"{promise[0]:.3f}" if promise else "",
        f"{row['ndcg']:.3f}",
        f"{row['ndcg_low']:.3f} to {row['ndcg_high']:.3f}",
        *(f"{row[name]:.3f}" for name in ("hit_rate", "precision", "recall")),
        *([str(row["impressions"]), str(row["clicks"])] if clicked else []),
    ]
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def scalars(rows: Sequence[Row], config: Config) -> dict[str, Any]:
    """For the manifest: since.<surface>.<run, days, users, ndcg, hit_rate> of the latest run that was read."""
    latest = {s.name: found[0] for s in config.surfaces if (found := overall(rows, s.name))}
    names = ("days", "users", "ndcg", "hit_rate")
    return {
        f"since.{surface}.{name}": value if isinstance(value, str | int) else round(value, 6)
        for surface, row in latest.items()
        for name, value in [("run", row["judged_run_id"]), *((name, row[name]) for name in names)]
    }
