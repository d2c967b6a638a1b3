"""What relations between things are worth for answers: planted ones, and tags of two sites that stand together.

    python -m benchmarks.relations OUT [--sites FOLDER] [--early]

    planted  300 components of 60 made-up products; one answer to each, which names its component and not the product.
             A question names the product and asks for a component by its relation's word or another one for it. The
             right answer is known, and without relations nothing but chance tells the sixty that fit apart. Shares of
             the relations are left out, or lead to another product's component.
    sites    posts.parquet, as benchmarks/answers.py has it, and its questions: of the earlier half's questions the tags
             that at least TOGETHER of them have both are related, without a word. Questions name their tags, answers
             those whose name stands in their text. Real texts; that tags which stand together are related is a guess,
             as no log with relations is at hand.

Without relations, with the things alone (no hop), and with them; weights learned from the earlier half. Differences
with paired 95 % bootstrap intervals over questions. --early looks at the earlier half of the sites' questions, and at
other products. OUT gets relations.json, and the vectors.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.answers import OURS, Encode, Site, Task, encoder, judge
from pipeline.answers import fusion
from pipeline.answers.asked import THREAD, Pairs
from pipeline.answers.fusion import Resolved
from pipeline.answers.related import Related, Relations, names_in
from pipeline.answers.scoring import Asking, Knowledge, total

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

TOGETHER = 3
"""Questions that have two tags, from which on these are related."""
PRODUCTS = 60
PARTS = {
    "battery": ("The {} keeps its charge for {} hours.", ("how many hours does the {w} of the {p} last", "cell")),
    "charger": ("Plugged into the {}, it is full after {} minutes.", ("how fast is the {w} of my {p}", "power plug")),
    "case": ("The {} survives a fall from {} metres.", ("is the {w} for a {p} any good when it is dropped", "cover")),
    "screen": ("The {} has {} lines of pixels.", ("how sharp is the {w} of the {p}", "display")),
    "warranty": ("Under {} we repair for {} months.", ("for how long does the {w} of the {p} hold", "guarantee")),
}  # fmt: skip
"""By relation: an answer about the component, a question, and another word for the relation."""
WITHOUT, THINGS = "without relations", "the things alone"


def planted(seed: int) -> tuple[list[str], list[str], list[tuple[str, str, str]], list[tuple[str, int]]]:
    """Names of things, answers, relations (product, word, component), and questions with the answer that is right."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("BCDFGHJKLMNPRSTVWXZ"))
    names: list[str] = []
    while len(names) < PRODUCTS * (1 + len(PARTS)):
        name = "".join(rng.choice(letters, 3)) + str(rng.integers(100, 1000))
        names += [name] if name not in names else []
    products, components = names[:PRODUCTS], iter(names[PRODUCTS:])
    answers, known, asked = list[str](), list[tuple[str, str, str]](), list[tuple[str, int]]()
    for product in products:
        for word, (answer, (question, other)) in PARTS.items():
            component = next(components)
            known.append((product, word, component))
            asked += [(question.format(w=one, p=product), len(answers)) for one in (word, other)]
            answers.append(answer.format(component, int(rng.integers(2, 100))))
    order = rng.permutation(len(asked))
    return names, answers, known, [asked[n] for n in order]


def of_planted(seed: int, missing: float, wrong: float, encode: Encode) -> tuple[Task, dict[str, Any]]:
    """The task of planted relations, of which a share is missing, and a share leads to another product's component."""
    _, answers, known, asked = planted(seed)
    rng = np.random.default_rng([seed, 1])
    draw = rng.random(len(known))
    other = rng.permutation(len(known))
    made = [
        (product, word, known[other[n]][2] if draw[n] < missing + wrong else component)
        for n, (product, word, component) in enumerate(known)
        if draw[n] >= missing
    ]
    texts = np.array([text for text, _ in asked], dtype=object)
    right = np.array([one for _, one in asked])
    of_texts, of_answers = encode(list(texts)), encode(answers)
    relations = Relations.of(*([one[n] for one in made] for n in range(3)))
    bare = _without_hops(relations)
    half, found = len(texts) // 2, dict[str, np.ndarray]()
    is_right = right[half:, None] == np.arange(len(answers))[None, :]
    learned: dict[str, Any] = {}
    for name, given in ((WITHOUT, None), (THINGS, bare), (OURS, relations)):
        about = (
            None if given is None else Related(given, np.array(answers, dtype=object), names_in(answers, given.names))
        )
        named = None if given is None else names_in(list(texts), given.names)
        knowledge = _of(np.array(answers, dtype=object), of_answers, about)
        asking = Asking(texts, of_texts, np.arange(len(texts)), named)
        teach = Resolved(asking.take(slice(0, half)), np.stack([np.arange(half), right[:half]]))
        fitted = fusion.fit(knowledge, teach, fewest=30, held_share=0.3)
        parts = knowledge.parts(asking.take(slice(half, None)))
        found[name] = total(parts, fitted.weights)
        if name != THINGS:
            found[f"{name}, nothing learned"] = total(parts, fusion.fixed_weights(len(parts)))
        if name == OURS:
            learned = {"weights": fitted.weights.round(3).tolist(), **fitted.report}
    name = f"planted, {missing:.0%} missing, {wrong:.0%} wrong"
    return Task(name, found, is_right), {"relations": len(made), "answers": len(answers), **learned}


