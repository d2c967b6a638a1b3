"""What answers to questions are worth: those of two sites seek their accepted answers, rephrasings an FAQ entry.

    python -m benchmarks.answers OUT [--sites FOLDER] [--faq FOLDER] [--bank CSV] [--early]

    sites   posts.parquet: site, post_id, kind, question_id, accepted_answer_id, created_at, title, text
    faq     faq.parquet: question, answer; question_pairs.parquet: question_1 (one of the FAQ), question_2, similar
    bank    examples/support/messages.csv.zst: message_id, text, truth; which of 4,000 ask the same

Sites: all answers of a site are ranked for the text of a question, of which those that came after it are some. Weights
are learned from the earlier half of the questions with an accepted answer; the later half is judged. What speaks for an
answer are questions before the one that asks, so that its own thread says nothing. FAQ: an entry is a question and its
answer in one thread, nothing is learned, and hashes of the questions choose the half that is judged. --early looks at
the other halves, by which everything was chosen. OUT gets answers.json, and the vectors.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow.parquet as pq

from pipeline.answers import clusters, exact, fusion
from pipeline.answers.asked import RESOLVED, THREAD, Pairs
from pipeline.answers.fusion import FIXED, Fusion, Resolved
from pipeline.answers.related import Related
from pipeline.answers.scoring import Asking, Knowledge, total
from pipeline.arrays import metrics
from pipeline.encoder import encoder as encoders
from pipeline.settings.sections.answers import Answer

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

OURS, BM25 = "ours", "bm25"
RESAMPLES = 10_000
MESSAGES = 4000
Encode = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True)
class Task:
    """Questions that seek one of some answers.

    Attributes:
        name: of the task.
        scores: by ranker [N, A].
        right: bool [N, A].
    """

    name: str
    scores: dict[str, np.ndarray]
    right: np.ndarray


def encoder(out: Path, max_tokens: int = Answer().max_tokens) -> Encode:
    """The untouched encoder as [answer] has it, which keeps in a folder what it encoded."""
    out_of = out / "vectors"
    out_of.mkdir(parents=True, exist_ok=True)

    def encode(texts: Sequence[str]) -> np.ndarray:
        path = out_of / f"{sha256(json.dumps([max_tokens, *texts]).encode()).hexdigest()[:16]}.npy"
        if not path.is_file():
            found = encoders.load(Answer().model, max_tokens=max_tokens).encode(list(texts))
            np.save(path, found.astype(np.float16))
        return exact.rounded(np.load(path).astype(np.float32))

    return encode


def plain_bm25(documents: Sequence[str], queries: Sequence[str], stop_words: str | None = None) -> np.ndarray:
    """[Q, N] BM25 as it is usually meant: k1 = 1.5, b = .75, each word of the query as often as it is there."""
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(token_pattern=r"(?u)\b\w+\b", stop_words=stop_words)
    counts = counter.fit_transform(documents).tocsr().astype(np.float64)
    length = np.asarray(counts.sum(axis=1)).ravel()
    in_documents = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = np.log1p((len(documents) - in_documents + 0.5) / (in_documents + 0.5))
    of = np.repeat(np.arange(len(documents)), np.diff(counts.indptr))
    counts.data *= 2.5 / (counts.data + 1.5 * (0.25 + 0.75 * length[of] / length.mean())) * idf[counts.indices]
    return np.asarray((counter.transform(queries) @ counts.T).toarray())


def tfidf(documents: Sequence[str], queries: Sequence[str]) -> np.ndarray:
    """[Q, N] cosines of TF-IDF."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    counter = TfidfVectorizer(sublinear_tf=True)
    known = counter.fit_transform(documents)
    return np.asarray((counter.transform(queries) @ known.T).toarray())


