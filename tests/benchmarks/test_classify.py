"""What the benchmark of labels draws."""

import numpy as np

from benchmarks import classify
from pipeline.words.learning import Examples


def test_texts_without_a_label_are_others_than_those_drawn_and_each_once() -> None:
    number = 60
    texts = np.array([f"text {n % 50}" for n in range(number)], dtype=object)  # ten are there twice
    labels = np.array(["a", "b", "c"], dtype=object)[np.arange(number) % 3]
    examples = Examples(texts, texts, np.arange(number, dtype=np.float32)[:, None], labels)
    chosen = classify.few(examples, 4, seed=0)
    assert np.unique(labels[chosen], return_counts=True)[1].tolist() == [4, 4, 4]
    found = classify.others(examples, chosen, seed=0)
    assert sorted(found.texts) == sorted({*texts} - {*texts[chosen]})
    assert [texts[int(row)] for row in found.vectors[:, 0]] == found.texts.tolist()
