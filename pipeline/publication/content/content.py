"""What of a night's items and documents is harmful or unwanted, as its checks say; a stage of shops that name some.

    findings.parquet    what each check found, and whether that holds it back (pipeline.words.held)
    labelled.parquet    the documents that checks of labels found, those that look at items alone too
    review.parquet      the same for editors, the most urgent first (pipeline.publication.content.queue)
    limited.parquet     what is known of users that limits ask about
    authors.parquet     who wrote, or is known, what is in here

Word lists and editors' rules are read anew each night. Nothing is read that arrived after the night.
"""

import logging
import shutil
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.features.limits import LIMITED
from pipeline.features.read import read_cutoffs, read_items, read_users
from pipeline.ground import artifacts, keeping, sql
from pipeline.ground.errors import InputError
from pipeline.intake.inputs.documents import DOCUMENTS
from pipeline.intake.inputs.items import ITEMS
from pipeline.intake.inputs.table import NightTable
from pipeline.intake.inputs.users import USERS
from pipeline.publication import editorial
from pipeline.publication.content import labelled, phrases, queue
from pipeline.publication.editorial import EditorialRules
from pipeline.settings.config import Config
from pipeline.settings.sections.content import EDITORS, Content
from pipeline.words.classify import AUTHORS
from pipeline.words.documents import Documents, authors_of
from pipeline.words.held import FILE, FINDINGS

log = logging.getLogger(__name__)

Report = dict[str, Any]
MUCH = 0.1
"""Share of the items from which on the log warns that they are held back."""
TEXTS = pa.schema([("id", pa.string()), ("text", pa.string())])
FOUND = pa.schema(
    [("id", pa.string()), ("check_name", pa.string()), ("label", pa.string()), ("probability", pa.float32())]
)
"""What a check found in an item or document: `label` is the label, or the word."""


def run(
    *,
    ingest: Path,
    features: Path,
    classify: Path | None = None,
    run_date: date,
    section: Content,
    config: Config,
    out: Path,
) -> Report:
    """Look for what is harmful or unwanted.

    Args:
        ingest: the night's; items, documents and users of all nights up to it are read.
        features: the night's items, and who acted on them.
        classify: the night's, of a shop whose documents get labels.
        run_date: the night.
        section, config: the settings.
        out: receives what is said above.
    Returns:
        Of each check how many items and documents it finds and how many of them are held back, and what word lists and
        editors said.
    Raises:
        InputError: a word list or an editors' rule is none; names file and line.
    """
    night = artifacts.run_date_of(ingest)
    sets = sorted({check.label_set for check in section.checks if check.label_set is not None})
    documents = Documents.read(night, config, sets)
    items = read_items(features, ["item_index", "item_id", "title"])
    earlier = _earlier(run_date, config)
    before = FINDINGS.empty_table() if earlier is None else pq.read_table(earlier / FILE, schema=FINDINGS)
    with sql.connect(config.threads, config.memory_limit_mb, spill=out / ".spill", timezone=config.timezone) as made:
        for macros in ("content/macros", "features/text_macros"):
            sql.execute(made, macros)
        looking = _Looking(made, night, documents, items, classify if config.enabled("classify") else None, config)
        of_labels = labelled.found(documents, looking.classify, labelled.before(earlier, before), config)
        found = looking.findings(of_labels)
        limited = looking.limited(features, config.valid_on(run_date))
    rules = _of_known(editorial.read(config, run_date), documents)
    findings = _decided(found, rules, before, run_date, section)
    _require_some_left(findings, items)
    people = read_cutoffs(features)[0].item_stats().column("buyers_28")
    users = read_users(features).column("user_id").take(pc.unique(limited.column("user_index")))
    tables = {FILE: findings, labelled.FILE: of_labels, queue.FILE: queue.made(findings, documents, items, people)}
    tables |= {"limited.parquet": limited, AUTHORS: _authors(documents, findings, of_labels, users)}
    _write(out, tables)
    shutil.rmtree(out / ".spill", ignore_errors=True)
    said = {"editorial": rules.digest, "words": phrases.digest(config), "after": _key(earlier)}
    return said | queue.counts(findings, section)


