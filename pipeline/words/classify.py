"""Labels of what people write, learned from the documents that have some by the night; a stage of shops that name them.

    labels.parquet     a row per recent document and label set: the label, how sure it is, the next best
    wanted.parquet     the documents whose label would teach most
    metrics.parquet    how good the classifier in use is on later documents, label by label
    by_language.parquet and quality.md    the same by language, of a shop that declares some
    authors.parquet    who wrote what is in here
    vectors/           the texts' vectors (pipeline.words.text_vectors)
    fitted.<set>/      tonight's classifier (pipeline.words.fitting)
    active.<set>/      the classifier in use: tonight's, or where that is significantly worse, the one before it

A night without new labels links its classifier, and one without new texts encodes none.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.arrays.determinism import blas_threads
from pipeline.ground import artifacts
from pipeline.ground.artifacts import Memo
from pipeline.settings.config import Config
from pipeline.settings.sections.words import Classify, LabelSet
from pipeline.words import by_language, fitting, quality, spoken, teaching, text_vectors, wanted
from pipeline.words.documents import Documents, Labelled
from pipeline.words.learning import Examples
from pipeline.words.schemas import LABELS, WANTED
from pipeline.words.spoken import Spoken
from pipeline.words.text_vectors import Vectors

Report = dict[str, Any]
AUTHORS = "authors.parquet"
"""Who wrote what a night's labels are made of, for `forget`."""


def run(
    *,
    ingest: Path,
    languages: Path | None = None,
    run_date: date,
    section: Classify,
    config: Config,
    memo: Memo,
    out: Path,
) -> Report:
    """Give the documents of a night their labels.

    Args:
        ingest: the night's; documents of all nights up to it are read.
        languages: the night's, of a shop that declares some: how sure an answer is, and how good, is told in each.
        run_date: the night.
        section, config: the settings.
        memo: links classifiers that another night fitted to the same documents.
        out: receives what is said above.
    Returns:
        Documents, texts encoded, and of every label set how many are labelled, how its classifier was judged, and
        whether tonight's is in use.
    Raises:
        InputError: the encoder is not found.
    """
    documents = Documents.read(artifacts.run_date_of(ingest), config, sorted(section.label_sets))
    taught = teaching.known(documents, run_date, config)
    earlier = _earlier(run_date, config)
    sets = {
        name: _Set(name, given, documents.of(name), taught.of(name))
        for name, given in sorted(section.label_sets.items())
    }
    kinds = {name: documents.lately(run_date, section.days, one.section.kinds) for name, one in sets.items()}
    both, needed = teaching.needed(documents, taught, [one.taught for one in sets.values()], kinds.values())
    vectors = text_vectors.make(both, needed, out, [earlier] if earlier else [], section=section, config=config)
    taught_in, asked_in = (spoken.read(languages, one, config) for one in (taught, documents))
    night = _Night(documents, taught, vectors, config, memo, out, earlier, taught_in, asked_in)
    report: Report = {"documents": documents.table.num_rows, "encoded": vectors.encoded, "after": _key(earlier)}
    made = [night.label(one, kinds[name]) for name, one in sets.items()]
    _write(out / "labels.parquet", LABELS, [one.labels for one in made])
    _write(out / "wanted.parquet", WANTED, [one.wanted for one in made])
    rows = [row for one in made for row in one.figures]
    pq.write_table(pa.Table.from_pylist(rows, quality.METRICS), out / "metrics.parquet", compression="zstd")
    authors = pc.unique(documents.table.filter(vectors.has(documents.table.column("text_key"))).column("author"))
    pq.write_table(pa.table({"user_id": pc.drop_null(authors).sort()}), out / AUTHORS, compression="zstd")
    for one in made:
        report |= one.report
    return report | by_language.write(out, [(name, night.judged[name]) for name in sets], night.spoken)


def still_holds(config: Config, manifest: dict[str, Any]) -> bool:
    """Whether the night before, whose classifier tonight's was compared with, is still what it was."""
    report = manifest["report"]
    if report.get("enabled") is False:
        return True
    return bool(report.get("after") == _key(_earlier(date.fromisoformat(manifest["run_date"]), config)))


def _earlier(night: date, config: Config) -> Path | None:
    """The last finished night before this one that has labels."""
    folders = artifacts.partitions_until(config.lake, "classify", night)
    found = [f for f in folders if artifacts.run_date_of(f) < night and (f / "labels.parquet").is_file()]
    return found[-1] if found else None


def _key(folder: Path | None) -> str | None:
    return None if folder is None else artifacts.content_hash(folder)


def _write(path: Path, schema: pa.Schema, parts: list[pa.Table]) -> None:
    pq.write_table(pa.concat_tables([schema.empty_table(), *parts]), path, compression="zstd")


