"""The benchmark of languages: sentences of a template, and translations whose nearest are known."""

import numpy as np
import pytest

from benchmarks import languages


def test_a_template_gives_sentences_of_its_own() -> None:
    rules = {"set": "(set|turn [back])", "the": "[the|my]"}
    said = {languages._say("<set> <the> {name} [in {area}] to {level}", rules, "en", n) for n in range(100)}
    expected = {
        " ".join(f"{verb} {the} lamp {place} to 20".split())
        for verb in ("set", "turn", "turn back")
        for the in ("", "the", "my")
        for place in ("", "in kitchen")
    }
    assert said == expected


def test_a_translation_that_is_nearest_is_first(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"en": {"a": "one", "b": "two", "c": "same"}, "pt": {"a": "um", "b": "dois", "c": "same"}}
    monkeypatch.setattr(languages, "messages", said.__getitem__)
    near = {"one": [1.0, 0.0], "um": [0.9, 0.1], "two": [0.8, 0.2], "dois": [0.1, 0.2]}
    found = languages.translations(lambda texts: np.array([near[text] for text in texts]), ("en", "pt"))
    assert found["texts"] == 2  # what is the same in both says nothing
    assert found["first"] == 0.5
    assert found["mrr"] == pytest.approx((1 + 1 / 2) / 2)
