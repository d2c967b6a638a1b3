"""What the published tables are worth on nights of the example shop, against every single model of the same run.

    python -m tests.benchmarks.quality 2011-07-31 2011-10-02 2011-11-06 [--home FOLDER] [--export FOLDER]

History and truth come from the raw logs, not from the pipeline: history = products known customers bought up to the
night, truth = what they bought in the 14 days after it. Protocol `all` counts every item of the truth, `new` only items
the customer never bought. A customer without a list scores 0. Differences carry paired bootstrap 95 % intervals over
the customers. Nights before 2011-07-01 are for tuning, later ones only for reporting.
"""

import argparse
import logging
import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import artifacts, config, data, ingest, lists, stages

HORIZON = 14
SOURCES = (
    "popularity",
    "als",
    "user_knn",
    "item_knn",
    "ease",
    "matrix_factorisation",
    "language_model",
    "sasrec",
    "fusion",
    "ensemble",
)
FILES = "logs/*.csv.zst"


def purchases(folder: Path, after: date, until: date) -> pa.Table:
    """Distinct (user_id, item_id) bought after one day and up to another."""
    text = (Path(__file__).parent / "truth.sql").read_text()
    parameters = {"files": str(folder / FILES), "after": after, "until": until}
    return duckdb.sql(text, params=parameters).to_arrow_table()


def grouped(table: pa.Table) -> dict[str, set[str]]:
    """item_ids by user_id."""
    rows: dict[str, set[str]] = {}
    for user, item in zip(table["user_id"].to_pylist(), table["item_id"].to_pylist(), strict=True):
        rows.setdefault(user, set()).add(item)
    return rows


def _by_user(table: pa.Table, surface: str) -> dict[str, list[str]]:
    statement = "select user_id, list(item_id order by rank) from recs where surface = $s group by 1"
    with duckdb.connect() as connection:
        connection.register("recs", table)
        return dict(connection.execute(statement, {"s": surface}).fetchall())


def single_models(settings: config.Config, night: date, pool: lists.Pool) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Every list any stage made for the night, by name."""
    features = artifacts.stage_dir(settings.lake, "features", night)
    users = np.array(data.read_users(features)["user_id"].to_pylist())
    items = np.array([*data.read_items(features)["item_id"].to_pylist(), None])
    run = data.read_cutoffs(features)[0]
    names = users[run.targets()].tolist()
    for stage in SOURCES:
        folder = run.dir_in(artifacts.stage_dir(settings.lake, stage, night))
        for name in lists.list_names(folder, pool):
            found, _ = lists.read_list(folder, pool, name)
            rows = (x[x != None].tolist() for x in items[found])  # noqa: E711
            yield name, dict(zip(names, rows, strict=True))


def per_user(
    shown: dict[str, list[str]], truth: dict[str, set[str]], history: dict[str, set[str]], protocol: str
) -> tuple[np.ndarray, np.ndarray]:
    """NDCG@10 and Recall@50 of each warm user, in the order of sorted user ids."""
    discount = 1 / np.log2(np.arange(2, 12))
    ndcg, recall = [], []
    for user in sorted(set(truth) & set(history)):
        wanted = truth[user] - history[user] if protocol == "new" else truth[user]
        if not wanted:
            continue
        ranked = [i for i in shown.get(user, []) if protocol == "all" or i not in history[user]]
        hits = [r for r, item in enumerate(ranked[:50]) if item in wanted]
        ndcg.append(sum(discount[r] for r in hits if r < 10) / discount[: min(10, len(wanted))].sum())
        recall.append(len(hits) / len(wanted))
    return np.array(ndcg), np.array(recall)


def interval(difference: np.ndarray) -> tuple[float, float]:
    """Paired bootstrap 95 % interval of the mean."""
    rng = np.random.default_rng(0)
    means = np.array([difference[rng.integers(0, len(difference), len(difference))].mean() for _ in range(2000)])
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def export(folder: Path, night: date, name: str, shown: dict[str, list[str]]) -> None:
    """Write lists as Parquet (user_id, item_id, rank) for any other scorer."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [(u, i, r) for u, ranked in shown.items() for r, i in enumerate(ranked, 1)]
    users, items, ranks = zip(*rows, strict=True)
    pq.write_table(pa.table({"user_id": users, "item_id": items, "rank": ranks}), folder / f"{night}.{name}.parquet")


