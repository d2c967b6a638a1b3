"""The table `entity_events`: the recent days on which more was written about a thing than its past lets expect.

A shop that does not ask for it has no such table.
"""

from collections.abc import Iterable

import pyarrow as pa

from pipeline.publication.night import Night
from pipeline.publication.tables import entity_sentiment
from pipeline.published.contract import Column, PublishedTable

TABLE = PublishedTable(
    name="entity_events",
    grain="one row per thing and recent day that is unusual",
    columns=(
        Column("entity", pa.string(), "the thing, as the documents name it", of=("same entities.unusual(entity)",)),
        Column("day", pa.date32(), "a day of the shop's time zone", of=("same entities.unusual(day)",)),
        Column("texts", pa.int32(), "different texts about it on that day", of=("same entities.unusual(texts)",)),
        Column("expected", pa.float32(), "texts that its past lets expect", of=("same entities.unusual(expected)",)),
        Column(
            "false_share",
            pa.float32(),
            "of the things at least as unusual on that day, about this share is so by chance",
            of=("same entities.unusual(false_share)",),
        ),
        Column(
            "novelty",
            pa.float32(),
            "0: in the words of its past, 1: with none of them; null: nothing was written about it before",
            nullable=True,
            of=("same entities.unusual(novelty)",),
        ),
        Column(
            "words",
            pa.list_(pa.string()),
            "words that tell the day from the past, the most telling first",
            of=("same entities.unusual(words)",),
        ),
        Column(
            "document_id",
            pa.string(),
            "the document that is most like the others of the day",
            of=("same entities.unusual(document_id)",),
        ),
        Column(
            "user_id",
            pa.string(),
            "its author, as the logs or their pseudonyms have it; null: nobody known",
            nullable=True,
            of=("same entities.unusual(user_id)",),
        ),
    ),
    key=("entity", "day"),
    index="entity",
    things=("entity", "things"),
    added_later=True,
)
is_wanted = entity_sentiment.is_wanted


def make(night: Night) -> Iterable[pa.Table]:
    """The unusual days, sorted by day, then by thing."""
    if "entities" in night.words:
        yield entity_sentiment.of_night(night, "unusual", TABLE)
