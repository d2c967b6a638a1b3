"""What is trained, what it is taught and on which data: quality, trainable parameters, time and memory of each choice.

    python -m benchmarks.tuning 2011-05-08 2011-06-05 [--only modes tasks data steps] [--steps 60] [--home FOLDER]

Nights, hidden items and judge are those of benchmarks/hidden_items.py. Every row is a training of its own, in a
process of its own, with the same number of steps, but for `steps`; all else is the default. Two numbers each for
NDCG@10 and Recall@50 on the hidden items: the encoder alone (mean of the history), and as production uses it (with
words and preferences). F1 is that of telling what customers bought in the 14 days after the night from four times as
many other items.

    modes   what is trained (pipeline/encoder/modes.py)
    tasks   what is learned beside retrieval (pipeline/encoder/tasks.py), the logQ correction, ALS's hard negatives. The
            log has no categories: "category" is the last word of a title that at least 20 titles end with
    models  the pretrained encoder's lowest layers alone
    data    augmentation, same-basket examples, the balance of head and tail, layers frozen
    steps   how long is trained
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import sparse

from benchmarks import hidden_items, nights
from benchmarks.hidden_items import HiddenItems
from benchmarks.scoring import BEGINNING, events, purchases
from pipeline.arrays import determinism
from pipeline.encoder import encoder as encoders
from pipeline.encoder import held_out, training, training_data
from pipeline.encoder.curve import epochs_of
from pipeline.encoder.learner import EncoderLearner
from pipeline.encoder.training_data import TaskData
from pipeline.settings.config import Config

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
    "steps": {f"{steps} steps": {"steps": steps} for steps in (40, 20, 60, 120)},
}


def last_words(texts: list[str], least: int = 20) -> np.ndarray:
    """[I] number of the last word of each text, -1 where fewer than `least` texts end with it."""
    words = np.array([([""] + [w for w in text.lower().split() if w.isalpha()])[-1] for text in texts])
    names, number, count = np.unique(words, return_inverse=True, return_counts=True)
    common = (count >= least) & (names != "")
    return np.asarray(np.where(common[number], (np.cumsum(common) - 1)[number], -1), dtype=np.int64)


def bought(settings: Config, day: date, hidden: np.ndarray) -> pa.Table:
    """user_index, item_index, day, weight, session_index (none) of every purchase of items that are not hidden."""
    rows = nights.Rows.of(settings, day).actions(events(settings.folder, BEGINNING, day), hidden).astype(np.int32)
    return pa.table(
        {
            "user_index": rows[:, 0],
            "item_index": rows[:, 1],
            "day": rows[:, 2],
            "weight": np.ones(len(rows), dtype=np.float32),
            "session_index": pa.nulls(len(rows), pa.int32()),
        }
    )


def bought_next(settings: Config, day: date, night: HiddenItems) -> tuple[np.ndarray, np.ndarray]:
    """User and item indices [P] of what is not hidden and was bought in the days after the night."""
    later = purchases(settings.folder, day, day + timedelta(days=settings.horizon_days))
    users, items = nights.Rows.of(settings, day).pairs(later)
    kept = (users < night.learned.shape[0]) & ~night.hidden[items]
    return users[kept], items[kept]


def trained(night: HiddenItems, day: date, settings: Config) -> dict[str, float]:
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
        encoder, curve, _ = training.train(
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
    whole = hidden_items.preferred(night, hidden_items.vectors_of(night, encoder, encoded, settings), settings)
    alone, used = (hidden_items.score(night, scores) for scores in (hidden_items.alone(night, encoded), whole))
    ends = epochs_of(curve)[-1]
    return {
        "alone_ndcg": alone[0],
        "alone_recall": alone[1],
        "ndcg": used[0],
        "recall": used[1],
        "f1": float(ends["test_f1"]),
        "parameters": float(count),
        "seconds": seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def in_a_process(day: date, overrides: Section, chosen: argparse.Namespace) -> dict[str, float]:
    """`trained`, where no other variant has left memory behind."""
    command = [sys.executable, "-m", "benchmarks.tuning", "--one", json.dumps(overrides), day.isoformat()]
    for name in ("config", "home"):
        if given := getattr(chosen, name):
            command += [f"--{name}", str(given)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def one(day: date, chosen: argparse.Namespace) -> None:
    """Print what one training comes to, as JSON."""
    settings = nights.settings_of(chosen, {"fine_tune": chosen.one | {"epochs": 1, "track": []}})
    with determinism.blas_threads(settings.threads):
        print(json.dumps(trained(hidden_items.read(settings, day), day, settings)))


def show(name: str, mean: dict[str, float]) -> None:
    """Print a row."""
    pairs = (f"{mean[a]:>12.4f} {mean[b]:>7.4f}" for a, b in (("alone_ndcg", "alone_recall"), ("ndcg", "recall")))
    costs = f"{mean['parameters']:>12,.0f}{mean['seconds']:>7.0f}{mean['peak_mb']:>9.0f}"
    print(f"{name:<34}{''.join(pairs)}{mean['f1']:>7.3f}{costs}", flush=True)


def main() -> None:
    """Print the tables: means over the nights."""
    options = nights.arguments(__doc__)
    options.add_argument("--only", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    options.add_argument("--steps", type=int, default=60)
    options.add_argument("--one", type=json.loads, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.one is not None:
        one(chosen.nights[0], chosen)
        return
    nights.make_features(nights.settings_of(chosen), chosen.nights)
    head = f"{'alone NDCG, Recall':>20}{'NDCG@10, Recall@50':>20}{'F1':>7}{'trained':>12}{'CPU s':>7}{'peak MB':>9}"
    known: dict[str, dict[str, float]] = {}
    for group in chosen.only:
        print(f"\n{group:<34}{head}", flush=True)
        for name, overrides in VARIANTS[group].items():
            asked = json.dumps({"steps": chosen.steps} | overrides)
            if asked not in known:
                rows = [in_a_process(day, json.loads(asked), chosen) for day in chosen.nights]
                known[asked] = dict(zip(rows[0], nights.means([list(row.values()) for row in rows]), strict=True))
            show(name, known[asked])


if __name__ == "__main__":
    main()