@dataclass(frozen=True)
class _Set:
    """A label set, the documents that have one of its labels, and those that teach it."""

    name: str
    section: LabelSet
    labelled: Labelled
    taught: Labelled


@dataclass(frozen=True)
class _Made:
    """What a night makes of a set: rows of LABELS and WANTED, of quality.METRICS, and of the report."""

    labels: pa.Table
    wanted: pa.Table
    figures: list[dict[str, object]]
    report: Report


@dataclass(frozen=True)
class _Night:
    """What the sets of a night share; `judged` fills, language by language."""

    documents: Documents
    taught: Documents
    vectors: Vectors
    config: Config
    memo: Memo
    out: Path
    earlier: Path | None
    taught_in: Spoken | None
    spoken: Spoken | None
    judged: dict[str, list[by_language.Row]] = field(default_factory=lambda: defaultdict(list))

    def label(self, one: _Set, recent: np.ndarray) -> _Made:
        """Learn a set, and label recent documents, rows of the documents."""
        report: Report = {f"{one.name}: labelled": len(one.labelled.rows)}
        with blas_threads(self.config.threads):
            figures, judged = self._active(one)
        given = dict(zip(one.labelled.rows.tolist(), one.labelled.labels, strict=True))
        answers = self._answers(one, recent)
        labels = self._rows(one, recent, answers, given)
        return _Made(labels, self._wanted(one, recent, answers), figures, report | judged)

    def _examples(self, rows: np.ndarray, labels: np.ndarray) -> Examples:
        keys, texts, ids = (self.taught.column(name)[rows] for name in ("text_key", "text", "document_id"))
        languages = None if self.taught_in is None else self.taught_in.labels[rows]
        return Examples(ids, texts, self.vectors.of(keys), labels, languages)

    def _active(self, one: _Set) -> tuple[list[dict[str, object]], Report]:
        """Put the classifier in use into its folder, if any can be learned; how it was judged."""
        classify, name = self.config.classify, one.name
        examples = self._examples(one.taught.rows, one.taught.labels)
        times = pc.cast(self.taught.table.column("time"), pa.int64()).to_numpy()[one.taught.rows]
        parts = fitting.split(examples.ids, times, classify)
        if not fitting.can_learn(examples.labels[parts.taught], one.section):
            return [], {f"{name}: learned": False}
        fitted = self.out / f"fitted.{name}"
        self.memo.part(
            fitted.name,
            self._made_of(one, examples, parts),
            lambda folder: fitting.write(
                folder, examples, parts, section=one.section, classify=classify, seed=self.config.seed
            ),
        )
        held = examples.take(parts.held)
        before = None if self.earlier is None else self.earlier / f"active.{name}"
        active = fitted
        said: Report = {f"{name}: learned": True, f"{name}: held": len(held), f"{name}: by_time": parts.by_time}
        if before is not None and before.is_dir() and self._same_encoder(before):
            difference = self._compare(fitted, before, held, one.section)
            active = before if difference.is_lost else fitted
            said |= {
                f"{name}: {key}": _number(getattr(difference, key)) for key in ("tonight", "active", "low", "high")
            }
        self._link(active, self.out / f"active.{name}")
        (self.out / f"active.{name}" / "encoder.txt").write_text(text_vectors.encoder_key(self.config.classify))
        said[f"{name}: in_use"] = "tonight's" if active is fitted else "the one before"
        if not len(held):
            return [], said
        unseen = self._unseen(active, held)
        judged = fitting.judge(fitting.load(active, judged=True), unseen, one.section)
        figures = quality.figures(name, judged, self.config.seed) if len(unseen) else []
        if unseen.languages is not None and len(unseen):
            self.judged[name] += by_language.figures(name, judged, unseen.languages, self.config.seed)
        overall = {f"{name}: {row['metric']}": row["value"] for row in figures if row["label"] == quality.ALL}
        return figures, said | overall

    def _made_of(self, one: _Set, examples: Examples, parts: fitting.Split) -> str:
        keys = self.taught.column("text_key")[one.taught.rows].tolist()
        known = [examples.ids.tolist(), keys, examples.labels.tolist(), parts.held.tolist()]
        known += [] if examples.languages is None else [examples.languages.tolist()]
        settings = [one.section.model_dump(mode="json", exclude={"wanted", "kinds"}), self.config.classify.folds]
        return artifacts.text_sha256(known, settings, self.config.seed, text_vectors.encoder_key(self.config.classify))

    def _same_encoder(self, before: Path) -> bool:
        path = before / "encoder.txt"
        return path.is_file() and path.read_text() == text_vectors.encoder_key(self.config.classify)

    def _unseen(self, folder: Path, held: Examples) -> Examples:
        seen = fitting.taught_by(folder)
        return held.take(np.array([one not in seen for one in held.ids], dtype=bool))

    def _compare(self, fitted: Path, before: Path, held: Examples, section: LabelSet) -> quality.Difference:
        """Tonight's classifier and the one in use on the later documents, of which neither has seen any."""
        unseen = self._unseen(before, held)
        if not len(unseen):
            return quality.compare(np.zeros(0), np.zeros(0), self.config.seed)
        right = [fitting.judge(fitting.load(f, judged=True), unseen, section).right for f in (fitted, before)]
        return quality.compare(right[0], right[1], self.config.seed)

    def _link(self, source: Path, target: Path) -> None:
        for path in sorted(p for p in source.rglob("*") if p.is_file() and p.name != "encoder.txt"):
            (target / path.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
            artifacts.link(path, target / path.relative_to(source))

    def _answers(self, one: _Set, recent: np.ndarray) -> pa.Table | None:
        """best, second, probability and unknown of each recent document, in their order; None: nothing is learned."""
        folder = self.out / f"active.{one.name}"
        if not folder.is_dir() or not len(recent):
            return None
        fitted = fitting.load(folder)
        keys, texts = self.documents.column("text_key")[recent], self.documents.column("text")[recent]
        languages = None if self.spoken is None else self.spoken.labels[recent]
        named = keys.astype(str) if languages is None else np.char.add(keys.astype(str), languages.astype(str))
        _, first, place = np.unique(named, return_index=True, return_inverse=True)
        of_first = None if languages is None else languages[first]
        answers = fitted.answers(self.vectors.of(keys[first]), list(texts[first]), of_first)
        names = np.array(fitted.labels, dtype=object)
        best, probability = names[answers.best], answers.probability.astype(np.float32)
        unknown = fitting.is_unknown(best, answers.probability, answers.threshold, one.section)
        columns = {"best": best, "second": names[answers.second], "probability": probability, "unknown": unknown}
        return pa.table({name: pa.array(column[place]) for name, column in columns.items()})

    def _rows(self, one: _Set, recent: np.ndarray, answers: pa.Table | None, given: dict[int, str]) -> pa.Table:
        """LABELS: a given label is what it is; without a classifier there are no others."""
        known = [given.get(row) for row in recent.tolist()]
        said = [None] * len(known) if answers is None else answers.column("best").to_pylist()
        unknown = [True] * len(known) if answers is None else answers.column("unknown").to_pylist()
        label = [g if g is not None else None if u else s for g, s, u in zip(known, said, unknown, strict=True)]
        label = [None if one_label in one.section.outside else one_label for one_label in label]
        nothing = pa.nulls(len(known))
        documents = self.documents.table.take(pa.array(recent))
        columns = {
            "document_id": documents.column("document_id"),
            "label_set": pa.repeat(one.name, len(known)),
            "label": label,
            "probability": nothing if answers is None else answers.column("probability"),
            "best": said,
            "second": nothing if answers is None else answers.column("second"),
            "is_given": [g is not None for g in known],
            "time": documents.column("time"),
            "user_id": documents.column("author"),
        }
        made = pa.table({name: pa.array(c) if isinstance(c, list) else c for name, c in columns.items()})
        return made.cast(LABELS)

    def _wanted(self, one: _Set, recent: np.ndarray, answers: pa.Table | None) -> pa.Table:
        """WANTED: of recent documents whose text nobody gave a label, each text once."""
        known = self.documents.column("text_key")
        keys, labelled = known[recent], known[one.labelled.rows]
        first = np.zeros(len(recent), dtype=bool)
        first[np.unique(keys.astype(str), return_index=True)[1]] = True
        free = np.flatnonzero(first & ~np.isin(keys.astype(str), labelled.astype(str)))
        probability = np.zeros(len(recent)) if answers is None else answers.column("probability").to_numpy()
        chosen = free[wanted.choose(1 - probability[free], self.vectors.of(keys[free]), one.section.wanted)]
        documents = self.documents.table.take(pa.array(recent[chosen]))
        nothing = pa.nulls(len(chosen))
        said = answers.take(pa.array(chosen)) if answers is not None else None
        columns = {
            "label_set": pa.repeat(one.name, len(chosen)),
            "rank": np.arange(1, len(chosen) + 1, dtype=np.int32),
            "document_id": documents.column("document_id"),
            "best": nothing if said is None else said.column("best"),
            "second": nothing if said is None else said.column("second"),
            "probability": nothing if said is None else said.column("probability"),
            "user_id": documents.column("author"),
        }
        return pa.table(columns).cast(WANTED)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 6)
