"""The pretrained encoder, fine-tuned on the shop's own log, and the vectors of the texts it was tuned with.

    encoder/    model.safetensors, configuration and tokeniser files as transformers reads them, encoder.json
                lexicon*, center.npy: the rest of what turns a text into a vector (pipeline.encoder.text_vectors)
                texts.parquet, vectors.npy: every text it was tuned with and its vector, float32 [N, d]
                metrics.parquet: a row per step, and after every epoch what held-out users say of it
                training.json: how it ended
    texts/      texts.parquet, vectors.npy: the same for every text known at the anchor

A training that is killed goes on from its last checkpoint when the stage runs again (pipeline.encoder.checkpoints).
Nights link what they share (artifacts.Memo): those tuned on the same day the encoder, those of a week the texts.
The training itself is pipeline.encoder.encoder_training.
"""

import json
import logging
import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.arrays.determinism import reproducible
from pipeline.encoder import encoder as encoders
from pipeline.encoder import static_encoder, text_vectors
from pipeline.encoder.checkpoints import Checkpoint
from pipeline.encoder.encoder import Encoder
from pipeline.encoder.static_encoder import StaticEncoder
from pipeline.features.read import read_actions, read_queries
from pipeline.ground import artifacts
from pipeline.ground.artifacts import Memo
from pipeline.ground.errors import InputError
from pipeline.settings.config import Config
from pipeline.settings.sections.models import FineTune

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

log = logging.getLogger(__name__)

PART = "encoder"
TEXTS = "texts"


def run(*, features: Path, config: Config, memo: Memo, out: Path) -> dict[str, Any]:
    """Fine-tune the encoder, or link what another night made of the same inputs; encode texts that came since.

    Args:
        features: actions, held_out, tuning_queries and tuning_texts.parquet, as of the day of tuning; texts.parquet,
            as of the anchor.
        config: seed, threads, section `fine_tune`.
        memo: links what another night made.
        out: receives the folders `encoder` and `texts`.
    Returns:
        Steps, first and last loss, texts, and whether the encoder was linked.
    Raises:
        InputError: the pretrained model is not found.
        TrainingError: a loss is not finite.
    """
    section = config.fine_tune
    words_only = section.model == encoders.NONE
    inputs = ("actions", "held_out", "tuning_queries", "tuning_texts")
    tables = [artifacts.file_sha256(features / f"{name}.parquet") for name in inputs]
    base = "" if words_only else encoders.model_hash(encoders.resolve(section.model, section.revision))
    parent = _parent(out, config)
    key = artifacts.text_sha256(config.digest("fine_tune"), base, tables, *([parent.key] if parent else []))
    checkpoint = Checkpoint(artifacts.beside(out, "checkpoint"), f"{key} {artifacts.code_version()}")

    def make(folder: Path) -> None:
        texts = read_texts(features, "tuning_texts")
        if words_only:
            _write_words(folder, texts, section, config.seed)
            return
        from pipeline.encoder import encoder_training

        with reproducible(config.seed, config.threads):
            together = section.processes > 1
            if together:
                encoder, curve, ended = _trained_together(features, config, checkpoint)
            else:
                encoder, curve, ended = _trained(features, config, checkpoint, parent)
            ended |= {"tuned_at": str(config.tuned_at(artifacts.run_date_of(out))), "key": key}
            pq.write_table(pa.Table.from_pylist(curve, encoder_training.METRICS), folder / "metrics.parquet")
            (folder / "training.json").write_text(json.dumps(ended, sort_keys=True) + "\n")
            known = sorted({text for text in texts if text.strip()})
            if section.encode_with == "int8":
                encoded = encoders.quantised(encoder).encode(known)
            else:
                encoded = encoder.encode(known)
            kept: Encoder | StaticEncoder = encoder
            if section.encode_with == "static":
                kept = static_encoder.distil(encoder, known, encoded)
                encoded = kept.encode(known)
            fitted = text_vectors.fit(kept, known, encoded, section.lexicon_size, config.seed)
            fitted.save(folder)
            text_vectors.save_known(folder, known, fitted.join(known, encoded))

    def encode(folder: Path) -> None:
        known = sorted({text for text in read_texts(features) if text.strip()})
        text_vectors.save_known(folder, known, vectors_of(known, out / PART, out / PART, config)[0])

    linked = memo.part(PART, key, make)
    memo.part(TEXTS, f"{key} {artifacts.file_sha256(features / 'texts.parquet')}", encode)
    shutil.rmtree(checkpoint.folder, ignore_errors=True)
    ended: dict[str, Any] = json.loads((out / PART / "training.json").read_text())
    return ended | {"linked": linked}


