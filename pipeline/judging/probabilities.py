"""Whether the published probabilities come true, on the judged window; and what each source is worth, to read.

A score is P(acts on anything) x P(acts on the item | acts on anything). Lists of the judged cut-off exist for those who
acted, so the halves are judged apart, each on everybody it is about:

    items    the items shown to users who acted, given that they did: score / P(acts on anything)
    users    all users with a history: P(acts on anything)

    out/calibration.parquet    one row per pool and subject
    out/reliability.parquet    one row per pool, subject and bin
    out/ablation.parquet       one row per pool and source
"""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.arrays import metrics
from pipeline.features import rates
from pipeline.features.read import Cutoff
from pipeline.ground import lists
from pipeline.ground.lists import Pool
from pipeline.judging import measuring, reliability
from pipeline.judging.gate import FINAL, Comparison
from pipeline.judging.reliability import Reliability
from pipeline.judging.report import charts
from pipeline.ranking import activity
from pipeline.ranking.ablation import ABLATION
from pipeline.settings.config import Config

SUBJECTS = {
    "items": "Items shown to customers who bought something",
    "users": "Whether a customer buys anything",
}
_KEYS = [pa.field("pool", pa.string(), nullable=False), pa.field("subject", pa.string(), nullable=False)]
_NUMBERS = ("error", "brier", "base_brier", "log_loss", "base_log_loss")
CALIBRATION = pa.schema(
    [
        *_KEYS,
        pa.field("count", pa.int64(), nullable=False),
        pa.field("predicted", pa.float64(), nullable=False),  # mean over the pairs
        pa.field("observed", pa.float64(), nullable=False),
        *(pa.field(name, pa.float64(), nullable=False) for name in _NUMBERS),
    ]
)
RELIABILITY = pa.schema(
    [
        *_KEYS,
        pa.field("bin", pa.int32(), nullable=False),  # 1-based, ascending probability
        pa.field("predicted", pa.float64(), nullable=False),
        pa.field("observed", pa.float64(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
    ]
)

Found = dict[tuple[Pool, str], Reliability]


def judge(ensemble: Path, judged: Cutoff, config: Config) -> Found:
    """Every pool's probabilities against what happened; empty where the ensemble wrote none.

    Args:
        ensemble: the stage's folder.
        judged: the label cut-off.
        config: `evaluate.deep` is how many items of a list count.
    """
    found: Found = {}
    for pool in config.pools:
        folder = judged.dir_in(ensemble)
        if not (folder / f"{pool}.activity.npy").is_file():
            continue
        acting = np.load(folder / f"{pool}.activity.npy", mmap_mode="r", allow_pickle=False)
        users = rates.has_history(judged)
        measured = {
            "items": reliability.measure(*_shown(folder, judged, acting, pool, config)),
            "users": reliability.measure(acting[users], activity.acted(judged, pool)[users]),
        }
        found |= {(pool, subject): value for subject, value in measured.items() if value}
    return found


def _shown(
    folder: Path, judged: Cutoff, acting: np.ndarray, pool: Pool, config: Config
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of the items shown to users who acted, given that they did, and whether they acted on them."""
    truth = measuring.read_truth(judged, pool)
    items = np.asarray(lists.read_list(folder, pool, FINAL)[0][truth.rows, : config.evaluate.deep])
    chance = np.load(folder / f"{pool}.{FINAL}.probability.npy", mmap_mode="r", allow_pickle=False)
    acts = np.maximum(acting[judged.targets()[truth.rows]], 1e-6)[:, None]
    given = np.minimum(chance[truth.rows, : items.shape[1]] / acts, 1)
    hit = metrics.member(items.astype(np.int64), truth.starts, truth.items)
    return given[items >= 0], hit[items >= 0]


def write(found: Found, worth: list[dict[str, Any]], out: Path) -> None:
    """Write the tables, `worth` as ablation.parquet."""
    totals, bins = [], []
    for (pool, subject), of in found.items():
        keys = {"pool": pool, "subject": subject}
        totals.append(keys | _total(of) | {name: getattr(of, name) for name in _NUMBERS})
        columns = zip(of.predicted.tolist(), of.observed.tolist(), of.count.tolist(), strict=True)
        bins += [keys | {"bin": n, "predicted": p, "observed": o, "count": c} for n, (p, o, c) in enumerate(columns, 1)]
    pq.write_table(pa.Table.from_pylist(totals, CALIBRATION), out / "calibration.parquet")
    pq.write_table(pa.Table.from_pylist(bins, RELIABILITY), out / "reliability.parquet")
    pq.write_table(pa.Table.from_pylist(worth, ABLATION), out / "ablation.parquet")


def _total(of: Reliability) -> dict[str, Any]:
    count = int(of.count.sum())
    means = {name: float((getattr(of, name) * of.count).sum() / count) for name in ("predicted", "observed")}
    return {"count": count, **means}


def scalars(found: Found) -> dict[str, float]:
    """For the manifest: <pool>.calibration.<subject>.<error, brier, base_brier>."""
    return {
        f"{pool}.calibration.{subject}.{name}": round(getattr(of, name), 6)
        for (pool, subject), of in found.items()
        for name in ("error", "brier", "base_brier")
    }


def section(found: Found, surfaces: Mapping[Pool, str]) -> list[tuple[str, str]]:
    """The report's part about probabilities: (title, HTML), or nothing where there are none.

    Args:
        found: from `judge`.
        surfaces: names of the surfaces that draw on each pool.
    """
    if not found:
        return []
    note = (
        "A score is the probability that the customer acts on the item within the horizon: that they act at all, times "
        "that they then act on this item. Both halves are compared with what happened; dots on the line are right."
    )
    plots = "".join(_plot(of, surfaces[pool], subject) for (pool, subject), of in found.items())
    return [("Do the scores come true?", f'<p class="soft">{escape(note)}</p><div class="cards">{plots}</div>')]


def _plot(of: Reliability, surface: str, subject: str) -> str:
    total = _total(of)
    better = "better" if of.brier < of.base_brier else "no better"
    text = (
        f"Foretold {total['predicted']:.1%}, came true {total['observed']:.1%} of {total['count']:,}. "
        f"Calibration error {of.error:.4f}; Brier score {of.brier:.4f}, {better} than "
        f"that of the average rate, {of.base_brier:.4f}."
    )
    heading = f"<h3>{escape(surface)}: {escape(SUBJECTS[subject])}</h3>"
    return f'<div>{heading}{charts.reliability(of)}<p class="soft small">{escape(text)}</p></div>'


# --- what each source is worth ----------------------------------------------------------------------------------------


def read_worth(fusion: Path) -> list[dict[str, Any]]:
    """Rows of the fusion's ablation; none where it is switched off."""
    path = fusion / "ablation" / "ablation.parquet"
    if not path.is_file():
        return []
    with pq.ParquetFile(path) as file:
        rows: list[dict[str, Any]] = file.read().to_pylist()
    return rows


def worth_section(rows: list[dict[str, Any]], surfaces: Mapping[Pool, str]) -> list[tuple[str, str]]:
    """The report's part about sources: (title, HTML), or nothing without rows."""
    if not rows:
        return []
    note = (
        "The fusion learned and judged again without one source at a time: without its ranks and scores, and without "
        "the candidates that nobody else proposes. All models here are smaller than the published one. Each interval "
        f"is of 95 % over customers, on its own: of {len(rows)}, one or two may miss the truth by chance, and growing "
        "the same model again moves it by 0.001 to 0.003 too. A source that adds nothing may be as good as another "
        "that says the same: look at several weeks before one is switched off."
    )
    drawn = ""
    for pool in surfaces:
        mine = sorted((row for row in rows if row["pool"] == pool), key=lambda row: -row["difference"])
        compared = [
            Comparison(
                pool=pool,
                versus=row["source"],
                final=row["with_it"],
                other=row["without"],
                **{name: row[name] for name in ("metric", "difference", "low", "high", "users")},
            )
            for row in mine
        ]
        own = {row["source"]: f"{row['alone']:.1%} of candidates are its own" for row in mine}
        if compared:
            head = f"<h3>{escape(surfaces[pool])}: {escape(compared[0].metric)} {compared[0].final:.3f} with all</h3>"
            drawn += head + charts.worth(compared, own)
    return [("What each source is worth", f'<p class="soft">{escape(note)}</p>{drawn}')]
