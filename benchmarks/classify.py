"""What the classifier of documents is worth: messages to a bank, requests that an assistant cannot answer, news.

    python -m benchmarks.classify OUT [--bank CSV] [--clinc PARQUET] [--sentiment PARQUET] [--seeds 3]

    bank        BANKING77's published split (examples/support): all training messages, and 10 and 25 of each intent,
                alone and beside others without their intents, those that judge among them or not
    clinc       CLINC150's: `split`, `text`, `intent`, where the intent `oos` is out of scope, taught by 100 examples;
                and 10 of each intent, alone and beside others
    sentiment   a table with `split` (train, and another), `text`, `sentiment`

Each is learned as the stage `classify` learns it, on the published training part alone, and compared with TF-IDF of
words and letters under a linear SVM and under a logistic regression. The test part is looked at once. OUT gets
classify.json.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from pipeline.encoder import encoder as encoders
from pipeline.settings.sections.words import Classify, LabelSet
from pipeline.words import classifier, fitting, learning, quality, terms
from pipeline.words.learning import Examples
from pipeline.words.spreading import Unlabelled

BANK = Path(__file__).parents[1] / "examples" / "support" / "messages.csv.zst"
TRAIN = "train"
SHOTS = (10, 25)
TIMED = 1000


@dataclass(frozen=True)
class Task:
    """A set of texts with a published split.

    Attributes:
        name: of the task.
        taught, asked: the training part, and the part that judges.
        section: the label set.
        unlabelled: further texts of the training part, without their labels.
    """

    name: str
    taught: Examples
    asked: Examples
    section: LabelSet
    unlabelled: Unlabelled = field(default_factory=Unlabelled.none)


def read(
    path: Path, label: str, encoder: encoders.Encoder, known: dict[str, np.ndarray]
) -> tuple[Examples, np.ndarray]:
    """All texts of a table and bool [N] which are for training; their vectors are kept in `known`."""
    with duckdb.connect() as connection:
        chosen = f"select text, {label}, split from '{path}' where split <> 'val' order by all"
        rows = connection.execute(chosen).fetchall()
    texts, labels, splits = (np.array(column, dtype=object) for column in zip(*rows, strict=True))
    missing = sorted({text for text in texts if text not in known})
    known |= dict(zip(missing, encoder.encode(missing).astype(np.float16).astype(np.float32), strict=True))
    ids = np.array([f"{number}" for number in range(len(texts))], dtype=object)
    return Examples(ids, texts, np.stack([known[text] for text in texts]), labels), splits == TRAIN


def tasks(args: argparse.Namespace, encoder: encoders.Encoder) -> Iterator[Task]:
    """The tasks that files were given for."""
    known: dict[str, np.ndarray] = {}
    if args.bank.is_file():
        every, train = read(args.bank, "truth", encoder, known)
        taught, asked, section = every.take(train), every.take(~train), LabelSet(precision=0.95)
        whole = Task("bank", taught, asked, section)
        for shots in SHOTS:
            yield from drawn(whole, shots, args.seeds)
        yield whole
    if args.clinc:
        every, train = read(args.clinc, "intent", encoder, known)
        whole = Task("clinc", every.take(train), every.take(~train), LabelSet(precision=0.95, outside=("oos",)))
        yield from drawn(whole, SHOTS[0], args.seeds)
        yield whole
    if args.sentiment:
        every, train = read(args.sentiment, "sentiment", encoder, known)
        yield Task("sentiment", every.take(train), every.take(~train), LabelSet())


def drawn(whole: Task, shots: int, seeds: int) -> Iterator[Task]:
    """A task with so many examples of each label, drawn several times: alone, beside others without their labels, and
    where those that judge take part in the same way, as the documents of a night do."""
    for seed in range(seeds):
        chosen = few(whole.taught, shots, seed)
        name, taught = f"{whole.name}: {shots} a label, seed {seed}", whole.taught.take(chosen)
        yield Task(name, taught, whole.asked, whole.section)
        unlabelled = others(whole.taught, chosen, seed)
        yield Task(f"{name}, others without", taught, whole.asked, whole.section, unlabelled)
        everything = unlabelled.and_these(whole.asked.texts, whole.asked.vectors)
        yield Task(f"{name}, and those that judge", taught, whole.asked, whole.section, everything)


def few(examples: Examples, shots: int, seed: int) -> np.ndarray:
    """Places of so many examples of each label, drawn."""
    rng = np.random.default_rng(seed)
    names = np.unique(examples.labels.astype(str))
    chosen = [rng.choice(np.flatnonzero(examples.labels == name), shots, replace=False) for name in names]
    return np.sort(np.concatenate(chosen))


def others(examples: Examples, chosen: np.ndarray, seed: int) -> Unlabelled:
    """Of the texts that are not chosen as many as a night learns from, drawn, each once and without its label."""
    left = np.unique(examples.texts.astype(str), return_index=True)[1]
    left = left[~np.isin(examples.texts[left].astype(str), examples.texts[chosen].astype(str))]
    drawn = np.sort(np.random.default_rng(seed).permutation(left)[: Classify().most_unlabelled])
    return Unlabelled(examples.texts[drawn], examples.vectors[drawn])


def measure(task: Task) -> dict[str, Any]:
    """Learn a task and judge it; its figures with their intervals, and the rivals'."""
    started = time.perf_counter()
    fitted = learning.learn(task.taught, task.section, number=Classify().folds, seed=0, unlabelled=task.unlabelled)
    minutes = (time.perf_counter() - started) / 60
    judged = fitting.judge(fitted, task.asked, task.section)
    rows = [row for row in quality.figures(task.name, judged, seed=0) if row["label"] == quality.ALL]
    found: dict[str, Any] = {str(row["metric"]): [row["value"], row["low"], row["high"]] for row in rows}
    forced = judged.best.copy()
    forced[np.isin(forced.astype(str), task.section.outside)] = None
    found["macro_f1 without unknown"] = macro_f1(judged.given[judged.inside], forced[judged.inside])
    found |= {"taught": len(task.taught), "asked": len(task.asked), "minutes": minutes}
    found["recipe"] = asdict(fitted.recipe)
    return {"task": task.name} | found | {"rivals": rivals(task, judged.inside)}


