"""What a user dislikes or is kept from is in no list of theirs, neither to fill it up nor where editors pin it."""

from pathlib import Path

from tests.publication.published_shop import recommended
from tests.publication.test_editorial import edited, rule
from tests.small_shop import go

FOR_U2 = {"i3", "i6"}
"""What the models chose for u2; lists are filled up from the popular ones, i0 and i1 first."""


def shown(items: list[tuple[int, str, str, str]]) -> list[str]:
    return [item for _, item, _, _ in items]


def test_a_list_is_not_filled_up_with_it(tmp_path: Path) -> None:
    plain, kept = edited(tmp_path / "plain"), edited(tmp_path / "kept", disliked=[(2, 0), (1, 1)])
    for made in (plain, kept):
        go(made)
    before, after = (shown(recommended(made, "for_you", "u2")) for made in (plain, kept))
    assert "i0" in set(before) - FOR_U2
    assert "i0" not in after
    assert len(after) == len(before)
    assert set(before) - {"i0"} < set(after)


def test_editors_pin_it_for_everybody_else(tmp_path: Path) -> None:
    made = edited(tmp_path, rule("pin", "i7", surface="for_you", rank=1), disliked=[(1, 7)])
    go(made)
    first = {user: shown(recommended(made, "for_you", user)) for user in ("u0", "u1", "u2")}
    assert first["u0"][0] == first["u2"][0] == "i7"
    assert "i7" not in first["u1"]
