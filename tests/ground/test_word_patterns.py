import re
import sys
import unicodedata

import pytest
import regex

from pipeline.ground import word_patterns
from pipeline.words import contrast, terms


def test_a_word_is_what_unicode_says_of_every_character() -> None:
    ours, theirs = re.compile(word_patterns.WORD), regex.compile(r"[\p{L}\p{N}_][\p{L}\p{N}_\p{M}\u200c\u200d]*")
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code)) != "Cn":  # given a meaning after this Python
            text = f"a{chr(code)}b {chr(code)}"
            assert ours.findall(text) == theirs.findall(text), hex(code)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("नमस्ते, दुनिया!", ["नमस्ते", "दुनिया"]),
        ("தமிழ் மொழி", ["தமிழ்", "மொழி"]),
        ("ශ්\u200dරී ලංකා", ["ශ්\u200dරී", "ලංකා"]),
        ("İSTANBUL istanbul", ["istanbul", "istanbul"]),
        ("cafe\u0301 CAFÉ", ["café", "café"]),
        ("J\u030cORD \u01f0ord", ["\u01f0ord"] * 2),
        ("❤\ufe0f mug❤\ufe0fcup \U0001f468\u200d\U0001f469", ["mug", "cup"]),
        ("don't a_b 3x", ["don", "t", "a_b", "3x"]),
        (" -- ", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert word_patterns.words(text) == words


def test_what_tells_texts_apart_has_vowel_signs() -> None:
    assert contrast.tell(["कमल खिला"] * 30, ["कमाल हुआ"] * 60).words == ("कमल", "खिला")
    assert "किताब" in terms.fit(["किताब", "कितबा"]).vocabulary["words"]


def test_of_texts_without_marks_words_are_those_of_the_plain_pattern() -> None:
    text = "'tis x- don't 3abc ab' -cd- e_f _gh x'y 12 a1 été"
    assert re.findall(contrast.WORD, text) == re.findall(r"\b[^\W\d_][\w'-]+\b", text)
    assert re.findall(word_patterns.LONGER_WORD, text) == re.findall(r"\b\w\w+\b", text)