def judge(settings: config.Config, night: date, folder: Path | None) -> dict[tuple[str, str], np.ndarray]:
    """Score one night's lists: per-user NDCG@10 and Recall@50 by (protocol, list)."""
    bought = purchases(settings.folder, date(2000, 1, 1), night)
    later = purchases(settings.folder, night, night + timedelta(days=HORIZON))
    history, truth = grouped(bought), grouped(later)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(bought, folder / f"{night}.history.parquet")
        pq.write_table(later, folder / f"{night}.truth.parquet")
    scores = {}
    for surface in settings.surfaces:
        protocol: lists.Pool = surface.pool
        tables = [(surface.name, _published(settings, night, surface.name)), *single_models(settings, night, protocol)]
        for name, shown in tables:
            scores[protocol, name] = np.stack(per_user(shown, truth, history, protocol))
            if folder is not None:
                export(folder, night, f"{protocol}.{name}", shown)
    return scores


def _published(settings: config.Config, night: date, surface: str) -> dict[str, list[str]]:
    folder = artifacts.stage_dir(settings.lake, "publish", night)
    return _by_user(pq.read_table(folder / "recommendations.parquet"), surface)


def show(settings: config.Config, results: dict[date, dict[tuple[str, str], np.ndarray]]) -> None:
    """Print a table per protocol: NDCG@10 of each night, the means, and the difference to the published list."""
    for surface in settings.surfaces:
        protocol = surface.pool
        names = sorted({name for night in results.values() for p, name in night if p == protocol})
        mean = {n: np.mean([night[protocol, n].mean(axis=1) for night in results.values()], axis=0) for n in names}
        print(f"\nprotocol {protocol}: surface {surface.name} against every list of the same runs")
        header = " ".join(f"{night!s:>10}" for night in results)
        print(f"{'list':<18} {header} {'NDCG@10':>9} {'Recall@50':>9}   {surface.name} minus it, NDCG@10 [95 %]")
        for name in sorted(names, key=lambda n: -mean[n][0]):
            nights = " ".join(f"{night[protocol, name][0].mean():>10.4f}" for night in results.values())
            gap = np.concatenate(
                [night[protocol, surface.name][0] - night[protocol, name][0] for night in results.values()]
            )
            low, high = interval(gap) if name != surface.name else (0.0, 0.0)
            against = "" if name == surface.name else f"   {gap.mean():+.4f} [{low:+.4f}, {high:+.4f}]"
            print(f"{name:<18} {nights} {mean[name][0]:>9.4f} {mean[name][1]:>9.4f}{against}")


def main() -> None:
    """Run the nights that are not there yet, and score them."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("nights", nargs="+", type=date.fromisoformat)
    options.add_argument("--config", type=Path)
    options.add_argument("--home", type=Path, help="default: NIGHTJAR_HOME, else .nightjar")
    options.add_argument("--export", type=Path, help="also write lists, history and truth as Parquet")
    chosen = options.parse_args()
    if chosen.home:
        os.environ["NIGHTJAR_HOME"] = str(chosen.home)
    settings = config.load(chosen.config)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    if not ingest.is_loaded(settings, max(chosen.nights)):
        print(ingest.load_history(settings, until=max(chosen.nights)))
    results = {}
    for night in chosen.nights:
        stages.run(night, settings)
        results[night] = judge(settings, night, chosen.export)
    show(settings, results)


if __name__ == "__main__":
    main()
