"""The table `entity_sentiment`: how much was written about each thing lately, in what tone, and how unlike its past.

A shop that does not ask for it has no such table.
"""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.publication.night import Night
from pipeline.published.contract import Column, PublishedTable
from pipeline.settings.config import Config


def _tone(name: str, meaning: str) -> Column:
    return Column(name, pa.float32(), meaning, nullable=True, of=(f"same entities.days({name})",))


TABLE = PublishedTable(
    name="entity_sentiment",
    grain="one row per thing and recent day on which something was written about it",
    columns=(
        Column("entity", pa.string(), "the thing, as the documents name it", of=("same entities.days(entity)",)),
        Column("day", pa.date32(), "a day of the shop's time zone", of=("same entities.days(day)",)),
        Column("texts", pa.int32(), "different texts about it", of=("same entities.days(texts)",)),
        Column("labelled", pa.int32(), "documents whose tone is known", of=("same entities.days(labelled)",)),
        _tone("mean", "of the tone, in the units of entities.values; null: no tone is known"),
        _tone("low", "the lower end of its 95 % interval"),
        _tone("high", "the upper end"),
        _tone("usual", "the mean of its past_days before; null: nothing is known of them"),
        _tone("change", "mean - usual"),
        _tone("change_low", "the lower end of its 95 % interval; null: the past has a tone on fewer than two days"),
        _tone("change_high", "the upper end"),
    ),
    key=("entity", "day"),
    index="entity",
    things=("entity", "things"),
    added_later=True,
)


def is_wanted(config: Config) -> bool:
    """Whether a shop has the table."""
    return config.entities.enabled


def make(night: Night) -> Iterable[pa.Table]:
    """The days, sorted by thing, then by day."""
    if "entities" in night.words:
        yield of_night(night, "days", TABLE)


def of_night(night: Night, name: str, table: PublishedTable) -> pa.Table:
    """A table of the stage `entities` as it is published: with the run, and without items that are held back."""
    rows = pq.read_table(night.words["entities"] / f"{name}.parquet")
    if night.held.any():
        held = night.items.column("item_id").filter(pa.array(night.held)).combine_chunks()
        rows = rows.filter(pc.invert(pc.is_in(rows.column("entity"), value_set=held)))
    run_id = pa.repeat(night.run_id, rows.num_rows)
    columns = [run_id if column == "run_id" else rows.column(column) for column in table.schema.names]
    return pa.Table.from_arrays(columns, schema=table.schema)