def _of(answers: np.ndarray, vectors: np.ndarray, related: Related | None) -> Knowledge:
    """Answers for which nothing speaks but themselves."""
    none = np.zeros(0, dtype=np.int64)
    pairs = Pairs(none, none, np.full(0, THREAD, dtype=np.int8))
    about: dict[str, Any] = {"asked": answers[:0], "asked_vectors": vectors[:0], "when": none}
    return Knowledge(answers, vectors, pairs, **about, related=related)


def _without_hops(relations: Relations) -> Relations:
    """The same things, with no relation between them."""
    none = np.zeros(0, dtype=np.int64)
    return Relations(relations.names, none, none, np.zeros(0, dtype=object))


def of_tags(rows: list[dict[str, Any]], encode: Encode, early: bool) -> tuple[Task, dict[str, Any]]:
    """The task of a site's posts with relations between its tags."""
    site = Site.of(rows, encode, early)
    first = site.when[site.judged].min()
    tags = [one["tags"] if one["kind"] == "question" and one["tags"] else [] for one in rows]
    pairs = Counter(
        pair for n, some in enumerate(tags) if site.when[n] < first for pair in combinations(sorted(set(some)), 2)
    )
    together = sorted(pair for pair, number in pairs.items() if number >= TOGETHER)
    relations = Relations.of([one for one, _ in together], [None] * len(together), [one for _, one in together])
    named = _tagged(tags, relations.names)
    answers = site.texts[site.answers]
    found, learned = dict[str, np.ndarray](), dict[str, Any]()
    for name, given in ((WITHOUT, None), (THINGS, _without_hops(relations)), (OURS, relations)):
        about = None if given is None else Related(given, answers, names_in(answers.tolist(), given.names))
        mine = None if given is None else named
        known = site.knowledge(about)
        fitted = site.fit(known, mine)
        parts = known.parts(site.asking(site.judged, mine))
        found[name] = total(parts, fitted.weights)
        if name != THINGS:
            found[f"{name}, nothing learned"] = total(parts, fusion.fixed_weights(len(parts)))
        if name == OURS:
            learned = {"weights": fitted.weights.round(3).tolist(), **fitted.report, "relations": len(together)}
            learned["judged with a thing"] = int((np.diff(named.indptr)[site.judged] > 0).sum())
    return Task(rows[0]["site"], found, site.is_right), learned


def _tagged(tags: list[list[str]], names: np.ndarray) -> "csr_matrix":
    """[N, T] CSR of the posts, 1 where one has a tag."""
    from scipy import sparse

    place = {name: n for n, name in enumerate(names)}
    where = [(n, place[tag]) for n, some in enumerate(tags) for tag in sorted(set(some)) if tag in place]
    row, column = np.array(where, dtype=np.int64).reshape(-1, 2).T
    return sparse.csr_matrix((np.ones(len(row)), (row, column)), (len(tags), len(names)))


def all_of_them(sites: Path | None, encode: Encode, early: bool) -> Iterator[dict[str, Any]]:
    """A row per task and ranker, and one of what was learned."""
    for missing, wrong in ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5)):
        task, learned = of_planted(int(early), missing, wrong, encode)
        yield {"task": task.name, **learned}
        yield from judge(task.name, [task])
    if sites is None:
        return
    posts = pq.read_table(sites / "posts.parquet").to_pylist()
    names = sorted({one["site"] for one in posts})
    made = [of_tags([one for one in posts if one["site"] == name], encode, early) for name in names]
    for task, learned in made:
        yield {"task": task.name, **learned}
        yield from judge(task.name, [task])
    yield from judge("sites", [task for task, _ in made])


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sites", type=Path)
    parser.add_argument("--early", action="store_true")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    found = []
    for row in all_of_them(args.sites, encoder(args.out), args.early):
        found.append(row)
        print(json.dumps(row), flush=True)
    (args.out / "relations.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
