"""The tables that a stage writes, with their columns and what these are made of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Any

import pyarrow as pa

from pipeline.answers import schemas as answers
from pipeline.ground import schemas
from pipeline.intake.inputs.table import NightTable
from pipeline.judging.outcomes import OUTCOMES, SLOTS
from pipeline.judging.records import METRICS
from pipeline.lineage import declared, places, raw
from pipeline.lineage.declared import HEEDED, Declared
from pipeline.lineage.origins import EVERY_ROW, Origin, parsed
from pipeline.lineage.places import Place
from pipeline.publication import tables as publication
from pipeline.published.contract import RUN_ID, PublishedTable
from pipeline.settings.config import Config
from pipeline.settings.sections.base import RepeatingSection
from pipeline.sources import SOURCES
from pipeline.sources.registry import source
from pipeline.topics import schemas as topics
from pipeline.words import held
from pipeline.words import schemas as words

LISTS = pa.schema(
    [
        pa.field("user_index", pa.int32()),
        pa.field("item_index", pa.int32()),
        pa.field("score", pa.float32()),
        pa.field("source", pa.string()),
        pa.field("probability", pa.float32()),
    ]
)
"""What ranked lists hold, one row per user and place (pipeline.ground.lists)."""
VECTORS = pa.schema([pa.field("vector", pa.list_(pa.float32())), pa.field("text", pa.string())])
PUBLISH, LIST, VECTOR = "publish", "lists", "vectors"


@dataclass(frozen=True)
class Field:
    """A column: its name, its type, and what it means where somebody says so."""

    name: str
    kind: str
    meaning: str | None = None


@dataclass(frozen=True)
class Table:
    """A table that a stage writes.

    Attributes:
        stage, name: whose, and which.
        place: what it is called outside.
        fields: its columns, as far as they carry.
        columns: what each of them is made of.
        rows: what decides which rows there are.
        about: one row is what, in words.
        copies: further places that have the same rows.
    """

    stage: str
    name: str
    place: Place
    fields: tuple[Field, ...]
    columns: Mapping[str, tuple[Origin, ...]] = field(default_factory=dict)
    rows: tuple[Origin, ...] = ()
    about: str | None = None
    copies: tuple[Place, ...] = ()

    @property
    def origins(self) -> list[Origin]:
        """All that any of it is made of."""
        return [*self.rows, *(origin for found in self.columns.values() for origin in found)]


def of_stage(stage: str, config: Config) -> list[Table]:
    """The tables that a stage can write, in the order of their names; of `publish` the views of the active run too.

    Raises:
        ValueError: nobody says what the stage writes (pipeline.lineage.declared).
    """
    if stage == "ingest":
        return [_of_input(table, config) for table in raw.wanted(config)]
    if stage == PUBLISH:
        return [made for table in publication.published_by(config) for made in _published(table, config)]
    if stage in SOURCES:
        return _of_source(stage, config)
    if stage not in declared.BETWEEN:
        raise ValueError(f"pipeline.lineage.declared does not say what stage '{stage}' writes")
    found = dict(declared.BETWEEN[stage])
    if stage == "outcomes":
        found["outcomes"] = declared.outcomes(OUTCOMES.names)
    return [_declared(stage, name, columns, config) for name, columns in found.items()]


def _declared(stage: str, name: str, columns: Mapping[str, tuple[str, ...]], config: Config) -> Table:
    schema = _schema(stage, name)
    fields = tuple(Field(c, str(schema.field(c).type)) for c in columns if c != EVERY_ROW)
    made = {c: tuple(parsed(said)) for c, said in columns.items() if c != EVERY_ROW}
    rows = tuple(parsed(columns.get(EVERY_ROW, ())))
    return Table(stage, name, places.of_lake(config, stage, name), fields, made, rows)


def _schema(stage: str, name: str) -> pa.Schema:
    """The contract of a table between the stages.

    Raises:
        ValueError: there is none.
    """
    known = {
        ("features", "texts"): schemas.ITEMS,
        ("fine_tune", "texts"): VECTORS,
        ("outcomes", "outcomes"): OUTCOMES,
        ("outcomes", "learned_slots"): SLOTS,
        ("evaluate", "metrics"): METRICS,
        ("languages", "languages"): words.LANGUAGES,
        ("classify", "labels"): words.LABELS,
        ("classify", "wanted"): words.WANTED,
        ("content", "findings"): held.FINDINGS,
        ("entities", "days"): words.ENTITY_DAYS,
        ("entities", "unusual"): words.UNUSUAL_DAYS,
        ("answer", "clusters"): answers.CLUSTERS,
        ("answer", "answers"): answers.ANSWERS,
        ("answer", "unanswered"): answers.UNANSWERED,
        ("answer", "last_asked"): answers.LAST_ASKED,
        ("topics", "topics"): topics.TOPICS,
    }
    found = known.get((stage, name))
    if found is None and name in (LIST, VECTOR):
        found = LISTS if name == LIST else VECTORS
    if found is None and stage == "features":
        found = getattr(schemas, name.upper(), None)
    if found is None:
        raise ValueError(f"there is no schema of {stage}.{name}")
    return found


def made_of(name: str, config: Config) -> dict[str, tuple[str, ...]]:
    """The columns of the features that a source's scores are made of, with its settings in their places."""
    section, said = getattr(config, name), source(name).made_of
    settings = section.model_dump()
    columns = dict(said(section) if callable(said) else said)
    if isinstance(section, RepeatingSection):
        columns["interactions"] = (*columns.get("interactions", ()), "{own}")
    return {
        table: tuple(dict.fromkeys(_filled(column, settings) for column in found)) for table, found in columns.items()
    }


