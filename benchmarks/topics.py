"""Are topics what people call topics, and do their names stay?

    python -m benchmarks.topics OUT [--reuters FOLDER] [--news FOLDER] [--bank FOLDER] [--complaints FOLDER] [--tuning]

    reuters      articles.parquet: published_at, title, body, topics; Reuters-21578
    news         topic.parquet: text, topic; tweets of accounts that write about markets
    bank         queries.parquet: text, intent; BANKING77
    complaints   complaints.parquet: narrative, product; CFPB

Agreement: which documents of one label are together (NMI and AMI; B-cubed precision, recall and F1), of documents that
have one label, among all. Beside the topics: the question clusters of [answer] as they are, and k-means of TF-IDF or of
the encoder's vectors, and NMF, all of scikit-learn, which are told how many labels there are. Names: of Reuters'
articles, night by night, the share of texts that have the name of the night before; and that a night alone gives too.
Everything was chosen on articles until 1987-03-20 (--tuning shows those); what is reported are later ones, and the
other data.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from benchmarks.answers import encoder
from pipeline.answers import clusters, exact
from pipeline.settings.sections.answers import Answer
from pipeline.settings.sections.topics import Topics
from pipeline.topics import grouping, names

TUNED_UNTIL = date(1987, 3, 20)
FEW = 100
"""Articles of a day that is a night: fewer came on Sundays and in what is left of some months."""
READ = {
    "reuters": "select concat_ws(chr(10), title, body) as text, case when len(topics) = 1 then topics[1] end as label, "
    "published_at::date as day from '{}/articles.parquet' where published_at is not null and "
    "coalesce(title, body) is not null order by published_at, new_id",
    "news": "select text, topic as label, null::date as day from '{}/topic.parquet' order by split, text",
    "bank": "select text, intent as label, null::date as day from '{}/queries.parquet' order by split, text",
    "complaints": "select narrative as text, product as label, date_received as day from '{}/complaints.parquet' "
    "where narrative is not null order by date_received, complaint_id",
}


@dataclass(frozen=True)
class Data:
    """Documents, the earliest first.

    Attributes:
        name: of the data.
        texts: [N].
        labels: [N] text; None: several, or none.
        days: [N] dates or None.
        vectors: [N, h] of `exact.rounded`.
    """

    name: str
    texts: np.ndarray
    labels: np.ndarray
    days: np.ndarray
    vectors: np.ndarray

    def some(self, chosen: np.ndarray) -> "Data":
        """Some of them."""
        columns = (self.texts, self.labels, self.days, self.vectors)
        return Data(self.name, *(column[chosen] for column in columns))


def read(name: str, folder: Path, out: Path) -> Data:
    """Documents of a folder, each text once."""
    with duckdb.connect() as connection:
        rows = connection.execute(READ[name].format(folder)).fetchall()
    texts, labels, days = (np.array(column, dtype=object) for column in zip(*rows, strict=True))
    first = np.sort(np.unique(texts.astype(str), return_index=True)[1])
    texts, labels, days = texts[first], labels[first], days[first]
    return Data(name, texts, labels, days, encoder(out, Topics().max_tokens)(list(texts)))


def agreement(of: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """How well groups agree with labels, of documents that have one.

    Source: Vinh, Epps & Bailey, JMLR 2010 (AMI); Bagga & Baldwin, ACL 1998 (B-cubed).
    """
    from sklearn.metrics import adjusted_mutual_info_score, normalized_mutual_info_score

    known = np.array([one is not None for one in labels])
    alone = np.where(of < 0, of.max(initial=0) + 1 + np.arange(len(of)), of)  # what is in no group is one of its own
    found = np.unique(alone[known], return_inverse=True)[1]
    truth = np.unique(labels[known].astype(str), return_inverse=True)[1]
    counts = np.zeros((found.max() + 1, truth.max() + 1))
    np.add.at(counts, (found, truth), 1)
    precision = float((counts**2 / counts.sum(axis=1, keepdims=True)).sum() / len(found))
    recall = float((counts**2 / counts.sum(axis=0, keepdims=True)).sum() / len(found))
    return {
        "nmi": float(normalized_mutual_info_score(truth, found)),
        "ami": float(adjusted_mutual_info_score(truth, found)),
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall),
    }


def methods(data: Data, seed: int) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
    """By name, what puts documents together: [N] groups."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import NMF
    from sklearn.feature_extraction.text import TfidfVectorizer

    kinds = len({one for one in data.labels if one is not None})
    words = TfidfVectorizer(sublinear_tf=True, stop_words="english", min_df=2, max_features=20_000)

    def k_means(table: Any) -> np.ndarray:
        return np.asarray(KMeans(kinds, n_init=3, random_state=seed).fit_predict(table))

    def nmf() -> np.ndarray:
        table = words.fit_transform(data.texts)
        return np.asarray(
            NMF(kinds, init="nndsvd", max_iter=200, random_state=seed).fit_transform(table).argmax(axis=1)
        )

    same = Answer().same
    yield "topics", lambda: grouping.groups(data.vectors, Topics().likeness)
    yield f"question clusters, {same}", lambda: clusters.go_on(clusters.NOBODY, data.vectors, same).of
    yield f"TF-IDF, k-means, {kinds}", lambda: k_means(words.fit_transform(data.texts))
    yield f"NMF, {kinds}", nmf
    yield f"encoder, k-means, {kinds}", lambda: k_means(data.vectors / exact.STEPS)


