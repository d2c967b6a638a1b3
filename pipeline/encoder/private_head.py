"""A map behind the untouched encoder, of what people have together, seen through noise only ([privacy] epsilon_texts).

Nothing is trained, so nothing is sampled: of the texts' vectors x

    z = W x,    W = D Q' S,    the vector of a text is z at length 1

S   centres the catalogue's texts and evens out their directions, of which a few hold most. No person is in it.
Q, D   of one release: each person is the mean of what the person has, at length 1, and the sum of a_u a_u' over the
    people gets Gaussian noise once. Directions in which people's tastes lie count more.

A whole person moves that sum by at most 1 in Frobenius' norm; where only a sample of the people is learned from, who
comes can put somebody else out of it, and the two together move it by at most sqrt(2). What is made of a release costs
nothing more, however many texts are read with it.
Source: Dwork, Talwar, Thakurta & Zhang, STOC 2014 (noised second moments).
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.arrays import private_moments
from pipeline.arrays.blocks import blocks
from pipeline.arrays.determinism import blas_threads
from pipeline.arrays.nearest import unit
from pipeline.encoder import encoder as encoders
from pipeline.encoder import pretrained
from pipeline.encoder.encoder import Encoder
from pipeline.encoder.training_data import read_texts, weights
from pipeline.features.read import read_actions, read_cutoffs
from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.privacy import accountant, noise, spending
from pipeline.privacy.noise import Noise
from pipeline.privacy.spending import Release
from pipeline.settings.config import Config

if TYPE_CHECKING:
    from datetime import date

    from scipy.sparse import csr_matrix

    from pipeline.encoder.loop import Curve  # whose module imports torch, which no task but the encoder's needs

EVENED, STRENGTH = 0.1, 1 / 3
"""How far the texts' directions are evened out, 0 is all the way; and how much more than without people a direction
counts that has as much of them as the mean. Chosen on Online Retail II before July 2011 (benchmarks.private_texts)."""
RELEASE, PEOPLE = "fine_tune", 2**15
"""What it is of; people whose means are in memory at a time."""
EPSILON = "epsilon_texts"
"""In what is said of a tuning: that it was this, and at what cost."""


def fit(features: Path, config: Config, night: "date") -> tuple[Encoder, "Curve", dict[str, Any]]:
    """The pretrained encoder with a head, no curve, and how it was made; writes down what that costs.

    Args:
        features: actions and tuning_texts.parquet, as of the day of tuning.
        config: has the budget; the section `fine_tune` says which encoder.
        night: that releases it.
    Raises:
        InputError: there is no key, or too little budget.
    """
    section, privacy, secret = config.fine_tune, config.privacy, noise.key()
    named = {name: getattr(section, name) for name in ("pooling", "prefix", "max_tokens", "revision", "layers")}
    encoder = encoders.load(section.model, **named)
    texts, actions = read_texts(features, "tuning_texts"), read_actions(features)
    history = weights(actions, len(texts), section.half_life_days)
    moved = math.sqrt(2) if read_cutoffs(features)[0].users > config.features.learned_users else 1.0
    mu = accountant.mu_of(privacy.epsilon_texts, privacy.delta)
    base = pretrained.model_hash(pretrained.resolve(section.model, section.revision))
    files = [artifacts.file_sha256(features / f"{name}.parquet") for name in ("actions", "tuning_texts")]
    settings = (config.digest("fine_tune"), moved)
    purpose = artifacts.text_sha256("texts", base, files, settings, artifacts.code_version())
    key = secret.derive("release").hash(purpose)
    last = min(config.label_cutoffs(config.tuned_at(night)))
    spending.spend(config, Release(key, RELEASE, last.isoformat(), night.isoformat(), mu))
    vectors = encoder.encode(texts)
    with blas_threads(1):  # a product's last bits depend on their number
        weight, bias = head(vectors, history, privacy.contributions, moved / mu, Noise(secret, purpose))
    ended = {"steps": 0, "cut_short": False, "generation": 0, "texts": len(texts), EPSILON: privacy.epsilon_texts}
    return _with(encoder, weight, bias), [], ended


def head(
    vectors: np.ndarray, history: "csr_matrix", most: int, deviation: float, drawn: private_moments.Normal
) -> tuple[np.ndarray, np.ndarray]:
    """The map, as z = weight x + bias.

    Args:
        vectors: [I, d] of the texts, rows of length 1, or zero where there is none.
        history: [U, I] CSR float32, >= 0.
        most: items of a person that count, those with most history.
        deviation: of the noise on the sum's diagonal.
        drawn: where it comes from.
    Returns:
        weight float32 [d, d], bias float32 [d].
    """
    filled, size = vectors.any(axis=1), vectors.shape[1]
    mean, evened = evenly(vectors[filled])
    spread = np.zeros(vectors.shape, dtype=np.float64)
    spread[filled] = (vectors[filled] - mean) @ evened
    moments = tastes(history, unit(spread), most) + deviation * drawn.symmetric(size)
    found, directions = np.linalg.eigh(moments)
    strength = private_moments.beside_noise(found, deviation, size)
    share = strength * size / max(float(np.trace(moments)), 1.0)
    whole = (evened @ directions) * np.sqrt(1 + STRENGTH * share)
    return whole.T.astype(np.float32), (-mean @ whole).astype(np.float32)


def evenly(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean [d] of vectors [N, d], and a map [d, d] after which what is left has directions of like length."""
    vectors = vectors.astype(np.float64)
    mean = vectors.mean(axis=0) if len(vectors) else np.zeros(vectors.shape[1])
    apart = unit(vectors - mean)
    found, directions = np.linalg.eigh(apart.T @ apart)
    found = np.maximum(found, 0)
    scale = found / max(float(found.mean()), 1e-12)
    return mean, directions / np.sqrt(scale + EVENED)