def _filled(column: str, settings: Mapping[str, Any]) -> str:
    return Formatter().vformat(column, (), settings)


def _said(columns: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [f"made features.{table}({', '.join(found)})" for table, found in columns.items()]


def _of_source(name: str, config: Config) -> list[Table]:
    of_features = _said(made_of(name, config))
    given = [f"made {stage}.{'texts' if stage not in SOURCES else VECTOR}(vector)" for stage in SOURCES[name]]
    scores = (*of_features, *given)
    found: Declared = {
        LIST: {
            "user_index": ("same features.targets(user_index)",),
            "item_index": tuple(one.replace("made", "sort", 1) for one in scores),
            "score": scores,
            EVERY_ROW: HEEDED,
        }
    }
    if source(name).vectors is not None:
        vectors_of = source(name).vectors_of
        found[VECTOR] = {"vector": scores if vectors_of is None else (*_said(vectors_of), *given)}
    return [_declared(name, table, columns, config) for table, columns in found.items()]


def _of_input(table: NightTable, config: Config) -> Table:
    fields = tuple(Field(field.name, str(field.type)) for field in table.schema)
    columns, rows = raw.origins(table, config)
    return Table("ingest", table.name, places.of_lake(config, "ingest", table.name), fields, columns, rows)


def _published(table: PublishedTable, config: Config) -> Iterable[Table]:
    """A published table, and its view of the active run."""
    columns = (RUN_ID, *table.columns)
    fields = tuple(Field(column.name, str(column.kind), column.meaning) for column in columns)
    made = {column.name: tuple(parsed(column.of)) for column in columns}
    copies = (places.of_copies(config, table.name),)
    for name, also in ((table.name, copies), (table.view, ())):
        yield Table(PUBLISH, name, places.of_published(config, name), fields, made, (), table.grain, also)


def table_of(stage: str, file: str) -> str | None:
    """The table that a file of a stage's folder is a part of; None: of none that carries.

    Args:
        stage: the stage.
        file: its path in the folder, as manifests have it.
    """
    name = file.rsplit("/", 1)[-1]
    if name.endswith(".parquet"):
        table = name.removesuffix(".parquet").rsplit("-", 1)[-1]  # of an assortment too: <assortment>-labels.parquet
        return table.removeprefix("tuning_")  # as of the day of tuning
    if name.endswith((".scores.npy", ".items.npy", ".sources.npy", ".probability.npy")):
        return LIST
    if name.endswith("vectors.npy") or (name.endswith("_factors.npy") and stage in SOURCES):
        return "texts" if stage == "fine_tune" else VECTOR
    return None
