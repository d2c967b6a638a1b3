"""What belongs to the user's items: the coupon for what they buy, the other size of what they have.

Links between items are an input of their own (ingest.links); where a log names none, no list is made. Evidence goes
along a link both ways, so that an item is worth

    linked          how many of the items it belongs to, or that belong to it, the user has
    linked_lately   the same, each with the user's decayed history instead of 1
    linked_spent    the same, each with what the user spent on it: only where the log has prices
    linked_alike    the user's decayed history of items that belong to the same ones, as far as they do (cosine)
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import NonNegativeFloat

from pipeline.engine import Bound
from pipeline.features.read import Cutoff
from pipeline.ground.artifacts import Memo
from pipeline.settings.config import Config
from pipeline.settings.sections.base import Decay, SourceSection
from pipeline.sources.candidates import Score, make_parts, write_source
from pipeline.sources.contract import CandidateList, Source
from pipeline.sources.user_knn import normalised

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class Linked(SourceSection):
    """What belongs to the user's items, where the log has links."""

    values: Decay = "decay_90"
    """Own history that goes along the links."""
    ties: NonNegativeFloat = 1e-3
    """What of the decayed history is added to the number of items, so that equal numbers have an order."""


SOURCE = Source(
    Linked,
    lists=(
        CandidateList("linked", "Belongs to what they have"),
        CandidateList("linked_lately", "Belongs to what they had lately"),
        CandidateList("linked_spent", "Belongs to what they spent on"),
        CandidateList("linked_alike", "Belongs to the same"),
    ),
    made_of={"interactions": ("{values}", "count", "spent"), "links": ("item_index", "linked_index")},
)


def along(history: "csr_matrix", links: "csr_matrix") -> Score:
    """A function users [B] -> scores [B, I] CSR: the history [U, I] of all that an item is linked with, either way."""
    both = (links + links.T).sign().tocsr()

    def score(users: np.ndarray) -> "csr_matrix":
        return (history[users] @ both).tocsr()

    return score


def alike(history: "csr_matrix", links: "csr_matrix") -> Score:
    """A function users [B] -> scores [B, I] CSR: the history [U, I] times the cosine of what two items belong to.

    Items by items are never multiplied out: a thousand coupons of a thousand products each are a million links.
    """
    belongs = normalised(links)
    members = belongs.T.tocsr()

    def score(users: np.ndarray) -> "csr_matrix":
        return (history[users] @ belongs @ members).tocsr()

    return score


def scores(cutoff: Cutoff, section: Linked, links: "csr_matrix") -> dict[str, Bound[Score]]:
    """The scores of every list, by its name."""
    lately = cutoff.matrix(section.values)
    having = cutoff.matrix("count")
    counted = having.sign() + lately * np.float32(section.ties / max(lately.data.max(initial=0), 1))
    found = {
        "linked": Bound(along, {"history": counted.tocsr(), "links": links}),
        "linked_lately": Bound(along, {"history": lately, "links": links}),
        "linked_alike": Bound(alike, {"history": lately, "links": links}),
    }
    spent = cutoff.matrix("spent")
    spent.data = np.nan_to_num(spent.data)
    return found | ({"linked_spent": Bound(along, {"history": spent, "links": links})} if spent.data.any() else {})


def run(*, features: Path, config: Config, section: Linked, memo: Memo) -> dict[str, Any]:
    """Write the lists of every cut-off at which links were known."""

    def make(cutoff: Cutoff, previous: Path | None, folder: Path) -> None:
        links = cutoff.links()
        if links is None:
            return
        for name, score in scores(cutoff, section, links).items():
            write_source(folder, name, cutoff, score, section=section, config=config, above=0.0)

    return make_parts("linked", make, features=features, memo=memo, config=config, tables=("interactions", "links"))