def _write(out: Path, tables: dict[str, pa.Table]) -> None:
    for name, table in tables.items():
        pq.write_table(table, out / name, compression="zstd")


def _of_known(rules: EditorialRules, documents: Documents) -> EditorialRules:
    """The rules without those of documents that nobody knows, of which the log warns."""
    known = set(documents.table.column("document_id").to_pylist())
    kept = []
    for row in rules.rows:
        if row["kind"] in editorial.OF_DOCUMENTS and row["item_id"] not in known:
            said = "editors' %s in %s row %d: document %r is unknown"
            log.warning(said, row["kind"], row["file"], row["row"], row["item_id"])
            continue
        kept.append(row)
    return replace(rules, rows=tuple(kept))


def _require_some_left(findings: pa.Table, items: pa.Table) -> None:
    """Stop where nothing is left to show, and warn where much is not."""
    held = findings.filter(pc.and_(pc.equal(findings.column("subject"), "item"), findings.column("is_held")))
    number = pc.count_distinct(held.column("id")).as_py()
    if number <= MUCH * items.num_rows:
        return
    checks = ", ".join(
        f"{row['values']} ({row['counts']})" for row in pc.value_counts(held.column("check")).to_pylist()
    )
    if number == items.num_rows:
        raise InputError(
            f"the content checks hold back all {number} items: {checks}; nothing would be left to show. Take out the "
            "words that find everything, or set shown_until_decided = true to see what a check finds"
        )
    log.warning("content: %d of %d items are held back: %s", number, items.num_rows, checks)


def still_holds(config: Config, manifest: dict[str, Any]) -> bool:
    """Whether word lists, editors' rules and the night before are what they were."""
    report, night = manifest["report"], date.fromisoformat(manifest["run_date"])
    if report.get("enabled") is False:
        return True
    known = (editorial.read(config, night).digest, phrases.digest(config), _key(_earlier(night, config)))
    return known == (report["editorial"], report["words"], report["after"])


def _authors(documents: Documents, findings: pa.Table, of_labels: pa.Table, users: pa.ChunkedArray) -> pa.Table:
    """Who wrote a document that something was found in, or is known by a limit."""
    found_in = findings.filter(pc.equal(findings.column("subject"), "document")).column("id")
    ids = pa.concat_arrays([*found_in.chunks, *of_labels.column("document_id").chunks])
    theirs = documents.table.filter(pc.is_in(documents.table.column("document_id"), value_set=ids))
    found = pa.chunked_array([authors_of([theirs]), *users.chunks], pa.string())
    return pa.table({"user_id": pc.drop_null(pc.unique(found)).sort()})


def _earlier(night: date, config: Config) -> Path | None:
    """The last finished night before this one that has findings."""
    folders = artifacts.partitions_until(config.lake, "content", night)
    found = [folder for folder in folders if artifacts.run_date_of(folder) < night][-1:]
    for folder in found:
        keeping.bring(folder)
    return next((folder for folder in found if (folder / FILE).is_file()), None)


def _key(folder: Path | None) -> str | None:
    return None if folder is None else artifacts.content_hash(folder)


