"""Raw files through the shop's mappings into DuckDB's staged tables: cast, judged, with the night each row arrived."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
from duckdb import CaseExpression, ColumnExpression, ConstantExpression, StarExpression

from pipeline.ground import artifacts, confinement, sql, zones
from pipeline.ground.errors import InputError
from pipeline.intake import (
    cut_lines,
    delivery,
    failing_rows,
    ids,
    inputs,
    last_rows,
    late_rows,
    log_files,
    logs,
    mapping,
    other_nights,
)
from pipeline.intake.inputs import EVENTS, InputTable, NightTable
from pipeline.intake.mapping import map_raw, running
from pipeline.intake.one_key import one_key
from pipeline.intake.spill import spilling
from pipeline.privacy import pseudonyms, suppression
from pipeline.privacy.suppression import Suppressed
from pipeline.settings.config import Config
from pipeline.settings.sections.data import InputFiles

_definitions: dict[tuple[str, pa.Schema], str] = {}
"""The statements that make tables without a row: to ask Arrow for their columns takes several times as long."""
PLAIN = "plain"
"""The table of a mapping's rows that still name people, where they are not to be staged like this."""


@contextlib.contextmanager
def staged(
    config: Config, last: date, scratch: Path, night: date | None = None, is_closed: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with a table staged_<name> for each table of a night, and duplicates, faults and other_nights.

    What other nights of the lake have taken already is looked up there: earlier ones keep it (duplicates), later ones
    have to give it up (other_nights, see pipeline.intake.precedence).

    Args:
        config: the files, and the lake.
        last: rows that arrive later are not looked at.
        scratch: an existing folder for what does not fit in memory; left as it was.
        night: read only the files that can hold this night's rows, which alone is about to be written; default: all.
        is_closed: whether it has no log (`delivery.is_closed`): only what comes beside it is staged.
    Raises:
        InputError: a file is missing or unreadable, or a mapping does not run; ids would get other pseudonyms than
            those in the lake, or days are of another time zone.
    """
    require_one_zone(config, last, continues=night is not None)
    log, delivered = delivery.log_of(config), delivery.NOTHING if is_closed else delivery.find(config, night)
    continues = night is not None and bool(artifacts.partitions_until(config.lake, "ingest", night - timedelta(days=1)))
    with suppression.lock(config, alone=False), one_key(config, last, continues), spilling(scratch) as spill:
        connection = sql.connect(config.threads, config.memory_limit_mb, spill, config.timezone)
        try:
            folders = (config.lake / "ingest", config.lake_of_nights / "ingest", spill)
            paths = [file.path for file in delivered.files]
            confinement.confine(connection, [*paths, *_declared(config, night)], folders, config.ingest.max_spill_mb)
            stage = _Stage(connection, config, suppression.read(config), last, night)
            if is_closed:
                stage.no_events()
            else:
                late_rows.note_sizes(connection, config, paths)
                mapping.read(connection, inputs.nightly(), log, delivered.files, config)
                stage.events(log, [str(file.path) for file in delivered.again])
            stage.others(log, night)
            yield connection
        finally:
            connection.close()


def require_one_zone(config: Config, last: date, continues: bool) -> None:
    """Refuse to mix days of two time zones in one history.

    Args:
        config: the zone.
        last: the last night that is about to be written.
        continues: whether earlier nights stay as they are; if not, all up to `last` are written anew.
    Raises:
        InputError: the nights that stay have days of another zone.
    """
    finished = artifacts.partitions_until(config.lake, "ingest", date.max)
    stays = [f for f in finished if artifacts.run_date_of(f) > last or (continues and artifacts.run_date_of(f) < last)]
    zones.require_one(stays[-1:], config.timezone, max(map(artifacts.run_date_of, stays), default=last))


def _declared(config: Config, night: date | None) -> Iterator[Path]:
    """The files of the inputs beside the log that are a night's, or all of them; a mapping can reach no others."""
    for table in inputs.nightly():
        if table is not EVENTS and (source := table.files(config)) is not None:
            yield from (file.path for file in logs.find(source, config, night))


@dataclass(frozen=True)
class _Stage:
    """Makes the staged tables of the files in `raw`.

    Attributes:
        connection: where they are made.
        config: how rows are read.
        forgotten: whose rows are not taken.
        last: the last night that is written.
        night: the only one; None: all up to the last.
    """

    connection: duckdb.DuckDBPyConnection
    config: Config
    forgotten: Suppressed
    last: date
    night: date | None

    def events(self, source: InputFiles, again: Sequence[str]) -> None:
        """The log, and what only it has: a night for rows without a time or a late one, repeated and refused rows.

        Of the files `again` it is noted that the night has read them, even if nothing of them is new.
        """
        last, night = self.last, self.night
        for name in ("faults_none", "input_rows_none", "late_none", "place_in_file"):
            self._run(name)
        given = self._mapped_log(source)
        finished = artifacts.partitions_until(self.config.lake, "ingest", night - timedelta(days=1)) if night else []
        # where nothing tells the night of a row, the first night that sees it is as good as any
        fallback = artifacts.run_date_of(finished[0]) if finished else last
        for name in ("event_files", "nightless", "undated", "lines", "left_out", "log_entries"):
            self._run(name, fallback=fallback)
        other_nights.look_up(self.connection, self.config, last, night)
        if night:
            others = other_nights.staying(self.connection, self.config, last, night)
            cut_lines.take_late(self.connection, self.config, night, others)
        self._run("seen", again=again, night=night)
        last_rows.note(self.connection, self.config)
        if "event_id" in given:
            other_nights.read_what(self.connection, self.config, last, night)
        self._run("duplicates", last=last)
        settings = self.config.ingest
        self._run("rejects", max_raw_characters=settings.max_raw_characters, keep_raw=not settings.pseudonyms)
        if self.forgotten.hashes:
            self._run("forgotten_rejects", **self.forgotten.parameters())

    def no_events(self) -> None:
        """The tables of a night without a log, as far as a night's files are made of them."""
        for name in ("faults_none", "input_rows_none", "duplicates_none"):
            self._run(name)
        reason = ConstantExpression(None).cast("varchar").alias("reason")
        self.connection.from_arrow(EVENTS.empty()).select(StarExpression(), reason).create(EVENTS.staged)
        stage_none(self.connection, inputs.REJECTS)

    def _mapped_log(self, source: InputFiles) -> set[str]:
        """Make staged_events; rows on which the mapping fails are refused, where they are few. What it selects."""
        try:
            given = map_raw(self.connection, EVENTS, source, self.config)
            self._table(EVENTS, source, self.config.ingest.arrival)
        except mapping.FailsOnRowError as error:
            failing_rows.refuse(self.connection, source, self.config, error)
            given = map_raw(self.connection, EVENTS, source, self.config)
            self._table(EVENTS, source, self.config.ingest.arrival)
        return given

    def others(self, log: InputFiles, night: date | None) -> None:
        """The inputs beside the log, none of which a shop must have; files that are in `raw` are not read again.

        What rows say was known before the log began is known since its first night.
        """
        in_raw, first = log, night or self._first_night()
        for table in inputs.nightly():
            if table is EVENTS:
                continue
            source = table.files(self.config)
            if source is None or not (files := logs.find(source, self.config, night)):
                for kept in (table, *table.also):
                    stage_none(self.connection, kept)
                continue
            if not logs.same_raw(source, in_raw):
                mapping.read(self.connection, inputs.nightly(), source, files, self.config)
                in_raw = source
            try:
                self._beside(table, source, first, in_raw is not log and log_files.is_catalogue(source, files))
            except mapping.FailsOnRowError as error:
                raise failing_rows.placed(self.connection, source, self.config, error) from None

    def _beside(self, table: InputTable, source: InputFiles, first: date, is_catalogue: bool) -> None:
        given = map_raw(self.connection, table, source, self.config)
        if is_catalogue and not {"arrived_at", table.happened} & given:
            self._run("catalogue", known=first)
            self._table(table, source, "file")
        else:
            arrival = _arrival(table, source, given)
            self._table(table, source, arrival, date.min if self.night or arrival == "file" else first)

    def _first_night(self) -> date:
        """The first night on which a row of the log arrived; the last one where none did."""
        ((first,),) = sql.execute(self.connection, "ingest/span", staged=EVENTS.staged, last=self.last).fetchall()
        return self.last if first is None else date.fromisoformat(str(first))

    def _first_of_all(self) -> date:
        """The first night of the lake, as far as it is known: where rows count that say of no night."""
        if self.night is None:
            return self._first_night()
        finished = artifacts.partitions_until(self.config.lake, "ingest", self.night - timedelta(days=1))
        return artifacts.run_date_of(finished[0]) if finished else self.night

    def _table(self, table: InputTable, source: InputFiles, arrival: str, since: date = date.min) -> None:
        """Make staged_<table> of what the mapping gives: cast, without the forgotten, ids as they may be kept.

        Nothing of it arrived before `since`; a row without a night is counted among those of no use.
        """
        forgets = bool(self.forgotten.hashes and table.person)
        hides = bool(self.config.ingest.pseudonyms and table.pseudonyms)
        with running(self.connection, source, self.config):
            self._cast(table, arrival, since).create(PLAIN if forgets or hides else table.staged)
            for kept in table.also:
                sql.select(self.connection, f"ingest/{kept.name}").create(kept.staged)
        if not (forgets or hides):
            return
        rows = self._without_forgotten(table) if forgets else self.connection.table(PLAIN)
        if hides:
            pseudonyms.hide(self.connection, rows, table.pseudonyms, into=table.staged)
        else:
            rows.create(table.staged)
        self._run("plain_none")

    def _cast(self, table: InputTable, arrival: str, since: date) -> duckdb.DuckDBPyRelation:
        settings = self.config.ingest
        bound: dict[str, object] = {
            "arrival": arrival,
            "earliest": settings.earliest,
            "event_types": sorted(self.config.features.event_types),
            "max_id_bytes": settings.max_id_bytes,
            "fallback": self.last if table is EVENTS else self._first_of_all(),
        }
        declared = table.attributes(self.config)
        bound |= {"names": list(declared), "kinds": list(declared.values()), "since": since}
        for name in table.before:
            sql.execute(self.connection, name, **bound)
        rows = _since(sql.select(self.connection, f"ingest/{table.name}", **bound), since)
        return rows if table.refuses else rows.filter(ids.usable(table, settings.max_id_bytes))

    def _without_forgotten(self, table: InputTable) -> duckdb.DuckDBPyRelation:
        """The rows of PLAIN; those about somebody who asked to be forgotten are refused, or left out."""
        person = list(table.person)
        self._run("forgotten", person=person, **self.forgotten.parameters())
        if table.thing and self.forgotten.things:
            self._run("forgotten_things", person=person, thing=table.thing, **self.forgotten.of_things())
            return sql.select(self.connection, "ingest/forgotten_things_left_out", person=person, thing=table.thing)
        does = "forgotten_refused" if table.refuses else "forgotten_left_out"
        return sql.select(self.connection, f"ingest/{does}", person=person)

    def _run(self, name: str, **params: object) -> None:
        sql.execute(self.connection, f"ingest/{name}", **params)


def stage_none(connection: duckdb.DuckDBPyConnection, table: NightTable) -> None:
    """Make staged_<table>, without a row."""
    kind = (table.name, table.schema)
    if kind in _definitions:
        connection.execute(_definitions[kind])
        return
    connection.from_arrow(table.empty()).create(table.staged)
    ((_definitions[kind],),) = sql.execute(connection, "ingest/definition", staged=table.staged).fetchall()


def _since(rows: duckdb.DuckDBPyRelation, first: date) -> duckdb.DuckDBPyRelation:
    """Rows of which none arrived before a day."""
    if first == date.min:
        return rows
    arrived, day = ColumnExpression("arrival"), ConstantExpression(first)
    later = CaseExpression(arrived < day, day).otherwise(arrived)  # null stays null
    return rows.select(later.cast("date").alias("arrival"), StarExpression(exclude=["arrival"]))


def _arrival(table: InputTable, source: InputFiles, given: set[str]) -> str:
    """What says which night a row arrived: the mapping's arrived_at, its file's name, or when it happened."""
    if "arrived_at" in given:
        return "arrived_at"
    if table.happened in given and not source.daily:
        return "happened"
    if not source.daily:
        raise InputError(
            f"{source.sql} must select arrived_at, the time a row of {table.name} became known, "
            f"unless the date is in the files' names ({table.name}/{{year}}-{{month}}-{{day}}.csv), or it is a file of "
            "its own with all that there is"
        )
    return "file"
