"""The benchmark of trainings: its variants are settings that exist, its made-up categories are last words."""

import pytest

from benchmarks import tuning
from pipeline.settings.sections.fine_tune import FineTune


@pytest.mark.parametrize("group", tuning.VARIANTS)
def test_every_variant_is_a_configuration(group: str) -> None:
    sections = [FineTune.model_validate(overrides) for overrides in tuning.VARIANTS[group].values()]
    assert sections[0] == FineTune()
    assert len({section.model_dump_json() for section in sections}) == len(sections)


def test_a_category_is_a_last_word_that_enough_titles_share() -> None:
    texts = ["RED MUG", "blue mug", "a lamp", "lamp", "SINGLE BAG", "", "size 12"]
    found = tuning.last_words(texts, least=2)
    assert found[0] == found[1] >= 0
    assert found[2] == found[3] >= 0
    assert found[0] != found[2]
    assert set(found) == {-1, 0, 1}
    assert found[4:].tolist() == [-1, -1, -1]