def tastes(history: "csr_matrix", vectors: np.ndarray, most: int) -> np.ndarray:
    """[d, d] float64, the sum over the people of a_u a_u', a_u the mean of what a person has, at length 1 or 0.

    Args:
        history: [U, I] CSR, >= 0; vectors: [I, d]; most: items of a person that count.
    """
    kept, found = private_moments.bounded(history, most), np.zeros((vectors.shape[1],) * 2)
    for rows in blocks(kept.shape[0], PEOPLE):
        people = kept[rows] @ vectors.astype(np.float64)
        length = np.linalg.norm(people, axis=1, keepdims=True)
        people = np.divide(people, length, out=np.zeros_like(people), where=length > 0)
        found += people.T @ people
    return found


def _with(encoder: Encoder, weight: np.ndarray, bias: np.ndarray) -> Encoder:
    """The encoder with a head."""
    import torch

    made = torch.nn.Linear(*weight.shape[::-1])
    made.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
    return replace(encoder, head=made.to(next(encoder.model.parameters()).device))


def told(fine_tune: Path, config: Config) -> dict[str, Any]:
    """What the manifest of the language model says of it: scalars; nothing where nobody asks for it.

    Args:
        fine_tune: the stage's folder.
        config: what is asked for.
    Raises:
        InputError: the encoder was made without noise, or with another.
    """
    if not config.privacy.texts:
        return {}
    asked = config.privacy.epsilon_texts
    if artifacts.read_manifest(fine_tune)["report"].get(EPSILON) != asked:
        raise InputError(
            f"{fine_tune} has an encoder that was not made with privacy.epsilon_texts = {asked:g}: "
            "run stage 'fine_tune' of this night again"
        )
    made = "the encoder's head, item and query vectors; of the tables similar_items, with privacy.similar_items"
    return {"private": made, "epsilon_per_fit": asked, **spending.told(config, RELEASE)}
