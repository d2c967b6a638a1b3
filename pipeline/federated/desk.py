"""A branch's side of the messages: it reads its own night, answers with sums, and keeps what was fitted.

Between two messages nothing of it runs, so what it has to remember goes into a state that stays where it is: the shared
ids, and the factors of its users.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.features.read import Cutoff, read_cutoffs, read_items
from pipeline.federated import masks
from pipeline.federated.branch import Arrays, Branch, Step, often_enough, require_factors
from pipeline.federated.catalogue import placed, require_ids
from pipeline.federated.messages import Content, Kind, require_days
from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.settings.config import Config
from pipeline.sources import als, federated_als
from pipeline.sources.als import Als
from pipeline.sources.federated_als import Fit

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

SERVER = "the server"


@dataclass
class State:
    """What a branch remembers between messages.

    Attributes:
        run_date: of the night that takes part; "" before the first message.
        ids: the shared ids.
        cutoff, users: of `Branch`.
        key: the branch's private key of this fit.
        keys: the public keys of all branches, where sums leave masked; else none.
        turn: the number of the last exchange that was masked.
    """

    run_date: str = ""
    ids: list[str] = field(default_factory=list)
    cutoff: str = ""
    users: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    key: bytes = b""
    keys: list[str] = field(default_factory=list)
    turn: int = -1


@dataclass(frozen=True)
class Desk:
    """A branch that takes part.

    Attributes:
        config: its shop's.
        fewest: items that fewer of its users have take no part.
        masked: it refuses to send sums that are not masked.
    """

    config: Config
    fewest: int = 1
    masked: bool = False

    def answer(self, kind: Kind, content: Content, state: State) -> Content:
        """What the branch says to a message; changes the state.

        Raises:
            InputError: the message is none of this program's, or the branch's night is not there.
        """
        if kind == "catalogue":
            return self._catalogue(content, state)
        if kind == "agree":
            return self._agree(content, state)
        if kind == "keep":
            return self._keep(content, state)
        if kind == "sums":
            return Content(arrays=self._masked(self._sums(content, state), content, state))
        raise InputError(f"{SERVER} sent a message '{kind}', which this version of the program does not know")

    def _catalogue(self, content: Content, state: State) -> Content:
        state.run_date = content.day("run_date", SERVER)
        cutoffs, section = self._cutoffs(state), self._section()
        newest, ids = cutoffs[-1], self._ids(state)
        had = np.unique(self._history(newest).indices)
        alike = {name: getattr(section, name) for name in (*federated_als.ALIKE, "iterations", "warm_iterations")}
        words = {"ids": [ids[item] for item in had], "cutoffs": [str(one.cutoff) for one in cutoffs]}
        state.key = masks.new_key()
        return Content({**words, "als": json.dumps(alike, sort_keys=True), "key": masks.public(state.key)})

    def _agree(self, content: Content, state: State) -> Content:
        if "ids" in content.words or not state.ids:
            state.ids, state.cutoff = require_ids(content.words.get("ids"), SERVER), ""
        state.keys = masks.require_keys(content.words["keys"], SERVER) if "keys" in content.words else []
        if self.masked and not state.keys:
            raise InputError("the server will not have the sums masked, and this branch sends masked ones only")
        return Content()

    def _masked(self, sums: Arrays, content: Content, state: State) -> Arrays:
        if not state.keys and not self.masked:
            return sums
        turn = content.words.get("turn")
        if not isinstance(turn, int) or turn <= state.turn:
            raise InputError(f"{SERVER} asks again for what was masked, with the same pad: run the fit again")
        state.turn = turn
        return masks.masked(sums, state.key, state.keys, turn)

    def _sums(self, content: Content, state: State) -> Arrays:
        step, cutoff = content.text("step", SERVER), content.day("cutoff", SERVER)
        if step not in ("begin", "go_on") or "items" not in content.arrays:
            raise InputError(f"{SERVER} asks for a step '{step}', which this version of the program does not know")
        matrices = {}
        for one in self._cutoffs(state):
            if str(one.cutoff) == cutoff:
                matrices[cutoff] = placed(self._history(one), self._ids(state), state.ids)
        branch = Branch(matrices, self._section().reg, self.config.threads, state.cutoff, state.users)
        wanted: Step = "begin" if step == "begin" else "go_on"
        found = branch.answer(wanted, cutoff, content.arrays["items"])
        state.cutoff, state.users = branch.cutoff, branch.users
        return found

    def _keep(self, content: Content, state: State) -> Content:
        cutoffs = require_days(content.words.get("cutoffs"), SERVER)
        for cutoff in cutoffs:
            if cutoff not in content.arrays:
                raise InputError(f"{SERVER} sent no factors of the cut-off {cutoff}")
            require_factors(content.arrays[cutoff], len(state.ids), SERVER)
        counts = [content.words.get(name) for name in ("branches", "lost")]
        if not all(isinstance(one, int) for one in counts) or not cutoffs or cutoffs[-1] > state.run_date:
            raise InputError(f"{SERVER} sent factors that are not those of a fit of {state.run_date}")
        section = self._section()
        alike = {name: getattr(section, name) for name in federated_als.ALIKE}
        fit = Fit(state.run_date, cutoffs, int(str(counts[0])), int(str(counts[1])), bool(state.keys), alike)
        return Content(
            {"hash": federated_als.write(federated_als.shelf(self.config), fit, state.ids, dict(content.arrays))}
        )

    def _section(self) -> Als:
        section: Any = getattr(self.config, "als")  # noqa: B009 (sources are not fields that a type checker knows)
        assert isinstance(section, Als)
        return section

    def _features(self, state: State) -> Any:
        if not state.run_date:
            raise InputError(f"{SERVER} asks for sums before it said of which night")
        folder = artifacts.stage_dir(self.config.lake, "features", date.fromisoformat(state.run_date))
        if not artifacts.is_finished(folder):
            raise InputError(f"{folder} is not finished: run this branch's stage 'features' of {state.run_date} first")
        return folder

    def _cutoffs(self, state: State) -> Sequence[Cutoff]:
        return sorted(read_cutoffs(self._features(state)), key=lambda one: one.cutoff)

    def _ids(self, state: State) -> list[str]:
        ids: list[str] = read_items(self._features(state), ["item_id"])["item_id"].to_pylist()
        return ids

    def _history(self, cutoff: Cutoff) -> "csr_matrix":
        return often_enough(als.confidence(cutoff, self._section()), self.fewest)
