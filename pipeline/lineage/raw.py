"""The shop's raw files, and what the tables of ingest are made of them: as their mappings say."""

from collections.abc import Iterator
from datetime import date

from pipeline.ground import keeping
from pipeline.ground.errors import InputError
from pipeline.intake import inputs, log_files
from pipeline.intake.inputs.table import InputTable, NightTable
from pipeline.lineage import mappings, places
from pipeline.lineage.mappings import Mapping
from pipeline.lineage.origins import Origin
from pipeline.lineage.places import Place
from pipeline.settings.config import Config
from pipeline.store import urls

STAGE = "raw"
"""Instead of a stage: the shop's files, by the input table that they are mapped to."""
MOST_FILES = 100
"""Names of files that an event lists."""


def wanted(config: Config) -> Iterator[NightTable]:
    """The tables of ingest that the shop has files for, and the refused rows."""
    for table in inputs.nightly():
        if table.files(config) is not None:
            yield table
            yield from (also for also in table.also if table.attributes(config))
    yield inputs.REJECTS


def globs(table: InputTable, config: Config) -> list[Place]:
    """Where a table's files are: a place per glob."""
    source = table.files(config)
    return [] if source is None else [places.of_glob(config, source, glob) for glob in source.given]


def files(table: InputTable, config: Config, night: date | None) -> list[str]:
    """URIs of the files that can be a night's, by their names, or of all; the first of them."""
    source = table.files(config)
    if source is None:
        return []
    try:
        found = log_files.find(source, config, night)
    except InputError:  # said where they are read
        return []
    if table is inputs.EVENTS and night is not None:
        found = [file for file in found if file.is_about(night)]
    named = ((keeping.shown(str(file.path)), file.path) for file in found)
    return sorted(name if urls.is_url(name) else path.absolute().as_uri() for name, path in named)[:MOST_FILES]


def origins(table: NightTable, config: Config) -> tuple[dict[str, tuple[Origin, ...]], tuple[Origin, ...]]:
    """What a table's columns are made of, and what decides which rows it has."""
    owner = _owner(table)
    mapped = mapping(owner, config)
    if mapped is None:
        return {}, ()
    if table is inputs.REJECTS:
        return {"raw": _as("made", _named(owner, mapped))}, ()
    hidden = owner.pseudonyms if config.ingest.pseudonyms else {}
    found = {}
    for column in table.schema.names:
        of = _of(owner, table, column, mapped, config)
        found[column] = tuple(Origin(o.stage, o.table, o.column, o.how, column in hidden) for o in of)
    decides = mapped.rows | mapped.columns.get("arrived_at", {}) | mapped.columns.get("reject_reason", {})
    rows = {name: mapped.rows.get(name, "filter") for name in decides}
    return found, tuple(Origin(STAGE, owner.name, name, how) for name, how in sorted(rows.items()))


def _of(owner: InputTable, table: NightTable, column: str, mapped: Mapping, config: Config) -> tuple[Origin, ...]:
    """What one column is made of."""
    if (said := mapped.columns.get(column)) is not None:
        return _raw(owner, said)
    if column == "value" and owner.described and (table in owner.also or column in owner.made):
        declared = [mapped.columns.get(name.lower(), {}) for name in owner.attributes(config)]
        return _as("made", [origin for one in declared for origin in _raw(owner, one)])
    if column == "event_id":  # a hash of all that the row says
        return _as("made", _named(owner, mapped))
    if column == "rows":
        return _as("sum", _raw(owner, mapped.columns.get("title", {})))
    if mapped.passes and column not in owner.made:
        return (Origin(STAGE, owner.name, column, "same"),)
    return ()


def mapping(table: InputTable, config: Config) -> Mapping | None:
    """A table's mapping, read; None where there is none, or none that can be."""
    source = table.files(config)
    try:
        return None if source is None else mappings.read((config.folder / source.sql).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def columns(table: InputTable, config: Config) -> list[str]:
    """The columns of a table's files that its mapping names, in the order of their names."""
    mapped = mapping(table, config)
    return [] if mapped is None else sorted({origin.column for origin in _named(table, mapped)} | mapped.rows.keys())


def _owner(table: NightTable) -> InputTable:
    """Whose mapping makes a table."""
    for owner in inputs.nightly():
        if table is owner or table in owner.also:
            return owner
    return inputs.EVENTS


def _raw(owner: InputTable, said: dict[str, str]) -> tuple[Origin, ...]:
    return tuple(Origin(STAGE, owner.name, name, how) for name, how in sorted(said.items()))


def _as(how: str, origins: list[Origin] | tuple[Origin, ...]) -> tuple[Origin, ...]:
    return tuple(sorted({Origin(o.stage, o.table, o.column, how) for o in origins}))


def _named(owner: InputTable, mapped: Mapping) -> list[Origin]:
    return [origin for said in mapped.columns.values() for origin in _raw(owner, said)]
