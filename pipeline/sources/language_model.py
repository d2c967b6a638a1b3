"""A vector for every item from its text alone, and what users like fitted on top of it, as of each cut-off.

    item_vectors.npy                     float32 [I, d], row i is item i; zero where an item has no text
    query_vectors.npy                    float32 [Q, d], row q is the frequent query q
    cutoff=YYYY-MM-DD/user_vectors.npy   float32 [T, d], row t is the cut-off's target t; a score is their product
    cutoff=YYYY-MM-DD/{all,new}.language_model.*    the lists

An item never sold has a vector like any other. Only texts that came since the anchor are encoded here, so a night
without new items never loads the encoder.

With item vectors F and actions X, a user's profile is p = x F and a score is p M f. M is the ridge regression of the
actions on the profiles, in closed form in d x d, with the diagonal of X'X counted `dropout / (1 - dropout)` times more
in the profiles than in the answer: as if each action had been hidden from its own profile that often.
Source: Steck, "Autoencoders that don't overfit towards the Identity", NeurIPS 2020, in a space of text vectors.
"""

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat

from pipeline.arrays.blocks import blocks
from pipeline.arrays.determinism import blas_threads
from pipeline.encoder import fine_tune as tuning
from pipeline.encoder import private_head, training_data
from pipeline.encoder import vectors as text_vectors
from pipeline.engine import Bound
from pipeline.features.read import Cutoff, query_texts, read_cutoffs, read_items, read_queries
from pipeline.ground import artifacts
from pipeline.ground.artifacts import Memo
from pipeline.ground.errors import InputError, TrainingError
from pipeline.settings.config import Config
from pipeline.settings.sections.base import Decay, SourceSection
from pipeline.sources.candidates import Score, inputs_hash, write_source
from pipeline.sources.contract import CandidateList, Source
from pipeline.sources.texts import Texts, weighed_gram

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class LanguageModel(SourceSection):
    """Item and user vectors from the fine-tuned encoder, and its candidates."""

    values: Decay = "decay_30"
    """Column of the interactions that profiles are made of and preferences are fitted on."""
    floor: NonNegativeFloat = 0.02
    """What an old action is still worth."""
    user_power: float = Field(default=0.3, ge=0, le=1)
    """A user counts in the fit with the sum of the history to minus this power."""
    dropout: float = Field(default=0.9, ge=0, lt=1)
    """How often an action is hidden from its own profile in the fit: high for items that nobody bought yet."""
    user_reg: PositiveFloat = 30.0
    """L2 weight on the profiles' side of the fit."""
    item_reg: PositiveFloat = 0.3
    """L2 weight on the items' side of the fit."""


CROWD, FEW_ITEMS = 8, 4096
"""From so many times as many users as items their profiles are added up by items, where a matrix of these is small."""
PROFILES = 2**15
"""Users whose profiles are in memory at a time."""


SOURCE = Source(
    LanguageModel,
    lists=(CandidateList("language_model", "Language model"),),
    vectors="text",
    made_of={"interactions": ("{values}",), "items": ("text",), "texts": ("text",)},
    vectors_of={"items": ("text",), "texts": ("text",), "queries": ("query",)},
)