@dataclass(frozen=True)
class Parent:
    """The tuning before this one.

    Attributes:
        folder: its folder `encoder`.
        key: what it was made from.
        generation: how many times it had gone on from another; 0: from the pretrained encoder.
    """

    folder: Path
    key: str
    generation: int


def _parent(out: Path, config: Config) -> Parent | None:
    """The last tuning of an earlier day, to go on from: none if that is off, none is left, or it is time to start anew.

    All nights tuned on one day have the same one, as long as retention.artifact_days keeps it.
    """
    section, night = config.fine_tune, artifacts.run_date_of(out)
    if section.warm_starts == 0 or section.model == encoders.NONE:
        return None
    ours, found = str(config.tuned_at(night)), None
    for folder in reversed(artifacts.partitions_until(config.lake, "fine_tune", night)):
        if (path := folder / PART / "training.json").is_file() and folder.name != out.name:
            ended = json.loads(path.read_text())
            if ended.get("tuned_at", ours) < ours:
                found = Parent(folder / PART, ended["key"], ended["generation"])
                break
    return found if found and found.generation < section.warm_starts else None


def _trained(
    features: Path, config: Config, checkpoint: Checkpoint, parent: Parent | None = None
) -> tuple[Encoder, list[dict[str, Any]], dict[str, Any]]:
    """The encoder trained on what the features stage wrote, its curve and how it ended.

    One that goes on from its parent and has become worse at what users did next is thrown away for one that does not.
    """
    from pipeline.encoder.encoder_training import epochs_of

    if parent is None:
        encoder, curve, ended = _train(features, config, checkpoint, None)
        return encoder, curve, ended | {"generation": 0}
    encoder, curve, ended = _train(features, config, checkpoint, parent)
    judged = [row["dev_ndcg_10"] for row in epochs_of(curve)]
    if judged and judged[-1] >= judged[0]:
        return encoder, curve, ended | {"generation": parent.generation + 1}
    log.warning(
        "fine_tune: going on from the last tuning took NDCG@10 on held-out users from %s: it starts from %s again",
        " to ".join(f"{value:.4f}" for value in judged[:1] + judged[-1:]) or "nobody to nobody",
        config.fine_tune.model,
    )
    return _trained(features, config, checkpoint)


def _train(
    features: Path, config: Config, checkpoint: Checkpoint, parent: Parent | None
) -> tuple[Encoder, list[dict[str, Any]], dict[str, Any]]:
    from pipeline.encoder import distributed, encoder_training, held_out, tasks, trackers

    section = config.fine_tune
    if parent:
        section = section.model_copy(update={"steps": section.warm_steps})
        checkpoint = replace(checkpoint, key=f"{checkpoint.key} warm")
        encoder = encoders.reload(parent.folder)
        assert isinstance(encoder, Encoder)
    else:
        encoder = encoders.load(
            section.model,
            pooling=section.pooling,
            prefix=section.prefix,
            max_tokens=section.max_tokens,
            revision=section.revision,
            layers=section.layers,
        )
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
        return encoder_training.train(
            encoder,
            texts,
            matrix,
            section,
            config.seed,
            threads=config.threads,
            checkpoint=checkpoint,
            lessons=tasks.read_lessons(actions, categories, queries, matrix.shape),
            held_out=later,
            tracker=tracker,
        )
    finally:
        tracker.close()


def _trained_together(
    features: Path, config: Config, checkpoint: Checkpoint
) -> tuple[Encoder, list[dict[str, Any]], dict[str, Any]]:
    """The same in several processes (pipeline.encoder.distributed)."""
    from pipeline.encoder import distributed

    with TemporaryDirectory(prefix="nightjar-") as folder:
        distributed.run(_one_of_several, config.fine_tune.processes, features, config, checkpoint, Path(folder))
        encoder = encoders.reload(Path(folder))
        curve, ended = json.loads((Path(folder) / "curve.json").read_text())
    assert isinstance(encoder, Encoder)
    return encoder, curve, ended