def macro_f1(given: np.ndarray, said: np.ndarray) -> float:
    """Mean F1 over the labels that are given."""
    found = []
    for name in sorted(set(given)):
        hits = ((given == name) & (said == name)).sum()
        found.append(2 * hits / max((given == name).sum() + (said == name).sum(), 1))
    return float(np.mean(found))


def rivals(task: Task, inside: np.ndarray) -> dict[str, list[float]]:
    """Accuracy and macro F1 of TF-IDF under two linear models, of the documents inside the set."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    known = terms.fit(list(task.taught.texts))
    taught, asked = (known.weights(list(part.texts)) for part in (task.taught, task.asked))
    found = {}
    models = {"svm": LinearSVC(random_state=0), "logistic": LogisticRegression(C=10.0, max_iter=200)}
    if len(task.taught) > 9000 and len(set(task.taught.labels)) > 50:  # the softmax of so many takes most of an hour
        del models["logistic"]
    for name, model in models.items():
        said = model.fit(taught, task.taught.labels.astype(str)).predict(asked).astype(object)[inside]
        given = task.asked.labels[inside]
        found[name] = [float((said == given).mean()), macro_f1(given, said)]
    return found


def timed(task: Task, encoder: encoders.Encoder) -> float:
    """Seconds for 1,000 texts, from text to label, with a classifier and an encoder that are loaded."""
    fitted = learning.fit_all(task.taught, classifier.RECIPES[0], task.section, seed=0)
    texts = list(task.asked.texts[:TIMED])
    started = time.perf_counter()
    fitted.answers(encoder.encode(texts), texts)
    return time.perf_counter() - started


def main() -> None:
    """Measure what files are there for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--bank", type=Path, default=BANK)
    parser.add_argument("--clinc", type=Path)
    parser.add_argument("--sentiment", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    encoder = encoders.load(Classify().model, max_tokens=Classify().max_tokens)
    found = []
    for task in tasks(args, encoder):
        found.append(measure(task) | ({"seconds": timed(task, encoder)} if task.name == "bank" else {}))
        args.out.mkdir(parents=True, exist_ok=True)
        (args.out / "classify.json").write_text(json.dumps(found, indent=1) + "\n")
        print(json.dumps(found[-1]), flush=True)


if __name__ == "__main__":
    main()