def agreements(data: Data) -> Iterator[dict[str, Any]]:
    """A row per method."""
    for name, group in methods(data, 0):
        started = time.perf_counter()
        of = group()
        sizes = np.unique(of[of >= 0], return_counts=True)[1]
        row = {"data": data.name, "documents": len(of), "method": name}
        row |= {"groups": len(sizes), "of 10 or more": int((sizes >= 10).sum())}
        row |= {one: round(value, 3) for one, value in agreement(of, data.labels).items()}
        yield row | {"seconds": round(time.perf_counter() - started, 1)}


def nights_of(data: Data, since: date, until: date) -> list[date]:
    """The days on which enough was written to be a night."""
    days, counts = np.unique(data.days.astype("datetime64[D]"), return_counts=True)
    return [day for day, count in zip(days.tolist(), counts, strict=True) if count >= FEW and since < day <= until]


def kept(data: Data, nights: Sequence[date], group: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> dict[str, Any]:
    """How much keeps its name over some nights, each of which knows the last `past_days` days.

    Args:
        data: with days.
        nights: rising.
        group: of vectors [N, h] and the topics [N] of the night before the groups [N].
    """
    keys, shares, alone = np.arange(len(data.texts)).astype(str), [], []
    before: dict[str, str] = {}
    for night in nights:
        chosen = np.flatnonzero((data.days <= night) & (data.days > night - timedelta(days=Topics().past_days)))
        of = group(data.vectors[chosen], names.places(keys[chosen], before))
        topic = names.names(of, keys[chosen], before)
        tonight = {keys[n]: topic[one] for n, one in zip(chosen.tolist(), of.tolist(), strict=True) if one >= 0}
        both = [key for key in tonight if key in before]
        if both:
            shares.append(float(np.mean([tonight[key] == before[key] for key in both])))
        first = group(data.vectors[chosen], np.full(len(chosen), -1))
        named = names.names(first, keys[chosen], {})
        alone.append(float(np.mean([named[a] == topic[b] for a, b in zip(first, of, strict=True)])))
        before = tonight
    found = {"nights": len(nights), "kept": round(float(np.mean(shares)), 3), "worst night": round(min(shares), 3)}
    return found | {"a night alone": round(alone[-1], 3)}


def stay(data: Data, nights: Sequence[date]) -> Iterator[dict[str, Any]]:
    """A row per method: do names stay?"""
    from sklearn.cluster import KMeans

    kinds = len({one for one in data.labels if one is not None})
    same = Answer().same

    def k_means(vectors: np.ndarray, _: np.ndarray) -> np.ndarray:
        return np.asarray(KMeans(kinds, n_init=3, random_state=0).fit_predict(vectors / exact.STEPS))

    likeness = Topics().likeness
    for name, group in {
        "topics": lambda vectors, before: grouping.groups(vectors, likeness, before),
        "topics, each night anew": lambda vectors, _: grouping.groups(vectors, likeness),
        f"question clusters, {same}": lambda vectors, _: np.unique(
            clusters.go_on(clusters.NOBODY, vectors, same).of, return_inverse=True
        )[1],
        f"encoder, k-means, {kinds}": k_means,
    }.items():
        yield {"data": data.name, "method": name, **kept(data, nights, group)}


def main() -> None:
    """Measure what folders were given for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    for name in READ:
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--tuning", action="store_true")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    found: list[dict[str, Any]] = []
    for name in READ:
        if (folder := getattr(args, name)) is None or (args.tuning and name != "reuters"):
            continue
        data = read(name, folder, args.out)
        if name == "reuters":
            until = TUNED_UNTIL if args.tuning else date.max
            since = date.min if args.tuning else TUNED_UNTIL
            found += stay(data, nights_of(data, since, until))
            data = data.some((data.days > since) & (data.days <= until))
        found += agreements(data)
    (args.out / "topics.json").write_text(json.dumps(found, indent=1) + "\n")
    for row in found:
        print(json.dumps(row))


if __name__ == "__main__":
    main()
