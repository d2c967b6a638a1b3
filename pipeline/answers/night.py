"""The questions and answers of a night as numbers, and the weights that are learned from them."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pyarrow as pa

from pipeline.answers import asked, fusion, naming
from pipeline.answers.asked import HELPFUL, Pairs, Texts
from pipeline.answers.fusion import Resolved
from pipeline.answers.in_languages import InLanguages
from pipeline.answers.naming import Naming
from pipeline.answers.related import Related
from pipeline.answers.scoring import Asking, Knowledge
from pipeline.ground import artifacts
from pipeline.ground.artifacts import Memo
from pipeline.settings.config import Config
from pipeline.settings.sections.answers import Answer
from pipeline.words import text_vectors
from pipeline.words.documents import Documents
from pipeline.words.spoken import UNKNOWN, Spoken

FUSION = "fusion"
"""The part of the stage's folder that has the weights."""


@dataclass(frozen=True)
class Night:
    """The documents of a night, and what is known of them.

    Attributes:
        documents: all.
        questions, answers: their texts.
        asked_vectors, answer_vectors: [T, h] of `exact.rounded`, of these.
        run_date: the night.
        section, config: the settings.
        spoken: the languages of the documents; None: they are not told apart.
    """

    documents: Documents
    questions: Texts
    answers: Texts
    asked_vectors: np.ndarray
    answer_vectors: np.ndarray
    run_date: date
    section: Answer
    config: Config
    spoken: Spoken | None = None

    @cached_property
    def times(self) -> np.ndarray:
        """[D] int64 microseconds, of all documents."""
        return np.asarray(self.documents.table.column("time").cast(pa.int64()).to_numpy())

    @cached_property
    def pairs(self) -> Pairs:
        """What speaks for answers."""
        told = asked.said(self.run_date, self.config, self.section)
        return asked.pairs(self.documents, self.answers, told, self.section)

    @cached_property
    def when(self) -> np.ndarray:
        """[D] int64 the place of each document in time, of equals by id."""
        place = np.empty(len(self.times), dtype=np.int64)
        place[np.lexsort([np.arange(len(self.times)), self.times])] = np.arange(len(self.times))
        return place

    @cached_property
    def text_of(self) -> np.ndarray:
        """[D] int64 the text of each document that is a question; -1: it is none."""
        found = np.full(len(self.times), -1, dtype=np.int64)
        found[self.questions.rows] = self.questions.of
        return found

    @cached_property
    def naming(self) -> Naming | None:
        """What questions and answers name; None where no relations are known."""
        return naming.read(self.run_date, self.documents, self.questions, self.answers, self.config)

    @cached_property
    def knowledge(self) -> Knowledge:
        """The answers, and what speaks for them."""
        kept = self.text_of[self.pairs.question] >= 0
        pairs = Pairs(*(column[kept] for column in (self.pairs.question, self.pairs.answer, self.pairs.strength)))
        of = self.text_of[pairs.question]
        known = Knowledge(
            self.answers.texts,
            self.answer_vectors,
            pairs,
            asked=self.questions.texts[of],
            asked_vectors=self.asked_vectors[of],
            when=self.when[pairs.question],
            related=self._related(),
        )
        if self.spoken is None or self.answered_in is None:
            return known
        asked_texts = self.questions.texts[of]
        return InLanguages(known, self.answers.texts, asked_texts, self.answered_in, self.spoken.declared)

    @cached_property
    def asked_in(self) -> np.ndarray | None:
        """[T] int64 the language of each question; None: languages are not told apart."""
        return self._languages(self.questions)

    @cached_property
    def answered_in(self) -> np.ndarray | None:
        """[A] int64 the same of each answer."""
        return self._languages(self.answers)

    def _languages(self, texts: Texts) -> np.ndarray | None:
        return None if self.spoken is None else self.spoken.of_texts(texts.rows, texts.of, len(texts.keys))

    def _related(self) -> Related | None:
        named = self.naming
        return None if named is None else Related(named.relations, self.answers.texts, named.of_texts(self.answers))

    def asking(self, documents: np.ndarray, until: np.ndarray) -> Asking:
        """Questions, rows of the documents, that seek an answer as of a place in time each."""
        texts = self.text_of[documents]
        named = None if self.naming is None else self.naming.documents[documents]
        languages = None if self.asked_in is None else self.asked_in[texts]
        return Asking(self.questions.texts[texts], self.asked_vectors[texts], until, named, languages)

    def about(self, document: int, answer: int) -> str:
        """In words, the thing for which an answer's text is found for a question, a row of the documents."""
        related, named = self.knowledge.related, self.naming
        if related is None or named is None:
            return ""
        return related.why(str(self.questions.texts[self.text_of[document]]), named.documents[document], answer)

    @property
    def resolved(self) -> Resolved:
        """The questions that teach: the latest that something resolved.

        What resolved a question and cannot be given to it is not among the right answers. Where that is all, it teaches
        that the best of the others was not the right one.
        """
        pairs = self.knowledge.pairs
        chosen = pairs.strength >= HELPFUL
        question, answer = pairs.question[chosen], pairs.answer[chosen]
        names = np.unique(question)
        names = names[np.argsort(self.when[names], kind="stable")][-self.section.most_resolved :]
        place = np.full(len(self.times), -1, dtype=np.int64)
        place[names] = np.arange(len(names))
        kept = (place[question] >= 0) & self._can_be_given(pairs)[chosen]
        return Resolved(self.asking(names, self.when[names]), np.stack([place[question[kept]], answer[kept]]))

    def _can_be_given(self, pairs: Pairs) -> np.ndarray:
        """bool [P]: the answer is in the question's language, as far as both are known. Of two languages that are not
        declared nothing says that they are the same."""
        if self.spoken is None or self.asked_in is None or self.answered_in is None:
            return np.ones(len(pairs.answer), dtype=bool)
        asked, answered = self.asked_in[self.text_of[pairs.question]], self.answered_in[pairs.answer]
        same = (asked == answered) & (asked < self.spoken.declared)
        return np.asarray(same | (asked == UNKNOWN) | (answered == UNKNOWN))

    def learn(self, memo: Memo) -> None:
        """Put the weights of the night into its folder."""
        knowledge, section = self.knowledge, self.section
        pairs = knowledge.pairs
        made_of = [
            *(of.tolist() for texts in (self.questions, self.answers) for of in (texts.keys, texts.rows, texts.of)),
            *(column.tolist() for column in (pairs.question, pairs.answer, pairs.strength)),
            self.when.tolist(),
            text_vectors.encoder_key(section),
            [section.min_resolved, section.held_share, section.most_resolved],
            *(self.naming.made_of if self.naming else []),
            *(languages.tolist() for languages in (self.asked_in, self.answered_in) if languages is not None),
        ]
        few, share = section.min_resolved, section.held_share
        memo.part(
            FUSION,
            artifacts.text_sha256(*made_of),
            lambda folder: fusion.fit(knowledge, self.resolved, fewest=few, held_share=share).save(folder),
        )
