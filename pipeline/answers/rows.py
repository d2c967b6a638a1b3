"""The rows of a night: the clusters, the answers to each, and those without a good one."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.answers import last_asked, trends
from pipeline.answers.asked import HELPFUL, RESOLVED
from pipeline.answers.counting import Counted
from pipeline.answers.fusion import Fusion
from pipeline.answers.night import Night
from pipeline.answers.schemas import ANSWERS, CLUSTERS, UNANSWERED
from pipeline.answers.scoring import RELATED, total, worth
from pipeline.arrays import top_k
from pipeline.ground import artifacts

WORDS = {"words": "it has the words of the question", "meaning": "it is about the same as the question"}
"""Why an answer is one, where its own text is the reason."""
BEFORE = {RESOLVED: "it resolved", HELPFUL: "it was found helpful for"}
"""The same where another question is; else it came in that question's thread."""
NAME_LENGTH = 16


@dataclass(frozen=True)
class _Best:
    """The best answers to some questions.

    Attributes:
        answer: [N, k] int64 texts of answers; -1: there are no more.
        score: [N, k] float32.
        why: [N, k] text.
        like: [N, k] int64 the question that `why` speaks of, a row of the documents; -1: none.
        probability: [N] float64 that the first is right.
    """

    answer: np.ndarray
    score: np.ndarray
    why: np.ndarray
    like: np.ndarray
    probability: np.ndarray


def make(night: Night, counted: Counted, fitted: Fusion, labels: dict[str, str]) -> dict[str, pa.Table]:
    """The tables of a night, by name.

    Args:
        night: its documents.
        counted: its clusters.
        fitted: its weights.
        labels: the label of documents that have one.
    """
    section = night.section
    order = np.lexsort([counted.leader, -counted.before, -counted.lately])
    chosen = order[counted.lately[order] >= section.min_questions][: section.clusters]
    best = _best(night, counted.middle[chosen], fitted)
    names = np.array([name(key) for key in night.questions.keys[counted.leader]], dtype=object)
    of_row = np.full(len(night.times), -1, dtype=np.int64)
    of_row[night.questions.rows] = counted.of
    answers = _answers(night, names, chosen, best, of_row)
    named = of_row[np.unique(best.like[best.like >= 0])]
    more = np.setdiff1d(named, chosen)  # what an answer names has a row too
    all_of_them = np.concatenate([chosen, more])
    probability = np.concatenate([best.probability, np.full(len(more), np.nan)])
    found = _clusters(night, counted, all_of_them, names=names, probability=probability, labels=labels)
    weak = np.flatnonzero(np.nan_to_num(best.probability) < section.weak)
    return {
        "clusters": found,
        "answers": answers,
        "unanswered": _unanswered(found.take(pa.array(weak))),
        "last_asked": last_asked.make(night, names[counted.of], found, labels),
    }


def name(key: str) -> str:
    """The id of a cluster, of the hash of the text that stands for it."""
    return artifacts.text_sha256("cluster", key)[:NAME_LENGTH]


def _best(night: Night, documents: np.ndarray, fitted: Fusion) -> _Best:
    """The answers to questions, rows of the documents, by all that is known."""
    known, k = night.knowledge, night.section.k
    asking = night.asking(documents, np.full(len(documents), len(night.times), dtype=np.int64))
    most = max(k, 2)
    answer = np.full((len(documents), most), -1, dtype=np.int64)
    score = np.full((len(documents), most), -np.inf, dtype=np.float32)
    leading = np.zeros((len(documents), most), dtype=np.int64)
    for block, parts in known.in_blocks(asking):
        if not known.size:
            break
        found, score[block] = top_k.top_n(total(parts, fitted.weights), most, above=0.0)
        answer[block] = found
        of_found = parts[:, np.arange(len(found))[:, None], np.maximum(found, 0)]
        leading[block] = worth(of_found, fitted.weights).argmax(axis=0)
    why, like = _why(night, documents, answer, leading)
    first, second = score[:, 0].astype(np.float64), np.maximum(score[:, 1], 0).astype(np.float64)
    is_any = answer[:, 0] >= 0
    probability = fitted.probability(np.where(is_any, first, 0), second)
    return _Best(answer[:, :k], score[:, :k], why[:, :k], like[:, :k], np.where(is_any, probability, np.nan))


