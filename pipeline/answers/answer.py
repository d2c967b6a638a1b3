"""What is asked, how often, and the answers to it, as of a night; a stage of shops that ask for it.

    clusters.parquet     questions put together, the most frequent first
    answers.parquet      the best answers to each
    unanswered.parquet   those whose best answer is weak
    last_asked.parquet   what each author of a question asked last
    authors.parquet      who wrote what is in here
    vectors/             the texts' vectors (pipeline.words.text_vectors)
    leaders/             which question stands for each, for the next night to go on from; of a shop that declares
                         languages leaders.<language>
    fusion/              the weights of the parts of a score

A night without new texts encodes none, and one of which nothing is resolved anew learns nothing.
"""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.answers import asked, fusion, going_on, rows, turns, vectors
from pipeline.answers.asked import Texts
from pipeline.answers.clusters import Leaders
from pipeline.answers.counting import count
from pipeline.answers.naming import Naming
from pipeline.answers.night import FUSION, Night
from pipeline.arrays.determinism import blas_threads
from pipeline.ground import artifacts, keeping
from pipeline.ground.artifacts import Memo
from pipeline.settings.config import Config
from pipeline.settings.sections.answers import Answer
from pipeline.words import held, text_vectors
from pipeline.words import spoken as languages_of
from pipeline.words.documents import Documents, authors_of
from pipeline.words.text_vectors import Vectors

Report = dict[str, Any]
AUTHORS = "authors.parquet"
"""Who wrote what a night's answers are made of, for `forget`."""


def run(
    *,
    ingest: Path,
    languages: Path | None = None,
    classify: Path | None = None,
    content: Path | None = None,
    run_date: date,
    section: Answer,
    config: Config,
    memo: Memo,
    out: Path,
) -> Report:
    """Put the questions of a night together, and find their answers.

    Args:
        ingest: the night's; documents of all nights up to it are read.
        languages: the night's, of a shop that declares some: questions are put together and answered in their own.
        classify: the night's, of a shop that has it: its vectors are linked, and its labels counted.
        content: the night's, of a shop that has it: what it holds back is no document here.
        run_date: the night.
        section, config: the settings.
        memo: links weights that another night learned from the same.
        out: receives what is said above.
    Returns:
        Questions and answers, different texts of them, texts encoded, clusters, what was learned.
    Raises:
        InputError: the encoder is not found.
    """
    words = classify if config.enabled("classify") else None
    documents = held.without(Documents.read(artifacts.run_date_of(ingest), config, ()), content, config)
    questions, answers = (asked.texts_of(documents, kind) for kind in ("question", "answer"))
    known = _earlier(run_date, config)
    needed = np.sort(np.concatenate([questions.first, answers.first]))
    linked = [*known, *filter(None, [words])]
    encoded = text_vectors.make(documents.table, needed, out, linked, section=section, config=config)
    with blas_threads(config.threads):
        of_q, of_a = (vectors.of(texts.texts, texts.keys, encoded, section) for texts in (questions, answers))
        questions, of_q = turns.within(documents, questions, of_q, run_date, config)
        spoken = languages_of.read(languages, documents, config)
        night = Night(documents, questions, answers, of_q, of_a, run_date, section, config, spoken)
        leaders = _leaders(night, known, out)
        times, written = (column[questions.rows] for column in (night.times, documents.days))
        counted = count(questions, times, written, leaders, of_q, night=run_date, days=section.days)
        night.learn(memo)
        fitted = fusion.load(out / FUSION)
        made = rows.make(night, counted, fitted, _labels(words, section))
    _write(out, made | {"authors": _authors(documents, encoded)})
    said = _said(questions, answers, night.naming) | {"encoded": encoded.encoded, "clusters": len(leaders.places)}
    return said | _rows(night, made) | fitted.report


def _leaders(night: Night, known: list[Path], out: Path) -> Leaders:
    """Who stands for each question; in each language by itself, where these are told apart."""
    keys, vectors_of, section = night.questions.keys, night.asked_vectors, night.section
    if night.spoken is None or night.asked_in is None:
        return going_on.leaders(keys, vectors_of, known, out, section)
    languages, names = night.asked_in, night.spoken.names
    return going_on.in_languages(keys, vectors_of, languages, names, known=known, out=out, section=section)


def _rows(night: Night, made: dict[str, pa.Table]) -> Report:
    """How many rows there are, and where languages are told apart of how many clusters in each, with a good answer or
    without."""
    counts: Report = {f"rows_{name}": table.num_rows for name, table in made.items()}
    for name in ("clusters", "unanswered"):
        counts |= languages_of.counts(night.spoken, name, made[name], night.documents)
    return counts


def _earlier(night: date, config: Config) -> list[Path]:
    """The last finished night before this one, if there is any; what it has is brought of a home in an object store."""
    folders = artifacts.partitions_until(config.lake, "answer", night)
    found = [folder for folder in folders if artifacts.run_date_of(folder) < night][-1:]
    for folder in found:
        keeping.bring(folder)
    return found


def _write(out: Path, tables: dict[str, pa.Table]) -> None:
    for name, table in tables.items():
        pq.write_table(table, out / f"{name}.parquet", compression="zstd")


def _authors(documents: Documents, encoded: Vectors) -> pa.Table:
    """Who wrote a text of which there is a vector, wanted or not."""
    return pa.table({"user_id": authors_of([documents.table.filter(encoded.has(documents.table.column("text_key")))])})


def _said(questions: Texts, answers: Texts, naming: Naming | None) -> Report:
    """How many documents of each kind there are, different texts of them, and relations, where there are some."""
    named = {"questions": questions, "answers": answers}
    counts = {name: len(texts.rows) for name, texts in named.items()}
    counts |= {f"different_{name}": len(texts.keys) for name, texts in named.items()}
    return counts | ({} if naming is None else {"relations": len(naming.relations.thing)})


def _labels(words: Path | None, section: Answer) -> dict[str, str]:
    """The label of each document that the section's label set has one of."""
    if words is None or section.label_set is None:
        return {}
    table = pq.read_table(words / "labels.parquet", columns=["document_id", "label_set", "label"])
    mine = table.filter(pc.and_(pc.equal(table["label_set"], section.label_set), pc.is_valid(table["label"])))
    return dict(zip(mine["document_id"].to_pylist(), mine["label"].to_pylist(), strict=True))