@dataclass(frozen=True)
class Site:
    """The posts of a site, and who seeks what in them.

    Attributes:
        texts, vectors, when: of its posts, and their place in time.
        answers: [A] which posts are answers.
        pairs: what speaks for them.
        taught, judged: [N] questions with an accepted answer that teach, and later ones that are judged.
        accepted: by question, the place of its accepted answer in `answers`.
    """

    texts: np.ndarray
    vectors: np.ndarray
    when: np.ndarray
    answers: np.ndarray
    pairs: Pairs
    taught: np.ndarray
    judged: np.ndarray
    accepted: dict[int, int]

    @classmethod
    def of(cls, rows: list[dict[str, Any]], encode: Encode, early: bool) -> "Site":
        """Of a site's posts."""
        texts = np.array(["\n".join(filter(None, [one["title"], one["text"]])) for one in rows], dtype=object)
        answers = np.array([n for n, one in enumerate(rows) if one["kind"] == "answer"])
        place = {rows[n]["post_id"]: number for number, n in enumerate(answers)}
        asked = {one["post_id"]: n for n, one in enumerate(rows) if one["kind"] == "question"}
        accepted = {
            n: place[rows[n]["accepted_answer_id"]] for n in asked.values() if rows[n]["accepted_answer_id"] in place
        }
        when = np.argsort(np.argsort([one["created_at"].timestamp() for one in rows], kind="stable"), kind="stable")
        found = sorted((number, asked[rows[n]["question_id"]]) for number, n in enumerate(answers))
        answer, question = (np.array(column, dtype=np.int64) for column in zip(*found, strict=True))
        strength = np.array([RESOLVED if accepted.get(q) == a else THREAD for a, q in found], dtype=np.int8)
        seeking = np.array(sorted(accepted, key=lambda n: when[n]))
        half = len(seeking) // 2
        taught, judged = (
            (seeking[:half], seeking[half:]) if not early else (seeking[: half // 2], seeking[half // 2 : half])
        )
        pairs = Pairs(question, answer, strength)
        return cls(texts, encode(list(texts)), when, answers, pairs, taught, judged, accepted)

    def knowledge(self, related: Related | None = None) -> Knowledge:
        """Its answers."""
        question = self.pairs.question
        about = {"asked": self.texts[question], "asked_vectors": self.vectors[question], "when": self.when[question]}
        return Knowledge(self.texts[self.answers], self.vectors[self.answers], self.pairs, **about, related=related)

    def asking(self, some: np.ndarray, named: "csr_matrix | None" = None) -> Asking:
        """Questions, each with what was there before it; of all posts, what they name."""
        return Asking(self.texts[some], self.vectors[some], self.when[some], None if named is None else named[some])

    def fit(self, known: Knowledge, named: "csr_matrix | None" = None) -> Fusion:
        """The weights that the earlier questions teach."""
        right = np.stack([np.arange(len(self.taught)), np.array([self.accepted[n] for n in self.taught])])
        return fusion.fit(known, Resolved(self.asking(self.taught, named), right), fewest=30, held_share=0.3)

    @property
    def is_right(self) -> np.ndarray:
        """Bool [N, A] of the judged."""
        found = np.zeros((len(self.judged), len(self.answers)), dtype=bool)
        found[np.arange(len(self.judged)), [self.accepted[n] for n in self.judged]] = True
        return found


def of_site(rows: list[dict[str, Any]], encode: Encode, early: bool) -> tuple[Task, dict[str, Any]]:
    """The task of one site's posts, and what was learned."""
    site = Site.of(rows, encode, early)
    texts, vectors, answers, judged, is_right = site.texts, site.vectors, site.answers, site.judged, site.is_right
    known = site.knowledge()
    fitted = site.fit(known)
    parts = known.parts(site.asking(judged))
    documents, queries = list(texts[answers]), list(texts[judged])
    scores = {
        BM25: plain_bm25(documents, queries),
        "bm25, English stop words": plain_bm25(documents, queries, "english"),
        "tf-idf": tfidf(documents, queries),
        "encoder": exact.cosines(vectors[judged], vectors[answers]),
        "ours, nothing learned": total(parts, FIXED),
        OURS: total(parts, fitted.weights),
    }
    best = np.sort(scores[OURS], axis=1)
    said = fitted.probability(best[:, -1].astype(np.float64), best[:, -2].astype(np.float64))
    hit = is_right[np.arange(len(judged)), scores[OURS].argmax(axis=1)]
    learned = {"weights": fitted.weights.round(3).tolist(), **fitted.report, "answers": len(answers)}
    learned |= {"said": round(float(said.mean()), 3), "held": round(float(hit.mean()), 3)}
    return Task(rows[0]["site"], scores, is_right), learned


def of_faq(folder: Path, encode: Encode, early: bool) -> Task:
    """The task of rephrased questions."""
    entries = pq.read_table(folder / "faq.parquet").to_pylist()
    pairs = [one for one in pq.read_table(folder / "question_pairs.parquet").to_pylist() if one["similar"]]
    wanted = [one["question_1"].strip() for one in pairs]
    is_early = np.array([int(sha256(text.encode()).hexdigest(), 16) % 2 == 0 for text in wanted])
    chosen = np.flatnonzero(is_early == early)
    questions = np.array([one["question"].strip() for one in entries], dtype=object)
    answers = np.array([one["answer"] for one in entries], dtype=object)
    queries = np.array([pairs[n]["question_2"] for n in chosen], dtype=object)
    of_questions, of_answers, of_queries = encode(list(questions)), encode(list(answers)), encode(list(queries))
    every = np.arange(len(entries))
    threads = Pairs(every, every, np.full(len(entries), THREAD, dtype=np.int8))
    about: dict[str, Any] = {"asked": questions, "asked_vectors": of_questions, "when": every}
    known = Knowledge(answers, of_answers, threads, **about)
    asking = Asking(queries, of_queries, np.full(len(queries), len(entries)))
    both = [f"{q}\n{a}" for q, a in zip(questions, answers, strict=True)]
    scores = {
        BM25: plain_bm25(list(questions), list(queries)),
        "bm25, question and answer": plain_bm25(both, list(queries)),
        "tf-idf": tfidf(list(questions), list(queries)),
        "encoder": exact.cosines(of_queries, of_questions),
        "encoder, of the answer": exact.cosines(of_queries, of_answers),
        OURS: total(known.parts(asking), FIXED),
    }
    return Task("faq", scores, np.array([wanted[n] for n in chosen], dtype=object)[:, None] == questions[None, :])


def figures(scores: np.ndarray, right: np.ndarray) -> np.ndarray:
    """[N, 2] recall at 5 and reciprocal rank at 10 of the first right answer; of equals the wrong one is before it."""
    best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
    rank = 1 + ((scores >= best) & ~right).sum(axis=1)
    return np.stack([rank <= 5, np.where(rank <= 10, 1 / rank, 0)], axis=1).astype(np.float64)


def judge(name: str, tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
    """A row per ranker over all questions of some tasks, with 95 % intervals, alone and of ours above it."""
    found = {one: np.concatenate([figures(t.scores[one], t.right) for t in tasks]) for one in tasks[0].scores}
    for ranker, values in found.items():
        row: dict[str, Any] = {"task": name, "ranker": ranker, "questions": len(values)}
        low, high = metrics.bootstrap(values, RESAMPLES, 0)
        above_low, above_high = metrics.bootstrap(found[OURS] - values, RESAMPLES, 0)
        for place, metric in enumerate(("recall@5", "mrr@10")):
            mean, ours = values[:, place].mean(), found[OURS][:, place].mean()
            row[metric] = [round(float(one), 3) for one in (mean, low[place], high[place])]
            row[f"ours above, {metric}"] = [
                round(float(one), 3)
                for one in (ours - mean, above_low[place], above_high[place], ours / max(mean, 1e-9))
            ]
        yield row


def of_bank(path: Path, encode: Encode) -> Iterator[dict[str, Any]]:
    """B-cubed precision and recall of clusters of messages, against their intents.

    Source: Bagga & Baldwin, "Entity-based cross-document coreferencing using the vector space model", ACL 1998.
    """
    with duckdb.connect() as connection:
        chosen = f"select text, truth from read_csv('{path}', all_varchar = true) order by message_id"
        rows = connection.execute(chosen).fetchall()
    drawn = np.sort(np.random.default_rng(0).choice(len(rows), MESSAGES, replace=False))
    texts, truth = zip(*(rows[n] for n in drawn), strict=True)
    vectors = encode(texts)
    intent = np.unique(truth, return_inverse=True)[1]
    for same in (0.6, 0.7, 0.8):
        found = np.unique(clusters.go_on(clusters.NOBODY, vectors, same).of, return_inverse=True)[1]
        counts = np.zeros((found.max() + 1, intent.max() + 1))
        np.add.at(counts, (found, intent), 1)
        precision = (counts**2 / counts.sum(axis=1, keepdims=True)).sum() / MESSAGES
        recall = (counts**2 / counts.sum(axis=0, keepdims=True)).sum() / MESSAGES
        figure = {"clusters": len(counts), "precision": round(precision, 3), "recall": round(recall, 3)}
        yield {"task": "bank", "same": same} | figure


def main() -> None:
    """Measure what folders were given for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sites", type=Path)
    parser.add_argument("--faq", type=Path)
    parser.add_argument("--bank", type=Path)
    parser.add_argument("--early", action="store_true")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    encode, found = encoder(args.out), list[dict[str, Any]]()
    if args.sites:
        posts = pq.read_table(args.sites / "posts.parquet").to_pylist()
        sites = sorted({one["site"] for one in posts})
        made = [of_site([one for one in posts if one["site"] == site], encode, args.early) for site in sites]
        for task, learned in made:
            found += [{"task": task.name, **learned}, *judge(task.name, [task])]
        found += judge("sites", [task for task, _ in made])
    if args.faq:
        found += judge("faq", [of_faq(args.faq, encode, args.early)])
    if args.bank:
        found += of_bank(args.bank, encode)
    (args.out / "answers.json").write_text(json.dumps(found, indent=1) + "\n")
    for row in found:
        print(json.dumps(row))


if __name__ == "__main__":
    main()
