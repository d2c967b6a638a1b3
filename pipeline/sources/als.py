"""Implicit-feedback matrix factorisation, fitted at every cut-off and warm-started from the one before.

    cutoff=YYYY-MM-DD/item_factors.npy   float32 [I, d]
    cutoff=YYYY-MM-DD/user_factors.npy   float32 [T, d], row t is the cut-off's target t
    cutoff=YYYY-MM-DD/{all,new}.als.*    the lists; a score is the product of the two rows
    cutoff=YYYY-MM-DD/fit.json           loss, iterations and size of the fit

A warm start copies the item factors of the items that were known already; the users' side is solved first from them,
so nothing else of the older fit is needed.
With [privacy] the items' factors are made of noised sums, see private_als; then no cut-off starts from another's, and
the fit says what it cost and neither loss nor pairs, which no noise covers.
With `item_factors_from` they are those that branches fitted together, see federated_als; users are solved from them.
Source: Hu, Koren & Volinsky, ICDM 2008; solver: Takacs, Pilaszy & Tikk, RecSys 2011 (conjugate gradient), by implicit.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from pipeline.arrays.blocks import CELLS, blocks, rows_for
from pipeline.arrays.determinism import blas_threads
from pipeline.arrays.factorisation import factorise
from pipeline.arrays.private_moments import user_factors as solve_users
from pipeline.engine import Bound
from pipeline.features.read import Cutoff, read_items
from pipeline.ground import artifacts
from pipeline.ground.artifacts import Memo
from pipeline.settings.config import Config
from pipeline.settings.sections.base import Decay, SourceSection
from pipeline.sources import federated_als, private_als, shared_als
from pipeline.sources.candidates import Score, make_parts, tonights_fit, write_fit, write_source
from pipeline.sources.contract import CandidateList, Source

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class Als(SourceSection):
    """Implicit-feedback matrix factorisation (Hu, Koren & Volinsky, ICDM 2008)."""

    values: Decay = "confidence"
    """Column of the interactions that a pair's confidence is made of: alpha x (value + floor)."""
    alpha: PositiveFloat = 1.0
    """Weight of a pair with a history against one without, which weighs 1."""
    floor: PositiveFloat = 0.05
    """What an old action is still worth."""
    factors: PositiveInt = 256
    """Length of a user's and an item's vector."""
    reg: PositiveFloat = 5.0
    """L2 weight on the factors."""
    iterations: PositiveInt = 15
    """Iterations of the oldest cut-off, which starts from random numbers."""
    warm_iterations: PositiveInt = 2
    """Iterations of every later cut-off, which starts from the factors of the one before."""
    item_factors_from: str | None = Field(default=None, pattern="^sha256:[0-9a-f]{64}$")
    """Take the items' factors from a fit with other branches, "sha256:HASH" as the fit said at its end, and solve users
    alone: see docs/federated.md. `factors`, `reg`, `alpha`, `floor` and `values` must be those of the fit."""


SOURCE = Source(
    Als,
    lists=(CandidateList("als", "Matrix factorisation (ALS)"),),
    vectors="behaviour",
)


def confidence(cutoff: Cutoff, section: Als) -> "csr_matrix":
    """[U, I] CSR float32 confidence of every pair with a history; an absent pair has confidence 1 in "no"."""
    matrix = cutoff.matrix(section.values)
    matrix.data += np.float32(section.floor)
    matrix.data *= np.float32(section.alpha)
    return matrix


def start(items: int, section: Als, seed: int, previous: np.ndarray | None) -> tuple[np.ndarray, int]:
    """Item factors to start from, and how many iterations they need.

    Args:
        items: I, how many items are known now.
        section: the settings.
        seed: seed of a cold start.
        previous: [I', d] factors of the next older cut-off, I' <= I, or None.
    Returns:
        [I, d] float32 (the known prefix copied and new items zero, or small random numbers), iterations.
    """
    if previous is None or not previous.any():
        rng = np.random.default_rng(seed)
        return rng.random((items, section.factors), dtype=np.float32) * np.float32(0.01), section.iterations
    factors = np.zeros((items, section.factors), dtype=np.float32)
    factors[: len(previous)] = previous
    return factors, section.warm_iterations


