"""Which language each document of a night is in; a stage of shops that declare several.

    languages.parquet    a row per document: its language and how that is known
    guessed.parquet      the language of each text that was guessed, for the next night
    made_of.txt          what else decided a guess
    authors.parquet      who wrote what is in here

What a document's row says counts. Where it says nothing the text is guessed (pipeline.words.guessing), unless it is too
short or between two languages; then the most usual language of its thread says it, else that of its author's documents,
by what these say and are guessed as. The log is not written again: what is found stands beside the tables.
"""

import logging
import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import artifacts, keeping
from pipeline.settings.config import Config
from pipeline.settings.language_codes import shortest
from pipeline.settings.sections.words import Languages
from pipeline.words import guessing
from pipeline.words.classify import AUTHORS
from pipeline.words.documents import Documents, authors_of
from pipeline.words.schemas import LANGUAGES
from pipeline.words.spoken import OTHER

log = logging.getLogger(__name__)

GUESSED = pa.schema([pa.field("text_key", pa.string()), pa.field("language", pa.string())])
"""One row per text whose document said nothing; null: nothing was likely enough."""
CODE, NO_LANGUAGE = re.compile("[a-z]{2,3}"), {"und", "mul", "mis", "zxx"}
"""A language's code (ISO 639), and those that stand for none: unknown, several, without a code, no language at all."""
SAID, GUESS, THREAD, AUTHOR = "said", "guessed", "thread", "author"
"""How a language is known; spoken.OTHER: the row says one that is not declared."""


def run(*, ingest: Path, run_date: date, section: Languages, config: Config, out: Path) -> dict[str, Any]:
    """Find the language of each document.

    Args:
        ingest: the night's; documents of all nights up to it are read.
        run_date: the night.
        section, config: the settings.
        out: receives what is said above.
    Returns:
        Documents of each language, and how many of them are known in which way; those of none that is known.
    Raises:
        InputError: texts are to be guessed, and nothing is there to do it with.
    """
    documents = Documents.read(artifacts.run_date_of(ingest), config, ())
    languages, how = _said(documents.column("language"), section)
    silent = np.flatnonzero(how == None)  # noqa: E711  element-wise
    guessed = _guessed(documents, silent, _earlier(run_date, config), section, out) if section.guess else {}
    found = np.array([guessed.get(key) for key in documents.column("text_key")[silent]], dtype=object)
    sure = found != None  # noqa: E711  element-wise
    languages[silent[sure]], how[silent[sure]] = found[sure], GUESS
    spoken = languages.copy()  # what is only concluded concludes nothing
    for name, way in (("thread_id", THREAD), ("author", AUTHOR)):
        usual = most(documents.column(name), spoken, section.declared)
        taken = (how == None) & (usual != None)  # noqa: E711  element-wise
        languages[taken], how[taken] = usual[taken], way
    columns = {"document_id": documents.table.column("document_id"), "language": languages, "how": how}
    pq.write_table(pa.table(columns, schema=LANGUAGES), out / "languages.parquet", compression="zstd")
    pq.write_table(pa.table({"user_id": authors_of([documents.table])}), out / AUTHORS, compression="zstd")
    return _report(documents, run_date, languages, how, section)


def plain(said: str) -> str:
    """The language of a code as logs have them: of "pt-BR", "PT_br" or "por" it is "pt". "": it is no code, or one that
    says that the language is not known."""
    code = shortest(said.replace("_", "-").partition("-")[0].strip().lower())
    return code if CODE.fullmatch(code) and code not in NO_LANGUAGE else ""


def _said(column: np.ndarray, section: Languages) -> tuple[np.ndarray, np.ndarray]:
    """[D] the declared language that each row says, and how it is known; None: it says none."""
    known = dict.fromkeys(section.declared, SAID)
    code_of = {said: plain(said) for said in {*column.tolist()} - {None}}
    codes = [code_of.get(said, "") for said in column]
    languages = np.array([code if code in known else None for code in codes], object)
    return languages, np.array([known.get(code, OTHER) if code else None for code in codes], object)


