"""What the report calls things: a shop's customers buy products, other logs' users act on items."""

from dataclasses import dataclass

from pipeline.ground.lists import Kind
from pipeline.publication.reasons import people
from pipeline.settings.config import Config


@dataclass(frozen=True)
class Words:
    """Nouns and verbs.

    Attributes:
        person, people: whoever acts.
        thing, things: what they act on.
        acted: what they did, as in "products that were bought".
    """

    person: str = "user"
    people: str = "users"
    thing: str = "item"
    things: str = "items"
    acted: str = "acted on"


SHOP = Words("customer", "customers", "product", "products", "bought")


def of(config: Config) -> Words:
    """The words of a log: a shop's where what its recommendations are for is a purchase."""
    return SHOP if people(config.features.event_types) == SHOP.people else Words()


UNTOUCHED = (
    "Nobody has done anything yet, so the tables are made of the catalogue alone: popular_items has the newest "
    "{things} first, similar_items goes by their texts, and nobody has a list of their own."
)
NOBODY = (
    "Nobody can tell yet whether these lists are better than a list of best-sellers: no {person} who was known on "
    "{cutoff} did anything in the days after it. That needs a log of more than {days} days."
)
FEW = (
    "Hardly anybody can tell yet whether these lists are better than a list of best-sellers: {judged} {people} could "
    "be judged, and so few say nothing in general."
)
"""What tonight's tables are worth where that could not be judged."""

POOL_TITLES: dict[Kind, str] = {"all": "Repeats allowed", "new": "New to the {person} only"}

BUCKETS = {
    ("users", "new"): "{People} with under {new_user_items} {things} so far",
    ("users", "light"): "{People} in between",
    ("users", "heavy"): "{People} with {heavy_user_items} {things} or more",
    ("items", "cold"): "Cold {things}: never {acted}, or for the first time in the last {cold_days} days",
    ("items", "tail"): "Tail: all other {things}",
    ("items", "head"): "Head: the best-selling {things}, {head_share:.0%} of what is {acted}",
}

MEANINGS = {
    "ndcg": "Are hits at the top? 1 if all of the first {k}, or all that was {acted}, is hit in front; 0 if none is.",
    "recall": "Share of what a {person} {acted} that is among the first {deep}.",
    "map": "Precision at the rank of each hit, averaged over what could be hit among the first {k}.",
    "mrr": "1 over the rank of the first hit, 0 if none is among the first {k}.",
    "rare_dcg": "Are hits at the top, where one counts the less the more its item was looked at before?",
    "hit_rate": "Share of {people} with at least one hit among the first {k}.",
    "precision": "Share of the first {k} that was {acted}.",
    "decision_precision": "Of all {things} shown among the first {k}, the share that was {acted} ({people} pooled).",
    "decision_recall": "Of all {things} {acted}, the share that was shown among the first {k} ({people} pooled).",
    "decision_f1": "Harmonic mean of the two before.",
    "coverage": "Share of all {things} ever {acted} that somebody is shown among the first {k}.",
    "novelty": "How little known the shown {things} are: -log2 of the share of {people} who {acted} it, in bits.",
    "diversity": "How unlike each other the texts of a {person}'s first {k} are: 1 - mean cosine of their vectors.",
}


def said(text: str, config: Config, **more: object) -> str:
    """A text with the log's words, and with `more`, in place of its {names}."""
    words = of(config)
    given = {"person": words.person, "people": words.people, "People": words.people.capitalize(), "acted": words.acted}
    return text.format(**given, thing=words.thing, things=words.things, **more)