def _one_of_several(features: Path, config: Config, checkpoint: Checkpoint, folder: Path) -> None:
    from pipeline.encoder import distributed

    with reproducible(config.seed, max(1, config.threads // config.fine_tune.processes)):
        encoder, *rest = _trained(features, config, checkpoint)
    if distributed.rank() == 0:
        encoder.save(folder)
        (folder / "curve.json").write_text(json.dumps(rest))


def _write_words(folder: Path, texts: list[str], section: FineTune, seed: int) -> None:
    """The folder `encoder` without an encoder: the texts' words alone."""
    known = sorted({text for text in texts if text.strip()})
    none = encoders.NoEncoder()
    fitted = text_vectors.fit(none, known, none.encode(known), section.lexicon_size, seed)
    fitted.save(folder)
    text_vectors.save_known(folder, known, fitted.join(known, none.encode(known)))
    summary = {"texts": len(known), "steps": 0, "cut_short": False}
    (folder / "training.json").write_text(json.dumps(summary, sort_keys=True) + "\n")


def read_texts(features: Path, name: str = "texts") -> list[str]:
    """[I] texts of the items known at the anchor (or, of "tuning_texts", on the day of tuning), row i is item i."""
    path = features / f"{name}.parquet"
    try:
        texts: list[str] = pq.read_table(path, columns=["text"]).column(0).to_pylist()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: run stage 'features' first") from None
    return [text or "" for text in texts]


def vectors_of(texts: Sequence[str], known: Path, encoder: Path, config: Config) -> tuple[np.ndarray, int]:
    """[N, d] float32 vectors of texts, and how many distinct texts had to be encoded.

    Args:
        texts: an empty one has a zero vector.
        known: folder of texts whose vectors are known.
        encoder: the folder `encoder`, for the others.
        config: seed and threads.
    """
    rows, saved = text_vectors.known_vectors(known)
    missing = sorted({text for text in texts if text.strip() and text not in rows})
    fresh = np.zeros((0, saved.shape[1]), dtype=np.float32)
    if missing:  # else torch is not even imported
        with nullcontext() if config.fine_tune.model == encoders.NONE else reproducible(config.seed, config.threads):
            loaded = text_vectors.load(encoder)
            if config.fine_tune.encode_with == "int8" and isinstance(loaded.encoder, Encoder):
                loaded = replace(loaded, encoder=encoders.quantised(loaded.encoder))
            fresh = loaded.encode(missing)
    table = np.vstack([saved, fresh, np.zeros((1, saved.shape[1]), dtype=np.float32)])
    rows |= {text: len(saved) + number for number, text in enumerate(missing)}
    return table[[rows.get(text, len(table) - 1) for text in texts]], len(missing)


def weights(actions: pa.Table, items: int, half_life_days: float) -> "csr_matrix":
    """[U, I] CSR float32: sum of positive weights, decayed from the newest action on; returns do not count."""
    from scipy.sparse import csr_matrix

    users, chosen, day, weight = (
        actions.column(name).to_numpy() for name in ("user_index", "item_index", "day", "weight")
    )
    kept = (weight > 0) & (chosen < items)
    users, chosen, day, weight = users[kept], chosen[kept], day[kept], weight[kept]
    age = day.max(initial=0) - day
    shape = (int(users.max(initial=-1)) + 1, items)
    decayed = (weight * 0.5 ** (age / half_life_days)).astype(np.float32)
    matrix = csr_matrix((decayed, (users, chosen)), shape=shape)
    matrix.sum_duplicates()
    return matrix


def with_baskets(matrix: "csr_matrix", actions: pa.Table, half_life_days: float, share: float) -> "csr_matrix":
    """[U + B, I] CSR: below the users' rows one row per basket of at least two items, weighted by `share`.

    A basket is what a user acted on in a session, or on a day where the log has no sessions.
    """
    from scipy.sparse import vstack

    names = ("user_index", "day", "session_index")
    users, day, session = (actions.column(name).fill_null(-1).to_numpy() for name in names)
    key = np.stack([users, np.where(session >= 0, -1, day), session], axis=1)
    number = np.unique(key, axis=0, return_inverse=True)[1].ravel().astype(np.int32)
    places = actions.schema.get_field_index("user_index")
    rows = weights(actions.set_column(places, "user_index", pa.array(number)), matrix.shape[1], half_life_days)
    return vstack([matrix, rows[np.diff(rows.indptr) >= 2] * np.float32(share)], format="csr")
