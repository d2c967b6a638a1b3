"""Flower's simulation of a fit in one process, by Flower's own messages and apps: run by the Python that has Flower.

python -m tests.federated.flower_in_process RUN_DATE MASKED PIPELINE_TOML...
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flwr.app import Context, Message, RecordDict
from flwr.serverapp import Grid
from flwr.supercore.task_identity import TaskIdentity  # what Flower's own processes set before they start an app

from pipeline.federated.flower import client_app, serve


class OneProcess(Grid):
    """Hands each message to the branch's app at once, and keeps what comes back."""

    def __init__(self, files: Iterable[str]) -> None:
        self.contexts = {
            node: Context(1, node, {"config": file}, RecordDict(), {}) for node, file in enumerate(files, start=1)
        }
        self.sent: list[Message] = []

    def set_run(self, run: Any) -> None: ...

    @property
    def run(self) -> Any: ...

    def create_message(self, *given: Any, **named: Any) -> Message:
        raise NotImplementedError

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        raise NotImplementedError

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        raise NotImplementedError

    def get_node_ids(self) -> Iterable[int]:
        return list(self.contexts)

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        replies = [client_app(message, self.contexts[message.metadata.dst_node_id]) for message in messages]
        self.sent += replies
        return replies


def main(run_date: str, masked: str, *files: str) -> None:
    """Fit, and print what left the branches: kinds, names of words, shapes of arrays."""
    TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 0, 1
    grid = OneProcess(files)
    words = {"run-date": run_date, "masked": masked == "true", "branches": len(files), "fewest-branches": 2}
    serve(grid, Context(1, 0, {}, RecordDict(), {**words, "timeout-seconds": 60, "seed": 0}))
    print(json.dumps([_described(reply) for reply in grid.sent]))


def _described(reply: Message) -> dict[str, Any]:
    if reply.has_error():
        return {"error": reply.error.reason}
    words = {name: sorted(record) for name, record in reply.content.config_records.items()}
    arrays = [
        [list(array.numpy().shape) for array in record.values()] for record in reply.content.array_records.values()
    ]
    return {"kind": reply.metadata.message_type, "words": words, "arrays": arrays}


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main(*sys.argv[1:])