def run(
    *, features: Path, fine_tune: Path, config: Config, section: LanguageModel, memo: Memo, out: Path
) -> dict[str, Any]:
    """Write the item vectors, and user vectors and candidates for every cut-off.

    Returns:
        Items, items without text, texts encoded now, cut-offs and how many of them were linked.
    Raises:
        TrainingError: a vector is not finite.
        InputError: noise is asked for, and the encoder was made without.
    """
    noised = private_head.told(fine_tune, config)
    with blas_threads(config.threads):
        vectors, encoded = item_vectors(current_texts(features), fine_tune, config)
        np.save(out / "item_vectors.npy", vectors)
        asked = query_texts(read_queries(features))
        np.save(out / "query_vectors.npy", item_vectors(asked, fine_tune, config)[0])
        texts = Texts.of(vectors)
        linked, cutoffs = 0, read_cutoffs(features)
        read = _prefix_hashes(vectors, {cutoff.items for cutoff in cutoffs})
        for cutoff in cutoffs:
            known = np.ascontiguousarray(vectors[: cutoff.items])
            inputs = inputs_hash(cutoff, ("interactions", "targets", "disliked"))
            made_of = (known.shape, read[cutoff.items], texts is None)
            key = artifacts.text_sha256(config.digest("language_model"), inputs, *made_of)

            def make(folder: Path, cutoff: Cutoff = cutoff, known: np.ndarray = known) -> None:
                among = texts and texts.first(cutoff.items)
                _write_cutoff(folder, cutoff, (known, among), section, config)

            linked += memo.part(cutoff.part, key, make)
    counts = {"items": len(vectors), "without_text": int((~vectors.any(axis=1)).sum()), "encoded": encoded}
    return counts | {"cutoffs": len(cutoffs), "linked": linked} | noised


def _prefix_hashes(vectors: np.ndarray, sizes: Collection[int]) -> dict[int, str]:
    """SHA-256 of the first rows, for each of some numbers of rows; every row is read once."""
    digest, hashes, start = hashlib.sha256(), {}, 0
    for size in sorted(sizes):
        digest.update(np.ascontiguousarray(vectors[start:size]).data)
        hashes[size], start = digest.hexdigest(), size
    return hashes


def current_texts(features: Path) -> list[str]:
    """[I] texts: the anchor's for items that had one then, tonight's for the others.

    So what the models of older cut-offs read stays the same all week, and a new item is read on its first night.
    """
    texts = [text or "" for text in read_items(features, ["text"]).column(0).to_pylist()]
    anchored = training_data.read_texts(features)
    if len(anchored) > len(texts):
        raise InputError(f"{features}: texts.parquet knows more items than items.parquet: run stage 'features' again")
    return [old if old.strip() else new for old, new in zip(anchored, texts, strict=False)] + texts[len(anchored) :]


def item_vectors(texts: list[str], fine_tune: Path, config: Config) -> tuple[np.ndarray, int]:
    """[I, d] float32 vectors of texts, and how many distinct texts had to be encoded.

    Args:
        texts: one per item; an empty one has a zero vector.
        fine_tune: the stage's folder.
        config: seed and threads.
    Raises:
        TrainingError: a vector is not finite.
    """
    vectors, encoded = text_vectors.vectors_of(texts, fine_tune / tuning.TEXTS, fine_tune / tuning.PART, config)
    if not np.isfinite(vectors).all():
        raise TrainingError("language_model: an item vector is not finite: lower fine_tune.learning_rate")
    return vectors, encoded


def fit_preferences(
    history: "csr_matrix", vectors: np.ndarray, section: LanguageModel, texts: Texts | None = None
) -> np.ndarray:
    """M [d, d] float32 of the module's docstring.

    Args:
        history: [U, I] CSR float32 decayed actions.
        vectors: [I, d] float32 item vectors.
        section: dropout, regularisation, and how little a heavy user counts.
        texts: the different ones among the vectors, where they are few.
    """
    from scipy.sparse import diags

    total = np.maximum(np.asarray(history.sum(axis=1)).ravel(), 1)
    scaled = diags((total**-section.user_power).astype(np.float32)) @ history
    sold = np.asarray(scaled.sum(axis=0)).ravel() > 0  # an item nobody could buy yet says nothing about liking
    diagonal = np.asarray(scaled.multiply(scaled).sum(axis=0)).ravel() * section.dropout / (1 - section.dropout)
    gram = _gram_of_users(scaled, vectors)
    if texts is not None:  # what is said of many items is added up once
        gram_of_items, noise = (weighed_gram(texts.vectors, texts.sums(of)) for of in (sold, diagonal))
    else:
        known = vectors[sold].astype(np.float64)
        gram_of_items = known.T @ known
        if len(known) < 0.75 * len(vectors):  # of many items the diagonal is 0
            noise = weighed_gram(known, diagonal[sold])
        else:
            noise = vectors.T.astype(np.float64) @ (vectors * diagonal[:, None])
    unit = np.eye(vectors.shape[1])
    left = np.linalg.solve(gram + noise + section.user_reg * unit, gram)
    return np.linalg.solve(gram_of_items + section.item_reg * unit, left.T).T.astype(np.float32)