def _guessed(
    documents: Documents, silent: np.ndarray, earlier: list[Path], section: Languages, out: Path
) -> dict[str, str | None]:
    """The language of the texts of some documents, by their hash; only new ones are guessed."""
    guess = guessing.load(section.declared)  # also where nothing is new: what is wrong is said at once
    key = guessing.key(section)
    (out / "made_of.txt").write_text(key)
    known = {}
    for folder in earlier:
        if (folder / "made_of.txt").is_file() and (folder / "made_of.txt").read_text() == key:
            known = dict(zip(*_columns(folder / "guessed.parquet"), strict=True))
    keys, texts = (documents.column(name)[silent] for name in ("text_key", "text"))
    named, first = np.unique(keys.astype(str), return_index=True)
    new = [place for place, one in zip(first.tolist(), named.tolist(), strict=True) if one not in known]
    known |= dict(zip(keys[new], guessing.of_texts(texts[new], guess, section), strict=True))
    found = {one: known[one] for one in named.tolist()}
    table = pa.table({"text_key": [*found], "language": [*found.values()]}, schema=GUESSED)
    pq.write_table(table, out / "guessed.parquet", compression="zstd")
    return found


def _columns(path: Path) -> list[list[Any]]:
    return [column.to_pylist() for column in pq.read_table(path, schema=GUESSED).columns]


def most(groups: np.ndarray, languages: np.ndarray, declared: tuple[str, ...]) -> np.ndarray:
    """[D] the language of most documents of each one's group; None: it has none, or two are as frequent.

    Args:
        groups: [D] text; None: of no group.
        languages: [D] declared ones; None: it is not known.
        declared: the languages.
    """
    found = np.full(len(groups), None, dtype=object)
    member = np.flatnonzero(groups != None)  # noqa: E711  element-wise
    _, place = np.unique(groups[member].astype(str), return_inverse=True)
    found[member] = np.array([*declared, None], dtype=object)[_usual(place, languages[member], declared)]
    return found


def _usual(place: np.ndarray, languages: np.ndarray, declared: tuple[str, ...]) -> np.ndarray:
    """[N] int64 the place of the language that most of each one's group have; -1: there is not one."""
    counts = np.zeros((int(place.max(initial=-1)) + 1, len(declared)), dtype=np.int64)
    for number, language in enumerate(declared):
        counts[:, number] = np.bincount(place[languages == language], minlength=len(counts))
    highest = counts.max(axis=1, initial=0)
    alone = (counts == highest[:, None]).sum(axis=1) == 1
    found: np.ndarray = np.where(alone & (highest > 0), counts.argmax(axis=1), -1)[place]
    return found


def _earlier(night: date, config: Config) -> list[Path]:
    """The last finished night before this one, if there is any; what it has is brought of a home in an object store."""
    folders = artifacts.partitions_until(config.lake, "languages", night)
    found = [folder for folder in folders if artifacts.run_date_of(folder) < night][-1:]
    for folder in found:
        keeping.bring(folder)
    return found


def _report(
    documents: Documents, night: date, languages: np.ndarray, how: np.ndarray, section: Languages
) -> dict[str, Any]:
    """Counts of all documents, and under `tonight` of those whose text this night was the first to know."""
    others = Counter(plain(said) for said in documents.column("language")[how == OTHER].tolist())
    if others:
        shown = ", ".join(f"{name} ({count})" for name, count in others.most_common(5))
        log.warning("languages: %d documents say a language that is not declared: %s", others.total(), shown)
    counts: dict[str, Any] = {"documents": len(languages)}
    for language in section.declared:
        mine = languages == language
        counts[language] = int(mine.sum())
        counts |= {f"{language}: {way}": int((mine & (how == way)).sum()) for way in (SAID, GUESS, THREAD, AUTHOR)}
    counts |= {OTHER: int((how == OTHER).sum()), "unknown": int((how == None).sum())}  # noqa: E711
    new = documents.column("text_since") == night
    tonight = {language: int((new & (languages == language)).sum()) for language in section.declared}
    tonight |= {OTHER: int((new & (how == OTHER)).sum()), "unknown": int((new & (how == None)).sum())}  # noqa: E711
    return counts | {"tonight": int(new.sum())} | {f"tonight: {name}": count for name, count in tonight.items()}