@dataclass(frozen=True)
class _Looking:
    """What is looked at.

    Attributes:
        connection: with the macros; night: the last that counts.
        documents, items: of the night, and the folder of its labels.
    """

    connection: duckdb.DuckDBPyConnection
    night: date
    documents: Documents
    items: pa.Table
    classify: Path | None
    config: Config

    def findings(self, of_labels: pa.Table) -> dict[str, pa.Table]:
        """FOUND of items and of documents; `of_labels` is LABELLED of all checks of labels."""
        words = phrases.read(self.connection, self.config)
        labels = of_labels.rename_columns(FOUND.names)
        texts = self.documents.table.select(["document_id", "text"]).rename_columns(TEXTS.names)
        return {
            "item": pa.concat_tables([self._words("items", self._item_texts, words), self._named(of_labels)]),
            "document": pa.concat_tables([self._words("documents", texts, words), self._asked("documents", labels)]),
        }

    def _asked(self, subject: str, found: pa.Table) -> pa.Table:
        names = [check.name for check in self.config.content.checks if subject in check.subjects]
        return found.filter(pc.is_in(found.column("check_name"), value_set=pa.array(names, pa.string())))

    def _words(self, subject: str, texts: pa.Table, words: pa.Table) -> pa.Table:
        found = phrases.matched(self.connection, texts, self._asked(subject, words))
        return found.append_column("probability", pa.nulls(len(found), pa.float32())).rename_columns(FOUND.names)

    def _files(self, table: NightTable) -> list[str]:
        folders = artifacts.partitions_until(self.config.lake, "ingest", self.night)
        return [str(path) for path in map(table.path, folders) if path.is_file()]

    @property
    def _item_texts(self) -> pa.Table:
        titles = {"items": self.items.select(["item_id", "title"])}
        if not (files := self._files(ITEMS)):
            return titles["items"].rename_columns(TEXTS.names)
        return sql.query(self.connection, "content/item_texts", TEXTS, titles, files=files)

    def _named(self, found: pa.Table) -> pa.Table:
        files = self._files(DOCUMENTS)
        if not files or not found.num_rows:
            return FOUND.empty_table()
        relations = {"labelled": found, "items": self.items.select(["item_id"])}
        named = sql.query(self.connection, "content/named_items", FOUND, relations, files=files)
        return labelled.of_items(named, self.config)

    def limited(self, features: Path, valid_on: date) -> pa.Table:
        """LIMITED: what is known of users that limits ask about."""
        names = sorted({limit.user for limit in self.config.content.limits})
        files = self._files(USERS)
        if not names or not files:
            return LIMITED.empty_table()
        users = {"users": read_users(features).select(["user_index", "user_id"])}
        return sql.query(self.connection, "content/users", LIMITED, users, files=files, names=names, valid_on=valid_on)


def _decided(
    found: dict[str, pa.Table], rules: EditorialRules, before: pa.Table, night: date, section: Content
) -> pa.Table:
    """FINDINGS: with what editors decided, and since when."""
    blocked = {"item": editorial.ids_of(rules, "block"), "document": editorial.ids_of(rules, "block_document")}
    allowed = {"item": editorial.ids_of(rules, "allow"), "document": editorial.ids_of(rules, "allow_document")}
    theirs = blocked["document"]
    nothing = [pa.nulls(len(theirs), kind) for kind in FOUND.types[2:]]
    by_editors = pa.table([theirs, pa.repeat(EDITORS, len(theirs)), *nothing], schema=FOUND)
    found = found | {"document": pa.concat_tables([found["document"], by_editors])}
    severity = {check.name: check.severity for check in section.checks} | {EDITORS: "block"}
    severities = pa.array(list(severity.values()), pa.string())
    shown = pa.array([check.name for check in section.checks if check.shown_until_decided], pa.string())
    parts = []
    for subject, one in found.items():
        names = one.column("check_name")
        kept = pc.is_in(one.column("id"), value_set=blocked[subject])
        free = pc.and_not(pc.is_in(one.column("id"), value_set=allowed[subject]), kept)
        decision = pc.if_else(free, "allow", pc.if_else(kept, "block", pa.scalar(None, pa.string())))
        columns = {
            "subject": pa.repeat(subject, len(one)),
            "id": one.column("id"),
            "check": names,
            "severity": severities.take(pc.index_in(names, value_set=pa.array(list(severity)))),
            "matched": one.column("label"),
            "probability": one.column("probability"),
            "decision": decision,
            "is_held": pc.or_(kept, pc.invert(pc.or_(free, pc.is_in(names, value_set=shown)))),
        }
        parts.append(pa.table(columns))
    made = pa.concat_tables(parts)
    keys = ["subject", "id", "check"]
    known = made.join(before.select([*keys, "since"]), keys, join_type="left outer", use_threads=False)
    since = pc.fill_null(known.column("since"), night)
    known = known.set_column(known.column_names.index("since"), "since", since)
    return known.select(FINDINGS.names).cast(FINDINGS).sort_by([(key, "ascending") for key in keys])