def _gram_of_users(scaled: "csr_matrix", vectors: np.ndarray) -> np.ndarray:
    """[d, d] float64 Gram matrix of the users' profiles, made by items where these are few, and far fewer."""
    users, items = scaled.shape
    if items <= FEW_ITEMS and users > CROWD * items:
        exact, wide = vectors.astype(np.float64), scaled.astype(np.float64)
        return np.asarray(exact.T @ ((wide.T @ wide) @ exact))
    gram = np.zeros((vectors.shape[1], vectors.shape[1]))
    for rows in blocks(users, PROFILES):
        profiles = (scaled[rows] @ vectors).astype(np.float64)  # [B, d]
        gram += profiles.T @ profiles
    return gram


def user_vectors(history: "csr_matrix", vectors: np.ndarray, preferences: np.ndarray) -> np.ndarray:
    """[U, d] float32: the decayed mean of the items acted on, through M; zero without a history."""
    from scipy.sparse import diags

    total = np.asarray(history.sum(axis=1)).ravel()
    mean = diags((1 / np.where(total > 0, total, 1)).astype(np.float32)) @ history
    return np.asarray((mean @ vectors) @ preferences, dtype=np.float32)


def scoring(liked: np.ndarray, row: np.ndarray, different: np.ndarray, of_items: np.ndarray | None) -> Score:
    """A function users [B] -> scores [B, I].

    Args:
        liked: [T, d] users' vectors.
        row: [U] which of them is whose.
        different: [G, d] vectors of texts; one of zeros is no text.
        of_items: [I] which text is which item's; None: each its own.
    """
    without_text = ~different.any(axis=1)

    def score(users: np.ndarray) -> np.ndarray:
        scores = np.asarray(liked[row[users]] @ different.T)  # [B, G]
        scores[:, without_text] = -np.inf
        return scores if of_items is None else scores.take(of_items, axis=1)

    return score


def _write_user_vectors(
    path: Path, history: "csr_matrix", targets: np.ndarray, liking: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """`user_vectors` of the targets, written a block of users at a time; the file, mapped.

    Args:
        path: the file.
        history: [U, I].
        targets: [T] rows of it.
        liking: the item vectors and preferences.
    """
    if not len(targets):
        np.save(path, np.zeros((0, liking[0].shape[1]), dtype=np.float32))  # nothing can be mapped
        return np.asarray(np.load(path, allow_pickle=False))
    written = np.lib.format.open_memmap(path, "w+", np.float32, (len(targets), liking[0].shape[1]))
    for rows in blocks(len(targets), PROFILES):
        written[rows] = user_vectors(history[targets[rows]], *liking)
    written.flush()
    return np.asanyarray(np.load(path, mmap_mode="r", allow_pickle=False))


def _write_cutoff(
    folder: Path, cutoff: Cutoff, known: tuple[np.ndarray, Texts | None], section: LanguageModel, config: Config
) -> None:
    """`known`: the item vectors [I, d], and the different ones where they are few."""
    vectors, texts = known
    history = cutoff.matrix(section.values)
    history.data += np.float32(section.floor)
    preferences = fit_preferences(history, vectors, section, texts)
    targets = cutoff.targets()
    liked = _write_user_vectors(folder / "user_vectors.npy", history, targets, (vectors, preferences))
    row = np.zeros(cutoff.users, dtype=np.int64)
    row[targets] = np.arange(len(targets))
    given = {"liked": liked, "row": row, "different": vectors if texts is None else texts.vectors}
    score = Bound(scoring, given | {"of_items": None if texts is None else texts.of_items})
    with blas_threads(1):  # a product's last bits depend on their number; blocks are made side by side instead
        write_source(folder, "language_model", cutoff, score, section=section, config=config, threads=config.threads)
