"""The pretrained encoder, fine-tuned on the shop's own log, and the vectors of the texts it was tuned with.

    encoder/    model.safetensors, configuration and tokeniser files as transformers reads them, encoder.json
                lexicon*, center.npy: the rest of what turns a text into a vector (pipeline.encoder.vectors)
                texts.parquet, vectors.npy: every text it was tuned with and its vector, float32 [N, d]
                metrics.parquet: a row per step, and after every epoch what held-out users say of it
                training.json: how it ended
    texts/      texts.parquet, vectors.npy: the same for every text known at the anchor

A training that is killed goes on from its last checkpoint when the stage runs again (pipeline.encoder.checkpoints).
Nights link what they share (artifacts.Memo): those tuned on the same day the encoder, those of a week the texts.
The training itself is pipeline.encoder.training; which tuning it goes on from says pipeline.encoder.warm_starts, which
other shop's encoder it starts from pipeline.encoder.starts.
"""

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.arrays.determinism import reproducible
from pipeline.encoder import encoder as encoders
from pipeline.encoder import pretrained, starts, static, warm_starts
from pipeline.encoder import vectors as text_vectors
from pipeline.encoder.checkpoints import Checkpoint
from pipeline.encoder.curve import METRICS
from pipeline.encoder.encoder import Encoder
from pipeline.encoder.starts import Start
from pipeline.encoder.static import StaticEncoder
from pipeline.encoder.training_data import read_texts
from pipeline.encoder.warm_starts import ENDED, Parent
from pipeline.ground import artifacts
from pipeline.ground.artifacts import Memo
from pipeline.settings.config import Config
from pipeline.settings.sections.fine_tune import FineTune

PART, TEXTS = warm_starts.PART, "texts"


def run(*, features: Path, config: Config, memo: Memo, out: Path) -> dict[str, Any]:
    """Fine-tune the encoder, or link what another night made of the same inputs; encode texts that came since.

    Args:
        features: actions, held_out, tuning_queries and tuning_texts.parquet, as of the day of tuning; texts.parquet,
            as of the anchor.
        config: seed, threads, section `fine_tune`.
        memo: links what another night made.
        out: receives the folders `encoder` and `texts`.
    Returns:
        Steps, first and last loss, texts, whether the encoder was linked, the key of the tuning it went on from, and
        the hash of the other shop's encoder (fine_tune.start_from).
    Raises:
        InputError: the pretrained model is not found, or another shop's encoder is not what fine_tune.start_from says.
        TrainingError: a loss is not finite.
    """
    night = artifacts.run_date_of(out)
    parent, start = warm_starts.parent_of(night, config), starts.of(night, config)
    key = _key(features, config, parent, start)
    checkpoint = Checkpoint(artifacts.beside(out, "checkpoint"), f"{key} {artifacts.code_version()}")

    def make(folder: Path) -> None:
        if config.fine_tune.model == pretrained.NONE:
            _write_words(folder, read_texts(features, "tuning_texts"), config.fine_tune, config.seed)
            return
        from pipeline.encoder import fitting, private_head

        with reproducible(config.seed, config.threads):
            if config.privacy.texts:
                encoder, curve, ended = private_head.fit(features, config, night)
            else:
                encoder, curve, ended = fitting.fit(features, config, checkpoint, parent, start)
            pq.write_table(pa.Table.from_pylist(curve, METRICS), folder / "metrics.parquet")
            base = pretrained.resolve(config.fine_tune.model, config.fine_tune.revision)
            ended |= {"tuned_at": str(config.tuned_at(night)), "key": key, "base": pretrained.weights_hash(base)}
            (folder / ENDED).write_text(json.dumps(ended, sort_keys=True) + "\n")
            _write_encoder(folder, encoder, _distinct(read_texts(features, "tuning_texts")), config)

    def encode(folder: Path) -> None:
        known = _distinct(read_texts(features))
        text_vectors.save_known(folder, known, text_vectors.vectors_of(known, out / PART, out / PART, config)[0])

    linked = memo.part(PART, key, make)
    memo.part(TEXTS, f"{key} {artifacts.file_sha256(features / 'texts.parquet')}", encode)
    shutil.rmtree(checkpoint.folder, ignore_errors=True)
    ended: dict[str, Any] = json.loads((out / PART / ENDED).read_text())
    came_from = {"parent": parent.key if parent else None, "start": start.sha256 if start else None}
    return ended | {"linked": linked} | came_from


def still_holds(config: Config, manifest: dict[str, Any]) -> bool:
    """Whether a night's tuning would still go on from the tuning it went on from: earlier nights are no input of it.

    Args:
        config: whose lake the earlier nights are in.
        manifest: of the night's finished artifact.
    """
    report = manifest["report"]
    if report.get("enabled") is False:
        return True
    parent = warm_starts.parent_of(date.fromisoformat(manifest["run_date"]), config)
    return bool(report.get("parent") == (parent.key if parent else None))


def _key(features: Path, config: Config, parent: Parent | None, start: Start | None) -> str:
    """A hash of all that the tuned encoder depends on."""
    section, base = config.fine_tune, ""
    if section.model != pretrained.NONE:
        base = pretrained.model_hash(pretrained.resolve(section.model, section.revision))
    inputs = ("actions", "held_out", "tuning_queries", "tuning_texts")
    tables = [artifacts.file_sha256(features / f"{name}.parquet") for name in inputs]
    came_from = [*([parent.key] if parent else []), *([start.sha256] if start else [])]
    return artifacts.text_sha256(config.digest("fine_tune"), base, tables, *came_from)


def _distinct(texts: list[str]) -> list[str]:
    """Texts that are not empty, each once, sorted."""
    return sorted({text for text in texts if text.strip()})


def _write_encoder(folder: Path, encoder: Encoder, known: list[str], config: Config) -> None:
    """What turns a text into its vector, and the vectors of the texts that are known."""
    section = config.fine_tune
    encoded = (encoders.quantised(encoder) if section.encode_with == "int8" else encoder).encode(known)
    kept: Encoder | StaticEncoder = encoder
    if section.encode_with == "static":
        kept = static.distil(encoder, known, encoded)
        encoded = kept.encode(known)
    fitted = text_vectors.fit(kept, known, encoded, section.lexicon_size, config.seed)
    fitted.save(folder)
    text_vectors.save_known(folder, known, fitted.join(known, encoded))


def _write_words(folder: Path, texts: list[str], section: FineTune, seed: int) -> None:
    """The folder `encoder` without an encoder: the texts' words alone."""
    known, none = _distinct(texts), encoders.NoEncoder()
    fitted = text_vectors.fit(none, known, none.encode(known), section.lexicon_size, seed)
    fitted.save(folder)
    text_vectors.save_known(folder, known, fitted.join(known, none.encode(known)))
    summary = {"texts": len(known), "steps": 0, "cut_short": False}
    (folder / ENDED).write_text(json.dumps(summary, sort_keys=True) + "\n")
