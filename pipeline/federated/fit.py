"""The items' side: it sees sums over the users of all branches, and nothing of any of them.

An iteration is four exchanges. In the first the branches solve their users from the items' factors and answer with the
sums of where the items stand; in each of the others with those of a direction of the conjugate gradient, which solves
every item's own equations at once. All is as in implicit's own solver, so that three branches make the factors that one
shop with their three logs would have made, up to the rounding of sums.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.arrays.determinism import blas_threads
from pipeline.arrays.factorisation import require_finite
from pipeline.federated.branch import CG_STEPS, Arrays, Branch, Step
from pipeline.ground.errors import InputError

Ask = Callable[[Step, str, np.ndarray], Arrays]
"""The sums over all branches, of a step, a cut-off, and [I, d] float32 factors or directions."""
SOLVED = 1e-20
"""A squared residual below it needs no further step; as in implicit."""


class BranchLost(Exception):
    """A branch did not answer, or not with sums: the iteration begins again without it."""


@dataclass(frozen=True)
class Shape:
    """What all branches fit alike; as in the section [als].

    Attributes:
        factors: d.
        reg: L2 weight, > 0.
        iterations: of the oldest cut-off.
        warm_iterations: of every later one, which starts from the factors of the one before.
        seed: of the numbers that the oldest starts from.
    """

    factors: int
    reg: float
    iterations: int
    warm_iterations: int
    seed: int


def start(items: int, shape: Shape) -> np.ndarray:
    """[I, d] float32 small random numbers, as `als` starts from."""
    rng = np.random.default_rng(shape.seed)
    return rng.random((items, shape.factors), dtype=np.float32) * np.float32(0.01)


def fit(ask: Ask, cutoffs: Sequence[str], items: int, shape: Shape) -> dict[str, np.ndarray]:
    """The item factors of every cut-off, oldest first, each started from those before.

    Args:
        ask: the sums over the branches.
        cutoffs: ascending.
        items: I, how many the branches have together.
        shape: of the fit.
    Returns:
        [I, d] float32 by cut-off; an item that nobody had by then is zero.
    Raises:
        TrainingError: a factor is not finite.
    """
    found: dict[str, np.ndarray] = {}
    factors, iterations = start(items, shape), shape.iterations
    for cutoff in cutoffs:
        for _ in range(iterations):
            factors = _iterate(ask, cutoff, factors, shape.reg)
        found[cutoff] = factors
        if factors.any():  # else nobody had anything yet, and zero leads nowhere
            iterations = shape.warm_iterations
        else:
            factors = start(items, shape)
    return found


def _iterate(ask: Ask, cutoff: str, items: np.ndarray, reg: float) -> np.ndarray:
    while True:
        try:
            return solve_items(ask, cutoff, items, reg)
        except BranchLost:  # `ask` has one branch less each time, and raises InputError where too few are left
            continue


def solve_items(ask: Ask, cutoff: str, items: np.ndarray, reg: float) -> np.ndarray:
    """One iteration: [I, d] float32 factors of the items, once the users were solved from those given.

    Args:
        ask: the sums over the branches.
        cutoff: of which history.
        items: [I, d] float32.
        reg: L2 weight, > 0.
    """
    sums = ask("begin", cutoff, items)
    gram = sums["gram"].astype(np.float64) + reg * np.eye(items.shape[1])
    had = np.not_equal(sums["pull"], 0).any(axis=1, keepdims=True)
    with blas_threads(1):
        solved = items * had.astype(np.float64)
        residual = (sums["pull"] - items @ gram) * had
    direction, squared = residual.copy(), np.einsum("id,id->i", residual, residual)
    for _ in range(CG_STEPS):
        sent = direction.astype(np.float32)
        with blas_threads(1):
            applied = sent @ gram + ask("go_on", cutoff, sent)["push"]
        moved = squared >= SOLVED
        length = np.where(moved, squared / np.where(moved, np.einsum("id,id->i", sent, applied), 1), 0)
        solved += length[:, None] * sent
        residual -= length[:, None] * applied
        rest = np.einsum("id,id->i", residual, residual)
        direction = residual + np.where(moved, rest / np.where(moved, squared, 1), 0)[:, None] * direction
        direction[~moved] = 0
        squared = np.where(moved, rest, 0)
    factors = np.asarray(solved, dtype=np.float32)
    require_finite(factors)
    return factors


def added(answers: Sequence[Arrays]) -> Arrays:
    """The sum of the branches' sums, in the order given, in float64.

    Raises:
        InputError: there are none.
    """
    if not answers:
        raise InputError("no branch answered")
    return {name: np.sum([answer[name].astype(np.float64) for answer in answers], axis=0) for name in answers[0]}


def together(branches: Sequence[Branch]) -> Ask:
    """The branches of one process: the same computation with nobody between."""
    return lambda step, cutoff, items: added([branch.answer(step, cutoff, items) for branch in branches])


def require_sums(answer: Arrays, step: Step, items: int, factors: int, masked: bool = False) -> None:
    """Raise InputError where a branch's answer is not the sums that were asked for.

    A branch that sends finite, moderate numbers which are not its sums spoils the factors of all, and cannot be told
    from one whose customers are unusual.
    """
    wanted = {"pull": (items, factors), "gram": (factors, factors)} if step == "begin" else {"push": (items, factors)}
    if {name: array.shape for name, array in answer.items()} != wanted:
        found = {name: list(array.shape) for name, array in answer.items()}
        raise InputError(f"a branch answered with arrays {found} instead of {wanted}")
    for name, array in answer.items():
        if array.dtype != (np.uint64 if masked else np.float32) or not np.isfinite(array).all():
            raise InputError(
                f"a branch answered with {name} of type {array.dtype}, or with numbers that are not finite"
            )
