"""The benchmark of threads, against turns whose nearest are known."""

import numpy as np
import pytest

from benchmarks import threads
from pipeline.answers import exact


def test_turns_that_say_nothing_are_found_by_what_their_chat_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"a": ["asks a"], "b": ["asks b"], "ok": [threads.CONTENT]}
    rows = [(chat, text, said[text]) for chat in range(4) for text in ("ab"[chat // 2], "ok")]
    vectors = exact.rounded(np.eye(3, dtype=np.float32))
    monkeypatch.setattr(threads, "NEAREST", 1)
    found = list(threads.of_trade(rows, vectors, {"a": 0, "b": 1, "ok": 2}))
    share = {row["by"]: (row["share@1"], row["turns"]) for row in found if row["seek"] == "content"}
    assert share["meaning, thread_words 0.0"] == (
        0.5,
        2,
    )  # both "ok" are the same: the first is of chat 0, which asks a
    assert share["meaning, thread_words 4.0"] == (1.0, 2)


def test_differences_are_resampled_by_what_they_are_of() -> None:
    many = np.repeat(np.arange(50), 20)
    alone = threads.above(np.repeat(np.tile([0.0, 1.0], 25), 20), many)["above alone"]
    assert alone[0] == 0.5
    assert alone[2] - alone[1] > 0.2  # 50 things, and not 1,000