def loss(matrix: "csr_matrix", users: np.ndarray, items: np.ndarray, reg: float, block_users: int = 1024) -> float:
    """What the factorisation minimises, over all pairs: sum of c (p - x.y)^2 + reg (|x|^2 + |y|^2).

    Pairs in the matrix have p = 1 and their confidence c, all others p = 0 and c = 1. The others are never listed:
    their sum is trace(X'X Y'Y) less the share of the pairs in the matrix.
    Source: Hu, Koren & Volinsky, ICDM 2008, eq. 3.
    """
    total = float(np.sum((users.T @ users).astype(np.float64) * (items.T @ items)))
    for block in blocks(len(users), block_users):
        pairs = matrix[block].tocoo()
        predicted = np.empty(pairs.nnz)
        for part in blocks(pairs.nnz, rows_for(users.shape[1], CELLS)):
            left, right = users[block.start + pairs.row[part]], items[pairs.col[part]]
            predicted[part] = np.einsum("nd,nd->n", left, right)
        total += float(np.sum(pairs.data * (1 - predicted) ** 2 - predicted**2))
    return total + reg * sum(float(np.einsum("nd,nd->", side, side, dtype=np.float64)) for side in (users, items))


def scoring(users: np.ndarray, items: np.ndarray, rows: np.ndarray) -> Score:
    """A function of user indices [B] -> scores [B, I].

    Args:
        users, items: [T, d] and [I, d] factors.
        rows: [U] which row of the users' factors is whose.
    """
    return lambda asked: np.asarray(users[rows[asked]] @ items.T)


def run(*, features: Path, config: Config, section: Als, memo: Memo, out: Path) -> dict[str, Any]:
    """Fit every cut-off, oldest first, and write the factors and the list `als`."""
    private, shared = config.privacy.enabled, federated_als.named(config, section.item_factors_from)
    named = private_als.fingerprint(config)
    if shared is not None:
        federated_als.require_known(shared, artifacts.run_date_of(out))
        federated_als.require_alike(shared, section)
        ids = read_items(features, ["item_id"])["item_id"].to_pylist()

    apart = private or shared is not None

    def make(cutoff: Cutoff, previous: Path | None, folder: Path) -> None:
        fitted: dict[str, Any] = {}
        matrix = confidence(cutoff, section)
        if private:
            item_factors = private_als.item_factors(cutoff, matrix, config, artifacts.run_date_of(out))
            all_users = solve_users(matrix, item_factors, section.reg, config.threads)
        elif shared is not None:
            item_factors = shared.as_of(cutoff.cutoff, ids[: cutoff.items])
            all_users = solve_users(matrix, item_factors, section.reg, config.threads)
        else:
            all_users, item_factors, fitted = _fitted(matrix, previous, folder, section, config)
        user_factors = all_users[cutoff.targets()]
        np.save(folder / "item_factors.npy", item_factors)
        np.save(folder / "user_factors.npy", user_factors)
        with blas_threads(1):
            rows = np.empty(cutoff.users, dtype=np.int64)
            rows[cutoff.targets()] = np.arange(len(user_factors))
            score = Bound(scoring, {"users": user_factors, "items": item_factors, "rows": rows})
            given: dict[str, Any] = {"above": 0.0} if apart else {}  # what has no factors is nobody's candidate
            write_source(folder, "als", cutoff, score, section=section, config=config, threads=config.threads, **given)
        write_fit(folder, fitted)

    given: dict[str, Any] = {"chained": not apart, "also": lambda _: named}
    report: dict[str, Any] = make_parts("als", make, features=features, memo=memo, config=config, **given)
    return (
        report | tonights_fit(features, out) | (private_als.report(config) if private else federated_als.report(shared))
    )


def _fitted(
    matrix: "csr_matrix", previous: Path | None, folder: Path, section: Als, config: Config
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """User factors [U, d], item factors [I, d] of a fit that is not private, and what is said of it."""
    older = np.load(previous / "item_factors.npy") if previous else None
    item_factors, iterations = start(matrix.shape[1], section, config.seed, older)
    if shared_als.pays(matrix, config):
        given = (matrix, item_factors, iterations, section.reg)
        all_users, item_factors = shared_als.factorise(*given, config=config, folder=folder)
    else:
        all_users, item_factors = factorise(matrix, item_factors, iterations, section.reg, config.threads)
    with blas_threads(1):
        reached = loss(matrix, all_users, item_factors, section.reg, config.block_users)
    return all_users, item_factors, {"loss": reached, "iterations": iterations, "pairs": int(matrix.nnz)}
