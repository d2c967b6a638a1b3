"""The fine-tuned encoder of a night with hidden items (benchmarks/cold_items.py), trained once and kept."""

import json
import time
from datetime import date

import numpy as np

from benchmarks import cold_items
from benchmarks.cold_items import Night
from pipeline.arrays import determinism
from pipeline.encoder import encoder as encoders
from pipeline.encoder import saved, training
from pipeline.encoder.encoder import Encoder
from pipeline.ground import artifacts
from pipeline.sources import configuration


def encoder_of(night: Night, day: date, settings: configuration.FullConfig, seed: int = cold_items.SEED) -> Encoder:
    """The encoder after the default fine-tuning on what is not hidden, trained once a home."""
    key = artifacts.text_sha256(settings.digest("fine_tune"), day, seed)
    folder = settings.home / "benchmarks" / key[:16]
    if (folder / "trained.json").is_file():
        kept = saved.load(folder)
        assert isinstance(kept, Encoder)
        return kept
    started = time.perf_counter()
    with determinism.reproducible(settings.seed, settings.threads):
        encoder = encoders.load(settings.fine_tune.model, max_tokens=settings.fine_tune.max_tokens)
        encoder, _, _ = training.train(encoder, night.texts, night.learned, settings.fine_tune, settings.seed)
    encoder.model.eval()
    folder.mkdir(parents=True, exist_ok=True)
    encoder.save(folder)
    (folder / "trained.json").write_text(json.dumps({"seconds": time.perf_counter() - started}))
    return encoder


def score(night: Night, vectors: np.ndarray, settings: configuration.FullConfig) -> tuple[float, float]:
    """NDCG@10 and Recall@50 on the hidden items of vectors [I, d] with preferences fitted on them."""
    ndcg, recall = cold_items.judge(night, cold_items.preferred(night, vectors, settings)).mean(axis=1)
    return float(ndcg), float(recall)
