"""The server's side of a fit: it agrees with the branches on items and settings, adds up their sums, sends the result.

The server has no log and no settings of its own. A branch that fails, does not answer in time or answers with what is
no sum of this fit is left out from then on: the iteration begins again without it, from the items' factors as they
were, in which its earlier sums still are. Where fewer branches are left than `fewest`, the fit ends without a result.
"""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

import numpy as np

from pipeline.federated import masks
from pipeline.federated.branch import Arrays, Step
from pipeline.federated.catalogue import require_ids, union
from pipeline.federated.fit import BranchLost, Shape, added, fit, require_sums
from pipeline.federated.messages import Channel, Content, Kind, Word, require_days
from pipeline.ground.errors import InputError, PipelineError

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass
class Session:
    """A fit.

    Attributes:
        channel: how branches are reached.
        run_date: the night that takes part.
        seed: of the numbers that the fit starts from.
        fewest: branches without which it ends.
        masked: whether the server gets the branches' sums under masks that cancel.
        branches: who takes part.
        lost: who did, and does no more.
        keys: the public key of each branch.
        turn: how often sums were asked for.
    """

    channel: Channel
    run_date: date
    seed: int = 0
    fewest: int = 2
    masked: bool = False
    branches: list[int] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    keys: dict[int, str] = field(default_factory=dict)
    turn: int = 0

    def run(self, branches: Sequence[int]) -> dict[int, str]:
        """Fit with these branches; the hash of the result by branch that kept it.

        Raises:
            InputError: too few branches are left, or they are not alike.
            TrainingError: a factor is not finite.
        """
        self.branches, self.lost = list(branches), []
        catalogues = self._asked("catalogue", Content({"run_date": str(self.run_date)}), _catalogue)
        settings = _alike({branch: one.settings for branch, one in catalogues.items()})
        cutoffs = sorted(set.intersection(*(set(one.cutoffs) for one in catalogues.values())))
        if str(self.run_date) not in cutoffs:
            raise InputError(f"not all branches have the night {self.run_date}: run their stage 'features' of it first")
        ids = union(one.ids for one in catalogues.values())
        self.keys = {branch: one.key for branch, one in catalogues.items()}
        self._agree({"ids": ids})
        log.info("%d branches, %d items, %d cut-offs", len(self.branches), len(ids), len(cutoffs))
        sizes = [int(settings[name]) for name in ("factors", "iterations", "warm_iterations")]
        found = fit(self._sums, cutoffs, len(ids), Shape(sizes[0], settings["reg"], sizes[1], sizes[2], self.seed))
        words: dict[str, Word] = {"cutoffs": cutoffs, "branches": len(self.branches), "lost": len(self.lost)}
        return self._asked("keep", Content(words, found), lambda answer: answer.text("hash", "a branch"))

    def _asked(self, kind: Kind, content: Content, read: Callable[[Content], T]) -> dict[int, T]:
        """What every branch answered; one that did not is lost.

        Raises:
            InputError: too few are left.
        """
        answers, found = self.channel.ask(kind, content, self.branches), {}
        for branch in list(self.branches):
            try:
                found[branch] = read(answers[branch])
            except KeyError:
                self._lose([branch], f"no answer to '{kind}'")
            except PipelineError as error:
                self._lose([branch], str(error))
        return found

    def _agree(self, words: "dict[str, Word]") -> None:
        keys: dict[str, Word] = {"keys": [self.keys[one] for one in self.branches]} if self.masked else {}
        before = len(self.branches)
        self._asked("agree", Content({**words, **keys}), lambda answer: answer)
        if self.masked and len(self.branches) < before:
            self._agree({})

    def _sums(self, step: Step, cutoff: str, items: np.ndarray) -> Arrays:
        self.turn += 1
        content = Content({"step": step, "cutoff": cutoff, "turn": self.turn}, {"items": items})
        before = len(self.branches)

        def read(answer: Content) -> Arrays:
            require_sums(dict(answer.arrays), step, items.shape[0], items.shape[1], self.masked)
            return dict(answer.arrays)

        answers = self._asked("sums", content, read)
        if len(self.branches) < before:
            if self.masked:
                self._agree({})
            raise BranchLost
        return (masks.added if self.masked else added)([answers[branch] for branch in self.branches])

    @property
    def _fewest(self) -> int:
        return max(1, self.fewest, masks.FEWEST if self.masked else 1)

    def _lose(self, branches: Sequence[int], why: str) -> None:
        for branch in branches:
            log.warning("branch %d is left out: %s", branch, why)
            self.branches.remove(branch)
            self.lost.append(branch)
        if len(self.branches) < self._fewest:
            raise InputError(f"{len(self.branches)} branches are left, and {self._fewest} are needed; last lost: {why}")


@dataclass(frozen=True)
class Catalogue:
    """What a branch says of itself.

    Attributes:
        ids: of its items.
        cutoffs: of its night.
        settings: of its `als`.
        key: its public key.
    """

    ids: list[str]
    cutoffs: list[str]
    settings: dict[str, float]
    key: str


def _catalogue(answer: Content) -> Catalogue:
    ids = require_ids(answer.words.get("ids"), "a branch")
    cutoffs = require_days(answer.words.get("cutoffs"), "a branch")
    try:
        settings = json.loads(answer.text("als", "a branch"))
    except ValueError:
        settings = None
    numbers = ("factors", "reg", "iterations", "warm_iterations")
    if not isinstance(settings, dict) or not all(_is_size(settings.get(name)) for name in numbers):
        raise InputError("a branch sent no settings of [als]: it runs another version of this program")
    return Catalogue(ids, cutoffs, settings, answer.text("key", "a branch"))


def _is_size(found: object) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool) and 0 < found <= 4096


def _alike(settings: dict[int, dict[str, float]]) -> "dict[str, float]":
    """The settings that all branches have.

    Raises:
        InputError: they have different ones.
    """
    first = next(iter(settings.values()))
    for branch, other in settings.items():
        for name in sorted(first.keys() | other.keys()):
            if first.get(name) != other.get(name):
                raise InputError(
                    f"the branches have different als.{name}: {first.get(name)!r}, and branch {branch} "
                    f"{other.get(name)!r}: set it alike in each branch's file"
                )
    return first
