"""Why a surface does not show a user an item: the first rule that holds, or how far from the list it is."""

from collections.abc import Iterator

import numpy as np

from pipeline.features.read import read_cutoffs
from pipeline.ground import lists
from pipeline.publication.content import told
from pipeline.publication.night import Night
from pipeline.publication.reranking import SurfaceRules
from pipeline.publication.surfaces import OwnHistory
from pipeline.settings.sections.publication import Surface


def why_not(night: Night, surface: Surface, pair: tuple[int, int], shown: np.ndarray) -> list[str]:
    """The rules of a surface that keep an item from a user, in words; never none.

    Args:
        night: the night, with the editors' rules.
        surface: the surface.
        pair: row of the user among the targets, and the item's index.
        shown: [n] indices of the items that the user is shown there.
    """
    found = [*_of_item(night, surface, pair[1]), *_of_user(night, surface, *pair)]
    if found or night.config.pool(surface) in night.fallen_back:
        return found or ["others are bought more: the list is one of best-sellers"]
    return [_place(night, surface, *pair, shown)]


def _of_item(night: Night, surface: Surface, item: int) -> Iterator[str]:
    """Rules that keep it from everybody."""
    yield from (
        f"content check '{name}' holds it back"
        for name in told.why(night.words, night.items.column("item_id")[item].as_py())
    )
    if not night.items.column("available")[item].as_py():
        yield "it cannot be had: withdrawn, sold out, not yet or no longer valid, or not sold for long (`available`)"
    elif not night.showable[surface.name][item] and not night.held[item]:
        yield "the surface chooses from other items: `where`, or older than its max_age_days"
    if night.editing[surface.name].blocked[item]:
        yield "editors have blocked it"


def _of_user(night: Night, surface: Surface, target: int, item: int) -> Iterator[str]:
    """Rules that keep it from this user."""
    user = np.asarray(night.cutoff.targets()[target : target + 1]).astype(np.int64)
    asked = np.array([[item]])
    history = OwnHistory.read(night.cutoff)
    row = history.of(user, night.items.num_rows).rows(np.zeros((1, 1), dtype=np.int64), asked)
    if row[0, 0] >= 0 and not (surface.repeats and read_cutoffs(night.features)[0].repeats):
        yield "the user has had it, and the surface shows nothing twice"
    rules = SurfaceRules.of(night, surface)
    if night.never.disliked[int(user[0]), item] > 0:
        yield "the user dislikes it, is kept from it (exclusions, an owner's own items), or saw it too often"
    elif night.never.limits is not None and night.never.limits.forbidden(user, np.array([item]))[0]:
        yield "it is for other users alone (content.limits), or nothing is known of the user"
    elif night.offers is not None and night.offers.forbidden(user, np.array([item]))[0]:
        yield "it is offered to others alone"
    elif rules.personal and rules.forbidden(user[:, None], asked, row, history.last_age)[0, 0]:
        yield "too soon after the user had it, or too far from the user's usual price (exclude_seen_days, price ratios)"


def _place(night: Night, surface: Surface, target: int, item: int, shown: np.ndarray) -> str:
    """How far from the list it is, or what else than its place may keep it out."""
    pool = night.config.pool(surface)
    items = np.asarray(lists.read_list(night.cutoff.dir_in(night.ensemble), pool, "final")[0][target])
    place = np.flatnonzero(items == item)
    if not len(place):
        return f"it is not among the user's best {int((items >= 0).sum())}"
    rank = int(place[0]) + 1
    if np.isin(items[rank:], shown).any() or rank <= min(surface.k, len(shown)):
        return (
            f"place {rank} of the user's list, and what the surface makes of it has others instead: {_makes(surface)}"
        )
    return f"{rank - 1} items of the user's list are better; the surface shows {surface.k}"


def _makes(surface: Surface) -> str:
    """What a surface does to a list beside cutting it."""
    names = {
        "editors' pins and boosts": True,
        "drawn slots": surface.explore is not None,
        "max_per_category": surface.max_per_category is not None,
        "variants of a product": True,
        "diversity": bool(surface.diversity),
        "long_tail": bool(surface.long_tail),
        "min_exposure": bool(surface.min_exposure),
        "calibrated_mix": bool(surface.calibrated_mix),
        "the limits of its allotment": surface.allot is not None,
        "what a row adds": surface.added is not None,
    }
    return ", ".join(name for name, there in names.items() if there)
