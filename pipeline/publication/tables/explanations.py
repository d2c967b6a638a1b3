"""The table `explanations`: what each source and each kind of knowledge adds to the scores of the first places.

What `nightjar explain` says of one pair (docs/explaining.md), of the first `explanations.ranks` of every list: made
after the lists (AFTER_LISTS), of what they show. A score is a probability, and what is shared out are its log-odds. Of
what no final list has, as best-sellers that fill a list up, everybody's chance is told, and the rest is the rules'.
"""

import shutil
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from pipeline.publication import explained_blocks, shown
from pipeline.publication.explaining import Explained
from pipeline.publication.night import Night
from pipeline.published.contract import OF_RUN, Column, PublishedTable
from pipeline.ranking.known import KNOWN_OF_PAIRS
from pipeline.settings.config import Config

AFTER_LISTS = True
"""See pipeline.publication.tables."""
SHARED_OUT = ("made ensemble.lists(probability, score)", "made fusion.lists(score)", *KNOWN_OF_PAIRS)

TABLE = PublishedTable(
    name="explanations",
    grain="one row per surface, user, rank and driver",
    columns=(
        Column("surface", pa.string(), "the list's name in the configuration", of=OF_RUN),
        Column(
            "user_id",
            pa.string(),
            "the user, as the logs or their pseudonyms have it",
            of=("same features.users(user_id)", "filter features.targets(user_index)"),
        ),
        Column("rank", pa.int32(), "the place in the list", of=("sort ensemble.lists(score, probability)",)),
        Column(
            "driver",
            pa.string(),
            "what speaks for or against it: a source's list, or a kind of knowledge; others: those that add little",
            of=OF_RUN,
        ),
        Column(
            "adds",
            pa.float32(),
            "log-odds that the driver adds; those of a place add up to the log-odds of its score",
            of=SHARED_OUT,
        ),
        Column(
            "item_id",
            pa.string(),
            "what is shown there",
            of=("same features.items(item_id)", "join ensemble.lists(item_index)"),
        ),
        Column(
            "evidence_item_id",
            pa.string(),
            "the item of the user's own history that the reason names, on all rows of a place; null: it names none",
            nullable=True,
            of=("same features.items(item_id)", "join features.interactions(item_index)"),
        ),
    ),
    key=("user_id", "surface", "rank", "driver"),
    index="user_id",
    things=("user_id", "users"),
    added_later=True,
)


def is_wanted(config: Config) -> bool:
    """Whether a shop has the table."""
    return config.explanations.ranks > 0


def make(night: Night) -> Iterable[pa.Table]:
    """The rows by user, in the order of the features, then surface, rank, and driver.

    Raises:
        InputError: lists have no probabilities, the night has no fusion, or its rankers were taught other features.
    """
    work = Explained.of_night(night)
    targets = np.asarray(night.cutoff.targets())
    user_ids, item_ids = night.users.column("user_id"), night.items.column("item_id")
    surfaces, drivers = (pa.array(names, pa.string()) for names in (work.surfaces, work.drivers))
    for block, found in explained_blocks.each(work, night):
        row, surface, rank, item, evidence, driver, adds = found
        evidence = np.where((evidence >= 0) & night.held[evidence], -1, evidence)
        columns = (
            pa.repeat(night.run_id, len(row)),
            surfaces.take(pa.array(surface)),
            user_ids.take(pa.array(targets[block][row])).combine_chunks(),
            rank,
            drivers.take(pa.array(driver)),
            adds,
            item_ids.take(pa.array(item)).combine_chunks(),
            item_ids.take(pa.array(evidence, mask=evidence < 0)).combine_chunks(),
        )
        yield pa.table(dict(zip(TABLE.schema.names, columns, strict=True)), schema=TABLE.schema)
    shutil.rmtree(shown.folder(night.scratch), ignore_errors=True)
