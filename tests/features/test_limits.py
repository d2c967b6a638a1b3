"""Who may be shown which limited items, against an answer found pair by pair."""

import numpy as np

from pipeline.features.limits import One, together


def is_unsaid(value: object) -> bool:
    return value is None or str(value) == "nan"


def asked_one_by_one(limit: One, user: int, item: int) -> bool:
    asked, known = limit.asked[item], limit.known[user]
    if is_unsaid(asked):
        return True
    if is_unsaid(known):
        return False
    words = {word.strip().lower() for word in str(asked).split(",")}
    return known.strip().lower() in words if limit.among else bool(known >= asked)


def test_an_item_must_pass_all_limits_and_who_is_unknown_gets_no_limited_item() -> None:
    rng = np.random.default_rng(0)
    users, items = 50, 60
    of_ages = (
        np.where(rng.random(users) < 0.3, np.nan, rng.integers(10, 30, users)),
        rng.choice([np.nan, 16.0, 18.0], items),
    )
    words = np.array(["DE", "at", " fr ", None], dtype=object)[rng.integers(0, 4, users)]
    regions = np.array(["de, AT", "FR", None, "US,FR", ""], dtype=object)[rng.integers(0, 5, items)]
    limits = [One(of_ages[1], of_ages[0], among=False), One(regions, words, among=True)]
    made = together(limits)
    user, item = np.meshgrid(np.arange(users), np.arange(items), indexing="ij")
    expected = np.array(
        [[not all(asked_one_by_one(one, u, i) for one in limits) for i in range(items)] for u in range(users)]
    )
    assert (made.forbidden(user, item) == expected).all()
    assert not made.forbidden(np.array([0]), np.array([-1])).any()
    shown = rng.random(items) < 0.5
    assert made.withheld(shown).tolist() == expected[:, shown].sum(axis=1).tolist()
    assert made.limited.tolist() == [
        not np.isnan(age) or place is not None for age, place in zip(of_ages[1], regions, strict=True)
    ]


def test_one_limit_of_nobody_known_leaves_what_asks_for_nothing() -> None:
    made = together([One(np.array([np.nan, 18.0]), np.full(3, np.nan), among=False)])
    users = np.arange(3)[:, None]
    assert made.forbidden(users, np.array([[0, 1]])).tolist() == [[False, True]] * 3