def _why(night: Night, documents: np.ndarray, answer: np.ndarray, leading: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each answer the part that counts most in words, and the question that it comes from."""
    why = np.full(answer.shape, "", dtype=object)
    like = np.full(answer.shape, -1, dtype=np.int64)
    pairs, last = night.knowledge.pairs, len(night.times)
    for place in range(answer.shape[1]):
        asking = night.asking(documents, np.full(len(documents), last, dtype=np.int64))
        pair = night.knowledge.nearest(asking, answer[:, place])
        for row in np.flatnonzero(answer[:, place] >= 0):
            part = night.knowledge.names[leading[row, place]]
            if part in WORDS:
                why[row, place] = WORDS[part]
                continue
            if part == RELATED:
                why[row, place] = night.about(documents[row], int(answer[row, place]))
                continue
            like[row, place] = pairs.question[pair[row]]
            what = BEFORE.get(int(pairs.strength[pair[row]]), "it came in answer to")
            same = night.text_of[like[row, place]] == night.text_of[documents[row]]
            why[row, place] = f"{what} {'this question' if same else 'a question like this'}"
    return why, like


def _answers(night: Night, names: np.ndarray, chosen: np.ndarray, best: _Best, of_row: np.ndarray) -> pa.Table:
    row, place = np.nonzero(best.answer >= 0)
    documents = night.documents.table.take(pa.array(night.answers.first[best.answer[row, place]]))
    like = best.like[row, place]
    named = [names[of_row[one]] if one >= 0 else None for one in like.tolist()]
    columns = {
        "cluster_id": names[chosen[row]].tolist(),
        "rank": np.asarray(place + 1, dtype=np.int32),
        "document_id": documents.column("document_id"),
        "score": best.score[row, place],
        "why": best.why[row, place].tolist(),
        "like_cluster_id": named,
        "user_id": documents.column("author"),
    }
    return pa.table(columns).cast(ANSWERS)


def _clusters(
    night: Night,
    counted: Counted,
    some: np.ndarray,
    *,
    names: np.ndarray,
    probability: np.ndarray,
    labels: dict[str, str],
) -> pa.Table:
    documents = night.documents.table.take(pa.array(counted.middle[some]))
    later, before = counted.lately[some], counted.before[some]
    label, share = _usual(night, counted, some, labels)
    columns = {
        "cluster_id": names[some].tolist(),
        "rank": np.arange(1, len(some) + 1, dtype=np.int32),
        "document_id": documents.column("document_id"),
        "questions": later.astype(np.int32),
        **_trend(later, before, counted.goes_back),
        "label": label,
        "label_share": pa.array(share, pa.float32()),
        "probability": trends.numbers(probability),
        "first_asked": pa.array(counted.first[some], pa.timestamp("us", tz="UTC")),
        "user_id": documents.column("author"),
    }
    return pa.table({one: columns[one] for one in CLUSTERS.names}).cast(CLUSTERS)


def _trend(later: np.ndarray, before: np.ndarray, goes_back: bool) -> dict[str, pa.Array]:
    """The columns of a trend."""
    names = ("questions_before", "trend", "trend_low", "trend_high", "direction")
    return dict(zip(names, trends.columns(later, before, goes_back), strict=True))


def _usual(
    night: Night, counted: Counted, some: np.ndarray, labels: dict[str, str]
) -> tuple[list[str | None], list[float | None]]:
    """The most usual label of the labelled documents of clusters, of equals the first by name, and its share."""
    ids = night.documents.column("document_id")[night.questions.rows] if labels else np.zeros(0, dtype=object)
    found: dict[int, Counter[str]] = {int(one): Counter() for one in some}
    for one, document in zip(counted.of.tolist(), ids.tolist(), strict=False):
        if one in found and document in labels:
            found[one][labels[document]] += 1
    best = [min(counts.items(), key=lambda pair: (-pair[1], pair[0]), default=None) for counts in found.values()]
    shares = [None if b is None else b[1] / counts.total() for b, counts in zip(best, found.values(), strict=True)]
    return [None if b is None else b[0] for b in best], shares


def _unanswered(weak: pa.Table) -> pa.Table:
    ranks = pa.array(np.arange(1, weak.num_rows + 1, dtype=np.int32))
    columns = {one: ranks if one == "rank" else weak.column(one) for one in UNANSWERED.names}
    return pa.table(columns).cast(UNANSWERED)
