"""What is said about a long loop: how much is done, and how long the rest takes."""

import logging

import pytest

from pipeline.ground import progress


def test_the_time_left_is_at_the_rate_so_far(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    clock = iter([0.0, 5.0, 30.0, 40.0, 60.0, 90.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with caplog.at_level(logging.INFO):
        said = progress.track("als: lists", 4000, every=20)
        for done in (100, 1000, 1100, 2000, 4000):  # after 5, 30, 40, 60 and 90 seconds
            said(done)
    assert [record.message for record in caplog.records] == [
        "als: lists: 1,000 of 4,000, 90 s left",
        "als: lists: 2,000 of 4,000, 60 s left",
    ]


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (99, "99 s"), (600, "10 min"), (11_100, "3 h 5 min")])
def test_a_duration_in_words(seconds: float, words: str) -> None:
    assert progress.duration(seconds) == words
