"""The fit over Flower: the only module that imports it, and it imports nothing else of what Flower offers but messages.

    server_app    runs in a SuperLink: waits for the branches, runs the session, says the hash of the result
    client_app    runs in each branch's SuperNode: answers by the branch's desk

Each message starts a process in the branch, so the users' factors wait for the next one in the SuperNode's memory, in
the context of the run, which Flower does not send. What goes wrong in a branch is in the branch's own log; the server
learns that it went wrong, and not what.
"""

import contextlib
import logging
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np

try:
    from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Error, Message, RecordDict
    from flwr.clientapp import ClientApp
    from flwr.serverapp import Grid, ServerApp
except ImportError as missing:
    raise ImportError(
        "pipeline.federated.flower needs Flower, whose pins Airflow's do not go with: `make .venv/federated` makes an "
        "environment of its own, see docs/federated.md"
    ) from missing

from pipeline.federated.desk import Desk, State
from pipeline.federated.messages import Content, Kind
from pipeline.federated.session import Session
from pipeline.ground.errors import InputError
from pipeline.sources.configuration import load

log = logging.getLogger("flwr")  # whose lines Flower shows
WORDS, ARRAYS, STATE, USERS = "words", "arrays", "nightjar.state", "nightjar.users"
REFUSED = 1000
"""Code of an error that the branch's own log explains."""
POLL_SECONDS = 1.0
NAMED = 'als.item_factors_from = "sha256:%s"'


def record_of(content: Content) -> Any:
    """A message's content as Flower carries it."""
    arrays = {name: Array(np.ascontiguousarray(array)) for name, array in content.arrays.items()}
    return RecordDict({WORDS: ConfigRecord(dict(content.words)), ARRAYS: ArrayRecord(arrays)})


def content_of(record: Any) -> Content:
    """What Flower carried; InputError where it is none of this program's messages."""
    try:
        words, arrays = record.config_records[WORDS], record.array_records[ARRAYS]
        return Content(dict(words), {name: array.numpy() for name, array in arrays.items()})
    except (KeyError, TypeError, ValueError, EOFError, OSError) as error:
        raise InputError(f"a message is none of this program's ({type(error).__name__})") from None


@dataclass(frozen=True)
class GridChannel:
    """Branches behind a SuperLink.

    Attributes:
        grid: Flower's.
        seconds: how long a branch may take to answer.
    """

    grid: Grid
    seconds: float

    def ask(self, kind: Kind, content: Content, to: Sequence[int]) -> dict[int, Content]:
        """See Channel."""
        sent = [Message(record_of(content), node, f"train.{kind}", ttl=self.seconds) for node in to]
        replies: Iterable[Any] = self.grid.send_and_receive(sent, timeout=self.seconds)
        found = {}
        for reply in replies:
            node = reply.metadata.src_node_id
            if reply.has_error():
                log.warning("branch %d: error %d", node, reply.error.code)
                continue
            with contextlib.suppress(InputError):
                found[node] = content_of(reply.content)
        return found


def _awaited(grid: Grid, number: int, seconds: float) -> list[int]:
    """The branches, once there are as many as asked for."""
    until = time.monotonic() + seconds
    while len(nodes := sorted(grid.get_node_ids())) < number:
        if time.monotonic() > until:
            raise InputError(
                f"{len(nodes)} of {number} branches are there after {seconds:g} seconds: start their SuperNodes"
            )
        time.sleep(POLL_SECONDS)
    return nodes


def serve(grid: Grid, context: Context) -> None:
    """A fit, by the run's configuration."""
    settings = context.run_config
    seconds, number = float(settings["timeout-seconds"]), int(settings["branches"])
    session = Session(
        GridChannel(grid, seconds),
        date.fromisoformat(str(settings["run-date"])),
        seed=int(settings["seed"]),
        fewest=int(settings["fewest-branches"]),
        masked=bool(settings["masked"]),
    )
    kept = session.run(_awaited(grid, number, seconds))
    log.info("%d branches took part to the end, %d were left out", len(kept), len(session.lost))
    for sha256 in sorted(set(kept.values())):
        log.info(NAMED, sha256)


server_app = ServerApp()
server_app.main()(serve)


def desk_of(context: Context) -> Desk:
    """The branch, by its SuperNode's --node-config, else NIGHTJAR_CONFIG and NIGHTJAR_HOME."""
    node = context.node_config
    path = node.get("config") or os.environ.get("NIGHTJAR_CONFIG")
    if not path:
        raise InputError("which shop? Start the SuperNode with --node-config 'config=\"/path/to/pipeline.toml\"'")
    home = node.get("home") or os.environ.get("NIGHTJAR_HOME")
    config = load(Path(str(path)), {"home": str(home)} if home else {})
    return Desk(config, fewest=int(node.get("fewest-buyers", 1)), masked=bool(node.get("masked", False)))


@contextlib.contextmanager
def _remembered(context: Context) -> Iterator[State]:
    """The state, read from the context and written back."""
    words = context.state.config_records.get(STATE)
    state = State()
    if words is not None:
        users = context.state.array_records[USERS]["users"].numpy()
        keys = list(words["keys"])
        state = State(words["run_date"], list(words["ids"]), words["cutoff"], users, words["key"], keys, words["turn"])
    yield state
    said = {"run_date": state.run_date, "ids": state.ids, "cutoff": state.cutoff, "key": state.key}
    context.state.config_records[STATE] = ConfigRecord({**said, "keys": state.keys, "turn": state.turn})
    context.state.array_records[USERS] = ArrayRecord({"users": Array(state.users)})


def _answer(kind: Kind, message: Message, context: Context) -> Message:
    try:
        with _remembered(context) as state:
            content = desk_of(context).answer(kind, content_of(message.content), state)
        log.info("answered '%s'", kind)
        if kind == "keep":
            log.info(NAMED, content.words["hash"])
        return Message(record_of(content), reply_to=message)
    except Exception as error:  # whatever it is, what it quotes stays here
        log.exception("this branch did not answer '%s'", kind)
        return Message(Error(REFUSED, f"refused ({type(error).__name__}): the branch's log says why"), reply_to=message)


client_app = ClientApp()

for _kind in get_args(Kind):
    client_app.train(_kind)(partial(_answer, _kind))
