"""Documents whose label a check looks for, and the items that such documents name."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.settings.config import Config
from pipeline.settings.sections.content import ContentCheck
from pipeline.words.documents import Documents
from pipeline.words.schemas import LABELS

FILE = "labelled.parquet"
LABELLED = pa.schema(
    [
        pa.field("document_id", pa.string()),
        pa.field("check_name", pa.string()),
        pa.field("label", pa.string()),
        pa.field("probability", pa.float32()),  # null: somebody gave it
    ]
)


def before(folder: Path | None, findings: pa.Table) -> pa.Table:
    """LABELLED of the night before.

    Args:
        folder: the stage's; None: there is none. One that an older version wrote has no such file.
        findings: FINDINGS of it, which has them but for those of checks that look at items alone.
    """
    if folder is not None and (folder / FILE).is_file():
        return pq.read_table(folder / FILE, schema=LABELLED)
    known = findings.filter(pc.equal(findings.column("subject"), "document"))
    return known.select(["id", "check", "matched", "probability"]).rename_columns(LABELLED.names)


def found(documents: Documents, classify: Path | None, before: pa.Table, config: Config) -> pa.Table:
    """LABELLED of all checks that look for labels.

    Args:
        documents: of the night, with the labels that somebody gave.
        classify: the stage's folder; None: there are only given ones.
        before: LABELLED of the night before; a document that is too old for a label of the classifier keeps what was
            found then, as long as nobody gives it another.
        config: the checks.
    """
    guessed = LABELS.empty_table() if classify is None else pq.read_table(classify / "labels.parquet", schema=LABELS)
    checks = [check for check in config.content.checks if check.label_set is not None]
    return pa.concat_tables([LABELLED.empty_table(), *(_of(check, documents, guessed, before) for check in checks)])


def _of(check: ContentCheck, documents: Documents, guessed: pa.Table, before: pa.Table) -> pa.Table:
    wanted, known = pa.array(check.labels, pa.string()), _ids(documents.table)
    given = documents.labels.filter(pc.equal(documents.labels.column("label_set"), check.label_set))
    given, guessed = (one.filter(pc.is_in(one.column("document_id"), value_set=known)) for one in (given, guessed))
    by_somebody = given.filter(pc.is_in(given.column("label"), value_set=wanted))
    guessed = guessed.filter(pc.equal(guessed.column("label_set"), check.label_set))
    guessed = guessed.filter(pc.invert(pc.is_in(guessed.column("document_id"), value_set=_ids(given))))
    least = pa.scalar(check.probability, pa.float32())
    likely = pc.greater_equal(guessed.column("probability"), least)
    here = guessed.filter(pc.and_(pc.is_in(guessed.column("best"), value_set=wanted), pc.fill_null(likely, False)))
    asked = pa.concat_arrays([_ids(given), _ids(guessed)])
    old = before.filter(pc.equal(before.column("check_name"), check.name))
    old = old.filter(pc.is_in(old.column("document_id"), value_set=known))
    old = old.filter(pc.invert(pc.is_in(old.column("document_id"), value_set=asked)))
    old = old.filter(pc.is_in(old.column("label"), value_set=wanted))
    old = old.filter(pc.greater_equal(old.column("probability"), least))  # not of what somebody gave
    parts = (
        _made(check, by_somebody.column("document_id"), by_somebody.column("label"), None),
        _made(check, here.column("document_id"), here.column("best"), here.column("probability")),
        _made(check, old.column("document_id"), old.column("label"), old.column("probability")),
    )
    return pa.concat_tables(parts).sort_by("document_id")


def _ids(table: pa.Table) -> pa.Array:
    return table.column("document_id").combine_chunks()


def _made(
    check: ContentCheck, ids: pa.ChunkedArray, labels: pa.ChunkedArray, chance: pa.ChunkedArray | None
) -> pa.Table:
    probability = pa.nulls(len(ids), pa.float32()) if chance is None else chance
    return pa.table([ids, pa.repeat(check.name, len(ids)), labels, probability], schema=LABELLED)


def of_items(named: pa.Table, config: Config) -> pa.Table:
    """id, check_name, label, probability of the items that enough documents with a label name.

    Args:
        named: the same columns, a row per item and document.
        config: the checks.
    """
    parts = [named.schema.empty_table()]
    for check in config.content.checks:
        if check.label_set is None or "items" not in check.subjects:
            continue
        mine = named.filter(pc.equal(named.column("check_name"), check.name))
        # of several documents the surest speaks; one to which somebody gave the label is surer than any
        mine = mine.append_column("sure", pc.fill_null(mine.column("probability"), 2.0))
        mine = mine.sort_by([("id", "ascending"), ("sure", "descending"), ("label", "ascending")])
        best = mine.group_by("id", use_threads=False).aggregate(
            [("label", "first"), ("probability", "first"), ("label", "count"), ("sure", "first")]
        )
        enough = best.filter(pc.greater_equal(best.column("label_count"), check.fewest))
        chance = pc.if_else(pc.equal(enough.column("sure_first"), 2.0), None, enough.column("probability_first"))
        columns = [enough.column("id"), pa.repeat(check.name, len(enough)), enough.column("label_first"), chance]
        parts.append(pa.table(columns, schema=named.schema))
    return pa.concat_tables(parts)
