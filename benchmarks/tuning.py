"""What is trained, what it is taught and on which data: quality, trainable parameters, time and memory of each choice.

    python -m benchmarks.tuning 2011-05-08 2011-06-05 [--only modes tasks data] [--steps 60] [--home FOLDER]

Nights, hidden items and judge are those of benchmarks/cold_items.py. Every row is a training of its own, in a
process of its own, with the same number of steps; all else is the default. Two numbers each for NDCG@10 and Recall@50
on the hidden items: the encoder alone (mean of the history), and as production uses it (with words and preferences).
F1 is that of telling what customers bought in the 14 days after the night from four times as many other items.

    modes   what is trained (pipeline/encoder/modes.py)
    tasks   what is learned beside retrieval (pipeline/encoder/tasks.py), the logQ correction, ALS's hard negatives. The
            log has no categories: "category" is the last word of a title that at least 20 titles end with
    models  the pretrained encoder's lowest layers alone
    data    augmentation, same-basket examples, the balance of head and tail, layers frozen
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import sparse

from benchmarks import cold_items
from benchmarks.cold_items import Night
from benchmarks.scoring import BEGINNING, events, purchases
from pipeline.arrays import determinism
from pipeline.arrays.determinism import blas_threads
from pipeline.encoder import encoder as encoders
from pipeline.encoder import held_out, training_data
from pipeline.encoder.curve import epochs_of
from pipeline.encoder.learner import EncoderLearner
from pipeline.encoder.training import train
from pipeline.encoder.training_data import TaskData
from pipeline.features.read import read_items, read_users
from pipeline.ground import artifacts
from pipeline.operations import load_history, stages
from pipeline.sources import configuration

Section = dict[str, Any]
VARIANTS: dict[str, dict[str, Section]] = {
    "modes": {
        "full, upper half (default)": {},
        "full, all layers": {"frozen_share": 0.0},
        "LoRA": {"mode": "lora"},
        "AdaLoRA": {"mode": "adalora"},
        "prefix": {"mode": "prefix"},
        "head": {"mode": "head"},
    },
    "tasks": {
        "retrieval alone (default)": {},
        "with relevance, weight 0.1": {"tasks": {"relevance": 0.1}},
        "with relevance, weight 0.5": {"tasks": {"relevance": 0.5}},
        "with category, weight 0.1": {"tasks": {"category": 0.1}},
        "with both, weight 0.1": {"tasks": {"relevance": 0.1, "category": 0.1}},
        "logQ correction": {"popularity_correction": 1.0},
        "a quarter hard negatives": {"hard_negatives": 0.25},
    },
    "models": {
        "6 layers (default)": {},
        "4 layers": {"layers": 4},
        "3 layers": {"layers": 3},
        "2 layers": {"layers": 2},
    },
    "data": {
        "default": {},
        "a tenth of the tokens left out": {"token_dropout": 0.1},
        "a quarter of the tokens left out": {"token_dropout": 0.25},
        "with baskets": {"baskets": 1.0},
        "items drawn alike (tail)": {"popularity_power": 0.0},
        "items drawn by buyers (head)": {"popularity_power": 1.0},
    },
}


def last_words(texts: list[str], least: int = 20) -> np.ndarray:
    """[I] number of the last word of each text, -1 where fewer than `least` texts end with it."""
    words = np.array([([""] + [w for w in text.lower().split() if w.isalpha()])[-1] for text in texts])
    names, number, count = np.unique(words, return_inverse=True, return_counts=True)
    common = (count >= least) & (names != "")
    return np.asarray(np.where(common[number], (np.cumsum(common) - 1)[number], -1), dtype=np.int64)


def bought(settings: configuration.FullConfig, day: date, hidden: np.ndarray) -> pa.Table:
    """user_index, item_index, day, weight, session_index (none) of every purchase of items that are not hidden."""
    features = artifacts.stage_dir(settings.lake, "features", day)
    user_row = {u: n for n, u in enumerate(read_users(features)["user_id"].to_pylist())}
    item_row = {i: n for n, i in enumerate(read_items(features)["item_id"].to_pylist())}
    table = events(settings.folder, BEGINNING, day)
    rows = [
        (user_row[user], item_row[item], time.toordinal())
        for user, item, time in zip(*(table[name].to_pylist() for name in ("user_id", "item_id", "time")), strict=True)
        if user in user_row and item in item_row and not hidden[item_row[item]]
    ]
    found = np.array(sorted(set(rows)), dtype=np.int32)
    return pa.table(
        {
            "user_index": found[:, 0],
            "item_index": found[:, 1],
            "day": found[:, 2],
            "weight": np.ones(len(found), dtype=np.float32),
            "session_index": pa.nulls(len(found), pa.int32()),
        }
    )


def bought_next(settings: configuration.FullConfig, day: date, night: Night) -> tuple[np.ndarray, np.ndarray]:
    """User and item indices [P] of what is not hidden and was bought in the days after the night."""
    features = artifacts.stage_dir(settings.lake, "features", day)
    user_row = {u: n for n, u in enumerate(read_users(features)["user_id"].to_pylist())}
    item_row = {i: n for n, i in enumerate(read_items(features)["item_id"].to_pylist())}
    later = purchases(settings.folder, day, day + timedelta(days=settings.horizon_days))
    pairs = zip(later["user_id"].to_pylist(), later["item_id"].to_pylist(), strict=True)
    found = np.array([(user_row[u], item_row[i]) for u, i in pairs if u in user_row and i in item_row])
    found = found[(found[:, 0] < night.learned.shape[0]) & ~night.hidden[found[:, 1]]]
    return found[:, 0], found[:, 1]


def trained(night: Night, day: date, settings: configuration.FullConfig) -> dict[str, float]:
    """Train with the configured section; everything that is measured."""
    section, matrix = settings.fine_tune, night.learned
    filled = np.array([bool(text.strip()) for text in night.texts]) & ~night.hidden
    held = held_out.split(*bought_next(settings, day, night), matrix, filled, settings.seed)
    if section.baskets > 0:
        purchases = bought(settings, day, night.hidden)
        matrix = training_data.with_baskets(matrix, purchases, section.half_life_days, section.baskets)
    categories = np.where(night.hidden, -1, last_words(night.texts))
    task_data = TaskData(categories, sparse.csr_matrix(matrix.shape, dtype=np.int64), (int(categories.max()) + 1, 1))
    with determinism.reproducible(settings.seed, settings.threads):
        encoder = encoders.load(section.model, max_tokens=section.max_tokens, layers=section.layers)
        learner = EncoderLearner(encoder, night.texts, matrix, section, settings.seed, task_data=task_data)
        count = sum(parameter.numel() for parameter in learner.parameters)
        encoder = encoders.load(section.model, max_tokens=section.max_tokens, layers=section.layers)
        started = time.process_time()
        encoder, curve, _ = train(
            encoder,
            night.texts,
            matrix,
            section,
            settings.seed,
            task_data=task_data,
            held_out=held,
            threads=settings.threads,
        )
        seconds = time.process_time() - started
        encoded = encoder.encode(night.texts)
    alone = (cold_items.means(night.recent)[night.users] @ encoded) @ encoded[night.hidden].T
    whole = cold_items.preferred(night, cold_items.vectors_of(night, encoder, encoded, settings), settings)
    judged = [cold_items.judge(night, scores).mean(axis=1) for scores in (alone, whole)]
    ends = epochs_of(curve)[-1]
    return {
        "alone_ndcg": judged[0][0],
        "alone_recall": judged[0][1],
        "ndcg": judged[1][0],
        "recall": judged[1][1],
        "f1": ends["test_f1"],
        "parameters": float(count),
        "seconds": seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def in_a_process(day: date, overrides: Section) -> dict[str, float]:
    """`trained`, where no other variant has left memory behind."""
    command = [sys.executable, "-m", "benchmarks.tuning", "--one", json.dumps(overrides), day.isoformat()]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print the tables: means over the nights."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("nights", nargs="+", type=date.fromisoformat)
    options.add_argument("--only", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    options.add_argument("--steps", type=int, default=60)
    options.add_argument("--home", type=Path, help="default: NIGHTJAR_HOME, else .nightjar")
    options.add_argument("--one", type=json.loads, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.home:
        os.environ["NIGHTJAR_HOME"] = str(chosen.home)
    if chosen.one is not None:
        settings = configuration.load(None, {"fine_tune": chosen.one | {"epochs": 1, "track": []}})
        (day,) = chosen.nights
        with blas_threads(settings.threads):
            night = cold_items.read_night(settings, day, cold_items.SEED)
            print(json.dumps({name: float(value) for name, value in trained(night, day, settings).items()}))
        return
    settings = configuration.load(None)
    load_history.load_history(settings, until=max(chosen.nights))
    for day in chosen.nights:
        stages.run(day, settings, ["ingest", "features"])
    head = f"{'alone NDCG, Recall':>20}{'NDCG@10, Recall@50':>20}{'F1':>7}{'trained':>12}{'CPU s':>7}{'peak MB':>9}"
    known: dict[str, dict[str, float]] = {}
    for group in chosen.only:
        print(f"\n{group:<34}{head}", flush=True)
        for name, overrides in VARIANTS[group].items():
            asked = json.dumps(overrides | {"steps": chosen.steps})
            if asked not in known:
                rows = [in_a_process(day, json.loads(asked)) for day in chosen.nights]
                known[asked] = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
            mean = known[asked]
            pairs = (
                f"{mean[a]:>12.4f} {mean[b]:>7.4f}" for a, b in (("alone_ndcg", "alone_recall"), ("ndcg", "recall"))
            )
            costs = f"{mean['parameters']:>12,.0f}{mean['seconds']:>7.0f}{mean['peak_mb']:>9.0f}"
            print(f"{name:<34}{''.join(pairs)}{mean['f1']:>7.3f}{costs}", flush=True)


if __name__ == "__main__":
    main()
