"""Branches behind a channel of this process, which keeps every message that it carries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pipeline.federated.desk import Desk, State
from pipeline.federated.messages import Content, Kind
from pipeline.ground.errors import PipelineError

Change = Callable[[int, Kind, Content], Content | None]
"""What becomes of a branch's answer on its way; None: it never arrives."""


@dataclass
class InProcess:
    """See the module.

    Attributes:
        desks: the branches.
        change: what becomes of answers.
        sent: branch, kind and answer of every message.
        said: what branches refused.
    """

    desks: Sequence[Desk]
    change: Change = lambda _branch, _kind, answer: answer
    sent: list[tuple[int, Kind, Content]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.states = [State() for _ in self.desks]

    def ask(self, kind: Kind, content: Content, to: Sequence[int]) -> dict[int, Content]:
        found = {}
        for branch in to:
            try:
                answer = self.desks[branch].answer(kind, content, self.states[branch])
            except PipelineError as error:
                self.said.append(str(error))
                continue
            self.sent.append((branch, kind, answer))
            if (changed := self.change(branch, kind, answer)) is not None:
                found[branch] = changed
        return found
