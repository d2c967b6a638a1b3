"""Explicit ratings by matrix factorisation: the squared error of the ratings that were given.

    rating(u, i) = mean + user bias + item bias + p_u . q_i

    cutoff=YYYY-MM-DD/model.safetensors                    mean, biases [U], [I] and factors [U, d], [I, d], float32
    cutoff=YYYY-MM-DD/{all,new}.matrix_factorisation.*     the lists; a score is the rating that is expected
    cutoff=YYYY-MM-DD/fit.json                             ratings, their spread, and the error after the last epoch

A rating is the mean `value` of a pair's events. Every later cut-off goes on from the factors of the one before. A
cut-off without ratings has no list. The sums are minimised by torch (sparse Adam, minibatches).
Source: Koren, Bell & Volinsky, IEEE Computer 2009, eq. 5.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from pipeline.arrays.blocks import blocks
from pipeline.arrays.determinism import blas_threads, reproducible
from pipeline.features.read import Cutoff
from pipeline.ground.artifacts import Memo
from pipeline.ground.errors import TrainingError
from pipeline.settings.config import Config
from pipeline.settings.sections.base import SourceSection
from pipeline.sources.candidates import make_parts, tonights_fit, write_fit, write_source
from pipeline.sources.contract import CandidateList, Source

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

Ratings = tuple[np.ndarray, np.ndarray, np.ndarray]
# Ratings per step.
_BATCH = 4096
NAME = "matrix_factorisation"


class MatrixFactorisation(SourceSection):
    """Explicit ratings: the squared error of the ratings given (Koren, Bell & Volinsky, IEEE Computer 2009)."""

    enabled: bool = False
    """Whether the source is made; only for logs whose events carry a rating as `value`."""
    factors: PositiveInt = 32
    """Length of a user's and an item's vector."""
    reg: NonNegativeFloat = 0.05
    """L2 weight on the biases and factors of every rating."""
    epochs: PositiveInt = 20
    """Passes over the ratings at the oldest cut-off, which starts from random numbers."""
    warm_epochs: PositiveInt = 5
    """Passes of every later cut-off, which starts from the factors of the one before."""
    learning_rate: PositiveFloat = 0.01
    """Highest rate of Adam; it falls to zero."""
    min_ratings: PositiveInt = 5
    """An item with fewer ratings is not listed."""


SOURCE = Source(
    MatrixFactorisation,
    lists=(CandidateList("matrix_factorisation", "Matrix factorisation (ratings)"),),
    made_of={"ratings": ("rating",)},
)


def start(users: int, items: int, section: MatrixFactorisation, previous: Path | None) -> "dict[str, Tensor]":
    """Parameters to start from: small random factors and no biases, or those of an older cut-off for who was known."""
    import torch
    from safetensors.torch import load_file

    sizes = {"user_bias": (users, 1), "item_bias": (items, 1)}
    sizes |= {"user_factors": (users, section.factors), "item_factors": (items, section.factors)}
    found = {name: torch.randn(size) * (0.1 if name.endswith("factors") else 0.0) for name, size in sizes.items()}
    for name, values in (load_file(previous) if previous is not None else {}).items():
        if name in found:
            found[name][: len(values)] = values
    return found


def predict(parameters: "dict[str, Tensor]", mean: float, users: "Tensor", items: "Tensor") -> "Tensor":
    """[N] expected ratings of pairs; user and item indices [N]."""
    from torch.nn.functional import embedding

    of_users = (embedding(users, parameters[f"user_{name}"], sparse=True) for name in ("bias", "factors"))
    of_items = (embedding(items, parameters[f"item_{name}"], sparse=True) for name in ("bias", "factors"))
    (user_bias, user_factors), (item_bias, item_factors) = of_users, of_items
    return mean + (user_bias + item_bias).squeeze(1) + (user_factors * item_factors).sum(dim=1)


def fit(
    ratings: Ratings, parameters: "dict[str, Tensor]", section: MatrixFactorisation, epochs: int, seed: int
) -> list[float]:
    """Minimise the squared error plus `reg` times the squared parameters of every rating; changes `parameters`.

    Args:
        ratings: user indices [N], item indices [N], ratings [N].
        parameters: see `start`.
        section: L2 weight and learning rate.
        epochs: passes over the ratings.
        seed: of their order.
    Returns:
        Root of the mean squared error of each epoch, as it was met.
    Raises:
        TrainingError: an error is not finite.
    """
    import torch

    users, items = (torch.from_numpy(ratings[side].astype(np.int64)) for side in (0, 1))
    given = torch.from_numpy(ratings[2].astype(np.float32))
    mean = float(ratings[2].mean())
    learned = {name: values.requires_grad_() for name, values in parameters.items()}
    optimizer = torch.optim.SparseAdam(list(learned.values()), lr=section.learning_rate)
    order, errors = np.random.default_rng(seed), []
    for epoch in range(epochs):
        for group in optimizer.param_groups:
            group["lr"] = section.learning_rate * (1 - epoch / epochs)
        met = 0.0
        shuffled = torch.from_numpy(order.permutation(len(given)))
        for part in blocks(len(given), _BATCH):
            batch = shuffled[part]
            wrong = predict(learned, mean, users[batch], items[batch]) - given[batch]
            penalty = sum(
                (torch.nn.functional.embedding(side[batch], values, sparse=True) ** 2).sum()
                for side, kind in ((users, "user"), (items, "item"))
                for values in (learned[f"{kind}_bias"], learned[f"{kind}_factors"])
            )
            optimizer.zero_grad()
            torch.autograd.backward(((wrong**2).sum() + section.reg * penalty) / len(batch))
            optimizer.step()  # type: ignore[no-untyped-call]
            met += float((wrong.detach() ** 2).sum())
        errors.append(float(np.sqrt(met / len(given))))
    for values in learned.values():
        values.requires_grad_(False)
    if not all(bool(torch.isfinite(values).all()) for values in parameters.values()):
        raise TrainingError("matrix_factorisation: a factor is not finite: lower matrix_factorisation.learning_rate")
    return errors


def run(*, features: Path, config: Config, section: MatrixFactorisation, memo: Memo, out: Path) -> dict[str, Any]:
    """Fit every cut-off, oldest first, and write the list `matrix_factorisation` where there are ratings.

    Returns:
        Tonight's ratings and errors, with the counts of `make_parts`.
    """

    def make(cutoff: Cutoff, previous: Path | None, folder: Path) -> None:
        table = cutoff.ratings()
        ratings = tuple(column.to_numpy() for column in table.columns)
        report: dict[str, Any] = {"ratings": len(table)}
        if len(table):
            older = previous / "model.safetensors" if previous else None
            with reproducible(config.seed, config.threads):
                report |= _write_cutoff(folder, cutoff, ratings, older, section=section, config=config)
        write_fit(folder, report)

    tables = ("interactions", "ratings")
    report = make_parts(NAME, make, features=features, memo=memo, config=config, tables=tables, chained=True)
    fitted = tonights_fit(features, out)
    if not fitted["ratings"]:
        log.warning(
            "matrix_factorisation: no event that arrived so far has a `value`, so there is no rating to learn from and "
            "no list: select the rating as `value` in the events' mapping, or set matrix_factorisation.enabled = false"
        )
    return report | fitted


def _write_cutoff(
    folder: Path,
    cutoff: Cutoff,
    ratings: Ratings,
    older: Path | None,
    *,
    section: MatrixFactorisation,
    config: Config,
) -> dict[str, float]:
    """Fit one cut-off and write its model and lists."""
    import torch
    from safetensors.torch import save_file

    older = older if older is not None and older.is_file() else None
    parameters = start(cutoff.users, cutoff.items, section, older)
    errors = fit(ratings, parameters, section, section.warm_epochs if older else section.epochs, config.seed)
    mean = float(ratings[2].mean())
    save_file(parameters | {"mean": torch.tensor([mean])}, folder / "model.safetensors")
    user_bias, item_bias, users, items = (
        parameters[name].numpy() for name in ("user_bias", "item_bias", "user_factors", "item_factors")
    )
    rare = np.bincount(ratings[1], minlength=cutoff.items) < section.min_ratings

    def score(asked: np.ndarray) -> np.ndarray:
        scores = np.asarray(users[asked] @ items.T + item_bias.T + user_bias[asked] + np.float32(mean))  # [B, I]
        scores[:, rare] = -np.inf
        return scores

    with blas_threads(1):  # a product's last bits depend on their number
        write_source(folder, NAME, cutoff, score, section=section, config=config, threads=config.threads)
    return {"spread": float(ratings[2].std()), "rmse_first": errors[0], "rmse_last": errors[-1]}
