"""What the registry says of a table: its columns, what a mapping selects, whose ids are in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from pipeline.privacy.pseudonyms import Purpose
from pipeline.settings.config import Config
from pipeline.settings.sections.data import AttributeKind, DescribedInputFiles, InputFiles

PLACE = frozenset({"_file", "_row"})
"""Columns of `raw` that say where a row stands: its file, and its number over all files."""


@dataclass(frozen=True)
class NightTable:
    """A table of which ingest keeps a file per night.

    Attributes:
        name: of the table, its file and its staged rows.
        schema: the contract; its columns stand nowhere else.
        person: columns, in the schema's order, that name the person a row is about; of several the first that is not
            null does. Such a row is not taken once the person asked to be forgotten, and is removed by `forget`.
        thing: the column of what a row is about, where a row need not name the person a second time: rows about a thing
            that name nobody are those of whom another row of it names; "": every row names its own, or nobody.
        free_text: columns in whose text an id may stand anywhere; a row that has it there is removed as well.
        mentions: columns of text, and ids of other things, in which a row about somebody else may have an id as well:
            `forget` counts such rows, and takes the id out where it is told to.
        dictionary: columns whose values repeat; a dictionary of the others costs time and space.
        night: the statement that gives the kept rows of a range of nights, in the order of their partitions: `arrival`,
            then the contract's columns. Bound to $first, $last and $staged.
        sparse: whether a night without a row of it has no file of it, as that of a shop that has no such input.
    """

    name: str
    schema: pa.Schema
    person: tuple[str, ...] = ()
    thing: str = ""
    free_text: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    dictionary: tuple[str, ...] = ()
    night: str = "ingest/night"
    sparse: bool = False

    def __post_init__(self) -> None:
        given = {
            "person": self.person,
            "thing": (self.thing,) if self.thing else (),
            "free_text": self.free_text,
            "mentions": self.mentions,
            "dictionary": self.dictionary,
        }
        for what, columns in given.items():
            self._require(what, columns, self.schema.names)
        if list(self.person) != [name for name in self.schema.names if name in self.person]:
            raise ValueError(f"{self.name}: person must be in the order of the schema")

    def _require(self, what: str, columns: object, known: object) -> None:
        """Raise ValueError unless all of `columns` are known."""
        if unknown := sorted(set(columns) - set(known)):  # type: ignore[call-overload]
            raise ValueError(f"{self.name}: {what} names {unknown}, which are no such columns")

    @property
    def staged(self) -> str:
        """The DuckDB table of its rows, with the night each arrived."""
        return f"staged_{self.name}"

    def path(self, folder: Path) -> Path:
        """Its file in a night's folder."""
        return folder / f"{self.name}.parquet"

    def empty(self) -> pa.Table:
        """Its staged rows, none: `arrival` and the contract's columns."""
        return pa.schema([pa.field("arrival", pa.date32()), *self.schema]).empty_table()


def refused(name: str) -> NightTable:
    """The rows of an input that break its contract: where each stands and why, without what it says."""
    columns = [
        pa.field("file", pa.string(), nullable=False),
        pa.field("row", pa.int64()),  # 1-based data row in the file
        pa.field("reason", pa.string(), nullable=False),
    ]
    return NightTable(name=name, schema=pa.schema(columns), dictionary=("file", "reason"), sparse=True)


@dataclass(frozen=True, kw_only=True)
class InputTable(NightTable):
    """A table that the shop maps from files of its own. Of a nightly one, sql/ingest/<name>.sql casts what it selects.

    That statement is one SELECT from mapped_<name> and log_files that gives `arrival` and the contract's columns; it
    may use $arrival ("arrived_at", "file", of events also "event_time"), $earliest, $event_types and $max_id_bytes. Ids
    come as pipeline.intake.ids makes them, with its column id_fault.

    Attributes:
        needed: columns that a mapping must select.
        beside: columns that it may select beside the contract's.
        made: columns of the contract that it may not select, as the pipeline makes them.
        ids: columns of ids; a row in which one is longer than ingest.max_id_bytes, or missing where the contract has no
            nulls, is left out, or refused by the statement.
        pseudonyms: what each id that ingest.pseudonyms replaces is the id of, which decides the key.
        before: statements that run before it with the same parameters: tables that it needs, and rows of the table
            `faults`, which says what of its rows is of no use where none is refused.
        refuses: whether the statement gives a column `reason`, and rows that have one are kept among the refused.
        section: of the configuration, where its files are named under its own name.
        nightly: whether rows are kept by the night they arrived; others are read whenever they are needed.
        also: further tables that are made of its rows and kept beside it, each by sql/ingest/<its name>.sql.
        described: whether a shop may declare attributes, columns of its own that its mapping must select; the statement
            finds their values as text in the list `attributes`, in the order of $names and their $kinds.
        happened: the column with the time of what a row tells of, which is when it became known where neither the
            mapping's arrived_at nor the name of a file a day says it: $arrival is then "happened"; "": none.
    """

    needed: frozenset[str]
    beside: frozenset[str] = PLACE
    made: frozenset[str] = frozenset()
    ids: tuple[str, ...] = ()
    pseudonyms: Mapping[str, Purpose] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    refuses: bool = False
    section: str = "ingest"
    nightly: bool = True
    also: tuple[NightTable, ...] = ()
    described: bool = False
    happened: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("made", self.made, self.schema.names)
        self._require("needed", self.needed, self.columns)
        self._require("ids", self.ids, self.schema.names)
        self._require("person", self.person, self.ids)
        self._require("pseudonyms", self.pseudonyms, self.ids)

    @property
    def columns(self) -> frozenset[str]:
        """What a mapping may select."""
        return (frozenset(self.schema.names) | self.beside) - self.made

    @property
    def key(self) -> str:
        """Where the configuration names its files, e.g. "ingest.events"."""
        return f"{self.section}.{self.name}"

    def attributes(self, config: Config) -> dict[str, AttributeKind]:
        """What the configuration declares of it, in the order of the names; none where it may not."""
        found = self.files(config) if self.described else None
        return dict(sorted(found.attributes.items())) if isinstance(found, DescribedInputFiles) else {}

    def files(self, config: Config) -> InputFiles | None:
        """The configuration's section about it; None where the shop has none."""
        found: InputFiles | None = getattr(getattr(config, self.section), self.name)
        return found
