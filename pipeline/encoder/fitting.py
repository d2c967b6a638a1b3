"""The training of a night: from the pretrained encoder, from another shop's, or on from the last tuning."""

import json
import logging
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq

from pipeline.arrays.determinism import reproducible
from pipeline.encoder import distributed, held_out, saved, trackers, training
from pipeline.encoder import encoder as encoders
from pipeline.encoder.checkpoints import Checkpoint
from pipeline.encoder.curve import epochs_of
from pipeline.encoder.encoder import Encoder
from pipeline.encoder.loop import Curve
from pipeline.encoder.starts import Start
from pipeline.encoder.training_data import read_task_data, read_texts, weights, with_baskets
from pipeline.encoder.warm_starts import Parent
from pipeline.features.read import read_actions, read_queries
from pipeline.settings.config import Config
from pipeline.settings.sections.fine_tune import FineTune

log = logging.getLogger(__name__)

# The encoder, its curve, and how the training ended.
Fitted = tuple[Encoder, Curve, dict[str, Any]]


def fit(
    features: Path, config: Config, checkpoint: Checkpoint, parent: Parent | None = None, start: Start | None = None
) -> Fitted:
    """The encoder trained on what the features stage wrote.

    One that goes on from its parent and has become worse at what users did next is thrown away for one that does not:
    one that starts from `start`, another shop's, or from the pretrained encoder.
    """
    if config.fine_tune.processes > 1:
        return _fit_together(features, config, checkpoint, start)
    if parent is None:
        return _anew(features, config, checkpoint, start)
    encoder, curve, ended = _fit(features, config, checkpoint, parent, start)
    judged = [row["dev_ndcg_10"] for row in epochs_of(curve)]
    if judged and judged[-1] >= judged[0]:
        return encoder, curve, ended | {"generation": parent.generation + 1}
    log.warning(
        "fine_tune: going on from the last tuning took NDCG@10 on held-out users from %s: it starts from %s again",
        " to ".join(f"{value:.4f}" for value in judged[:1] + judged[-1:]) or "nobody to nobody",
        config.fine_tune.start_from or config.fine_tune.model,
    )
    return _anew(features, config, checkpoint, start)


def _anew(features: Path, config: Config, checkpoint: Checkpoint, start: Start | None) -> Fitted:
    encoder, curve, ended = _fit(features, config, checkpoint, None, start)
    return encoder, curve, ended | {"generation": 0}


def _fit(features: Path, config: Config, checkpoint: Checkpoint, parent: Parent | None, start: Start | None) -> Fitted:
    section = config.fine_tune
    if parent:
        section = section.model_copy(update={"steps": section.warm_steps})
        checkpoint = replace(checkpoint, key=f"{checkpoint.key} warm")
    encoder = _encoder(section, parent, start)
    texts = read_texts(features, "tuning_texts")
    actions = read_actions(features)
    matrix = weights(actions, len(texts), section.half_life_days)
    later = held_out.read(features / "held_out.parquet", matrix, texts, config.seed)
    if section.baskets > 0:
        matrix = with_baskets(matrix, actions, section.half_life_days, section.baskets)
    categories = pq.read_table(features / "tuning_texts.parquet", columns=["category"]).column(0).to_pylist()
    queries = read_queries(features, "tuning_queries")
    track = section.track if distributed.rank() == 0 else ()
    tracker = trackers.Several(track, config.home, checkpoint.key[:12], section.model_dump(mode="json"))
    try:
        return training.train(
            encoder,
            texts,
            matrix,
            section,
            config.seed,
            threads=config.threads,
            checkpoint=checkpoint,
            task_data=read_task_data(actions, categories, queries, matrix.shape),
            held_out=later,
            tracker=tracker,
        )
    finally:
        tracker.close()


def _encoder(section: FineTune, parent: Parent | None, start: Start | None) -> Encoder:
    """What is tuned: the parent's encoder, else another shop's, else the pretrained one."""
    if parent:
        encoder = saved.load(parent.folder)
        assert isinstance(encoder, Encoder)
        return encoder
    if start:
        encoder = saved.load(start.folder)
        assert isinstance(encoder, Encoder)
        return replace(encoder, max_tokens=section.max_tokens)
    return encoders.load(
        section.model,
        pooling=section.pooling,
        prefix=section.prefix,
        max_tokens=section.max_tokens,
        revision=section.revision,
        layers=section.layers,
    )


def _fit_together(features: Path, config: Config, checkpoint: Checkpoint, start: Start | None) -> Fitted:
    """In several processes (pipeline.encoder.distributed)."""
    with TemporaryDirectory(prefix="nightjar-") as folder:
        distributed.run(_one_of_several, config.fine_tune.processes, features, config, checkpoint, start, Path(folder))
        encoder = saved.load(Path(folder))
        curve, ended = json.loads((Path(folder) / "curve.json").read_text())
    assert isinstance(encoder, Encoder)
    return encoder, curve, ended


def _one_of_several(features: Path, config: Config, checkpoint: Checkpoint, start: Start | None, folder: Path) -> None:
    with reproducible(config.seed, max(1, config.threads // config.fine_tune.processes)):
        encoder, *rest = _anew(features, config, checkpoint, start)
    if distributed.rank() == 0:
        encoder.save(folder)
        (folder / "curve.json").write_text(json.dumps(rest))
