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
from collections.abc import Iterable
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
from pipeline.words import by_language, fitting, quality, rows, spoken, teaching, text_vectors
from pipeline.words.documents import Documents, Labelled, authors_of
from pipeline.words.learning import Examples
from pipeline.words.schemas import LABELS, WANTED
from pipeline.words.spoken import Spoken
from pipeline.words.spreading import Unlabelled
from pipeline.words.text_vectors import Vectors

Report = dict[str, Any]
AUTHORS = "authors.parquet"
"""Who wrote what a night's labels are made of, for `forget`."""
BEFORE = "the one before"


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
    sets = {name: _Set.of(name, documents, taught, section) for name in sorted(section.label_sets)}
    kinds = {name: documents.lately(run_date, section.days, one.section.kinds) for name, one in sets.items()}
    both, needed = teaching.needed(documents, taught, [one.learned_from for one in sets.values()], kinds.values())
    vectors = text_vectors.make(both, needed, out, [earlier] if earlier else [], section=section, config=config)
    taught_in, asked_in = (spoken.read(languages, one, config) for one in (taught, documents))
    night = _Night(documents, taught, vectors, config, memo, out, earlier, taught_in, asked_in)
    report: Report = {"documents": documents.table.num_rows, "encoded": vectors.encoded, "after": _key(earlier)}
    made = [night.label(one, kinds[name]) for name, one in sets.items()]
    _write(out / "labels.parquet", LABELS, [one.labels for one in made])
    _write(out / "wanted.parquet", WANTED, [one.wanted for one in made])
    figures = [row for one in made for row in one.figures]
    pq.write_table(pa.Table.from_pylist(figures, quality.METRICS), out / "metrics.parquet", compression="zstd")
    for one in made:
        report |= one.report
    still = earlier if any(report.get(f"{name}: in_use") == BEFORE for name in sets) else None
    encoded = (one.table.filter(vectors.has(one.table.column("text_key"))) for one in (documents, taught))
    authors = _authors(encoded, still)
    pq.write_table(pa.table({"user_id": authors}), out / AUTHORS, compression="zstd")
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


def _authors(documents: Iterable[pa.Table], earlier: Path | None) -> pa.Array:
    """Who wrote documents, as known tonight and when they taught, and what taught classifiers that are still in use."""
    authors = authors_of(documents)
    if earlier is None:
        return authors
    # the texts without a label that took part may be none of tonight's
    before = pq.read_table(earlier / AUTHORS).column("user_id")
    return pc.unique(pa.chunked_array([authors, *before.chunks], pa.string())).sort()


def _key(folder: Path | None) -> str | None:
    return None if folder is None else artifacts.content_hash(folder)


def _write(path: Path, schema: pa.Schema, parts: list[pa.Table]) -> None:
    pq.write_table(pa.concat_tables([schema.empty_table(), *parts]), path, compression="zstd")


@dataclass(frozen=True)
class _Set:
    """A label set, the documents that have one of its labels, those that teach it, and what of these has no label."""

    name: str
    section: LabelSet
    labelled: Labelled
    taught: Labelled
    unlabelled: np.ndarray

    @classmethod
    def of(cls, name: str, documents: Documents, taught: Documents, classify: Classify) -> "_Set":
        section, teach = classify.label_sets[name], taught.of(name)
        return cls(name, section, documents.of(name), teach, teaching.unlabelled(taught, teach, section, classify))

    @property
    def learned_from(self) -> np.ndarray:
        """Rows of the documents that teach."""
        return np.concatenate([self.taught.rows, self.unlabelled])


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
        labels = rows.labels(one.name, one.section, self.documents, recent, answers=answers, given=given)
        labelled = self.documents.column("text_key")[one.labelled.rows]
        most_telling = rows.wanted(
            one.name, one.section, self.documents, recent, answers=answers, labelled=labelled, vectors=self.vectors
        )
        return _Made(labels, most_telling, figures, report | judged)

    def _examples(self, labelled: Labelled) -> Examples:
        keys, texts, ids = (self.taught.column(name)[labelled.rows] for name in ("text_key", "text", "document_id"))
        languages = None if self.taught_in is None else self.taught_in.labels[labelled.rows]
        return Examples(ids, texts, self.vectors.of(keys), labelled.labels, languages)

    def _unlabelled(self, one: _Set) -> Unlabelled:
        keys, texts = (self.taught.column(name)[one.unlabelled] for name in ("text_key", "text"))
        return Unlabelled(texts, self.vectors.of(keys))

    def _active(self, one: _Set) -> tuple[list[dict[str, object]], Report]:
        """Put the classifier in use into its folder, if any can be learned; how it was judged."""
        classify, name = self.config.classify, one.name
        examples, unlabelled = self._examples(one.taught), self._unlabelled(one)
        times = pc.cast(self.taught.table.column("time"), pa.int64()).to_numpy()[one.taught.rows]
        parts = fitting.split(examples.ids, times, classify)
        if not fitting.can_learn(examples.labels[parts.taught], one.section):
            return [], {f"{name}: learned": False}
        fitted = self.out / f"fitted.{name}"
        self.memo.part(
            fitted.name,
            self._made_of(one, examples, parts),
            lambda folder: fitting.write(
                folder,
                examples,
                parts,
                unlabelled=unlabelled,
                section=one.section,
                classify=classify,
                seed=self.config.seed,
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
        said[f"{name}: in_use"] = "tonight's" if active is fitted else BEFORE
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
        known += [self.taught.column("text_key")[one.unlabelled].tolist()]
        settings = [one.section.model_dump(mode="json", exclude={"wanted", "kinds"}), self.config.classify.folds]
        return artifacts.text_sha256(known, settings, self.config.seed, text_vectors.encoder_key(self.config.classify))

    def _same_encoder(self, before: Path) -> bool:
        path = before / "encoder.txt"
        return path.is_file() and path.read_text() == text_vectors.encoder_key(self.config.classify)

    def _unseen(self, folder: Path, held: Examples) -> Examples:
        seen = fitting.taught_by(folder)
        return held.take(np.array([one not in seen for one in held.ids], dtype=bool))

    def _compare(self, fitted: Path, before: Path, held: Examples, section: LabelSet) -> quality.Difference:
        """Tonight's classifier and the one in use on the later documents, of which neither has seen a label."""
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


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 6)
