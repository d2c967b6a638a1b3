"""Which of the declared languages a text is in, by its letters: a naive Bayes model of byte n-grams, py3langid's.

It is asked for the declared languages alone, as a shop knows in which its people write; in a text of another language
it therefore finds one of them. Source: Lui & Baldwin, "langid.py: An Off-the-shelf Language Identification Tool", 2012.
"""

from collections.abc import Callable, Iterable, Sequence
from importlib import metadata

from pipeline.ground import artifacts, shipped
from pipeline.ground.errors import InputError
from pipeline.settings.config import Config
from pipeline.settings.sections.words import Languages

PACKAGE = "py3langid"
READ = 2000
"""Characters of a text that are read; more make it no surer."""
Guess = Callable[[str], tuple[str, float]]
"""The likeliest declared language of a text, and its probability among the declared ones."""


def load(declared: Sequence[str]) -> Guess:
    """The guesser of the declared languages.

    Raises:
        InputError: the package is not installed, or knows a language not.
    """
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        raise InputError(
            f"languages.guess needs the package {PACKAGE}: {shipped.installed_by('languages')}; or set guess = false, "
            "where the rows of the documents say their language"
        ) from None
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    if unknown := sorted({*declared} - {*identifier.labels}):
        raise InputError(
            f"languages.declared names {', '.join(unknown)}, of which {PACKAGE} knows no text: write ISO 639 codes "
            "such as en, pt or de, or set guess = false, where the rows of the documents say their language"
        )
    identifier.set_languages(declared)
    return lambda text: identifier.classify(text[:READ])


def require(config: Config) -> None:
    """Raise InputError where texts are to be guessed, and cannot be."""
    if config.enabled("languages") and config.languages.guess:
        load(config.languages.declared)


def of_texts(texts: Iterable[str], guess: Guess, section: Languages) -> list[str | None]:
    """The language of each text; None: it has too few letters, or none of the languages is likely enough."""
    found = []
    for text in texts:
        enough = sum(map(str.isalpha, text[:READ])) >= section.letters
        language, probability = guess(text) if enough else ("", 0.0)
        found.append(language if probability >= section.sure else None)
    return found


def key(section: Languages) -> str:
    """A hash of what decides a guess."""
    version = metadata.version(PACKAGE) if section.guess else ""
    return artifacts.text_sha256(PACKAGE, version, section.model_dump(mode="json"), READ)
