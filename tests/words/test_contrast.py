"""What tells a day: its own words, not those of every day."""

import math

import numpy as np

from pipeline.words import contrast

USUAL = [f"shares of acme rise a bit on day number{n} http://x.test/{n}" for n in range(60)]
NEWS = [f"acme recalls its lamps, shares fall {how}" for how in ("hard", "again", "at once", "https://y.test/1")]


def test_words_of_the_day_tell_it() -> None:
    told = contrast.tell(NEWS, USUAL)
    assert set(told.words) >= {"recalls", "lamps", "fall"}
    assert not {"acme", "shares", "https", "test"} & set(told.words)
    assert 0.5 < told.novelty < 1


def test_a_day_like_any_other_has_no_words_and_nothing_new() -> None:
    told = contrast.tell(USUAL[:4], USUAL[4:])
    assert told.words == ()
    assert told.novelty < 0.5


def test_the_example_is_the_one_like_the_others() -> None:
    assert contrast.tell([*NEWS, "lunch was good today"], USUAL).example < 4
    assert contrast.tell(["lunch was good today", *NEWS], USUAL).example > 0


def test_texts_without_a_past_or_without_words_are_told_as_far_as_can_be() -> None:
    told = contrast.tell(NEWS, [])
    assert math.isnan(told.novelty)
    empty = contrast.tell(["!!", "12 34"], ["..."])
    assert (empty.words, empty.example, math.isnan(empty.novelty)) == ((), 0, True)


def test_the_log_odds_are_those_of_the_source() -> None:
    """Against the formula written out for one word: three of four new texts, one of sixteen old ones."""
    found = contrast._log_odds(np.array([3.0]), np.array([1.0]), 4, 16)[0]
    prior = contrast.PRIOR * 4 / 20
    a, b = 3 + prior, 1 + prior
    c, d = 4 + contrast.PRIOR - a, 16 + contrast.PRIOR - b
    assert math.isclose(found, (math.log(a / c) - math.log(b / d)) / math.sqrt(1 / a + 1 / b + 1 / c + 1 / d))


def test_words_tell_groups_apart() -> None:
    groups = [["the cat sat", "the cat ran"] * 5, ["the dog sat", "the dog ran"] * 5, ["the http://cat.example"]]
    assert contrast.between(groups) == [("cat",), ("dog",), ()]
    assert contrast.between([["!"], ["?"]]) == [(), ()]
    assert contrast.between([]) == []
