"""Words and phrases of a shop's lists, and the texts that have them as whole words."""

from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ground import artifacts, sql
from pipeline.ground.errors import InputError
from pipeline.settings.config import Config
from pipeline.settings.sections.content import ContentCheck

PHRASES = pa.schema(
    [
        pa.field("check_name", pa.string()),
        pa.field("phrase", pa.string()),  # as the list has it
        pa.field("words", pa.string()),  # see sql/content/macros.sql
        pa.field("beginning", pa.string()),  # its first two words, or the one that it has
    ]
)
SPACED = pa.schema([("place", pa.int64()), ("words", pa.string()), ("is_whole", pa.bool_())])
MATCHED = pa.schema([("id", pa.string()), ("check_name", pa.string()), ("matched", pa.string())])
SIGNS = r"([\x{2100}-\x{214F}\x{3200}-\x{33FF}\p{No}\x{AA}\x{BA}])"
"""Letter-like signs, squared words, superscripts and fractions; letters in circles are letters."""
Line = tuple[str, str]
"""Where a phrase stands, for a message, and the phrase."""


def files(checks: Iterable[ContentCheck], config: Config) -> dict[str, Path]:
    """The files of word lists by check."""
    return {check.name: config.folder / check.file for check in checks if check.file is not None}


def digest(config: Config) -> str:
    """A hash of what the word lists' files say; "": there are none, or one cannot be read."""
    found = files(config.content.checks, config)
    if not found or not all(path.is_file() for path in found.values()):
        return ""
    return artifacts.text_sha256(sorted((name, artifacts.file_sha256(path)) for name, path in found.items()))


def read(connection: duckdb.DuckDBPyConnection, config: Config) -> pa.Table:
    """PHRASES of all checks that look for words.

    Args:
        connection: with the macros of sql/content/macros.sql.
        config: the checks, and the folder of their files.
    Raises:
        InputError: a file is missing, no UTF-8 or without a phrase, or a phrase could not be found in any text, or
            would be found in others; names file and line.
    """
    parts = [PHRASES.empty_table()]
    for check in (check for check in config.content.checks if check.has_words):
        lines = [(f"content check '{check.name}', words", normal(word)) for word in check.words]
        if check.file is not None:
            lines += _lines(config.folder / check.file, check.name)
        parts.append(_made(connection, check.name, lines))
    return pa.concat_tables(parts)


def require(config: Config) -> None:
    """Raise InputError where a word list is none; see `read`."""
    with sql.connect(1, config.memory_limit_mb, timezone=config.timezone) as connection:
        sql.execute(connection, "content/macros")
        read(connection, config)


def _lines(path: Path, name: str) -> list[Line]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(
            f"{path} does not exist (content check '{name}'): the file has a word or a phrase a line"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read (content check '{name}'): {error}; write it in UTF-8") from None
    lines = [(f"{path}, line {number}", normal(line)) for number, line in enumerate(text.splitlines(), 1)]
    found = [(where, line) for where, line in lines if line and not line.startswith("#")]
    if not found:
        raise InputError(
            f"{path} has no word (content check '{name}'), and everything that it held back would be shown: take the "
            "check out where nothing is looked for any more"
        )
    return found


def normal(text: str) -> str:
    """A phrase without spaces at its ends, NFKC."""
    return str(_normal(pa.array([text], pa.string()))[0].as_py()).strip()


def _normal(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """NFKC of texts, in which a sign that it would write as letters or digits ("™", "²") stays apart from the word."""
    return pc.utf8_normalize(pc.replace_substring_regex(texts, SIGNS, r" \1 "), "NFKC")


def _made(connection: duckdb.DuckDBPyConnection, name: str, lines: list[Line]) -> pa.Table:
    """PHRASES of one check, each phrase once."""
    given = pa.table({"place": range(len(lines)), "phrase": pa.array([line for _, line in lines], pa.string())})
    spaced = sql.query(connection, "content/phrases", SPACED, {"given": given})
    for place, is_whole in zip(*(spaced.column(n).to_pylist() for n in ("place", "is_whole")), strict=True):
        if not is_whole:
            where, phrase = lines[place]
            raise InputError(
                f"{where}: '{phrase}' begins or ends with what is no letter, digit or symbol, which is looked past in "
                "texts, so that other words would be found: write the word alone"
            )
    words = spaced.column("words")
    table = pa.table([pa.repeat(name, len(lines)), given.column("phrase"), words, words], schema=PHRASES)
    beginning = pc.replace_substring_regex(pc.utf8_trim(words, " "), r"^([^ ]+ [^ ]+) .*$", r"\1")
    table = table.set_column(3, PHRASES.field("beginning"), beginning)
    kept = table.group_by(["check_name", "words"], use_threads=False).aggregate(
        [("phrase", "first"), ("beginning", "first")]
    )
    kept = kept.rename_columns(["check_name", "words", "phrase", "beginning"])
    return kept.select(PHRASES.names).cast(PHRASES)


def matched(connection: duckdb.DuckDBPyConnection, texts: pa.Table, phrases: pa.Table) -> pa.Table:
    """MATCHED: of each text and check that finds something the phrase that stands first.

    Args:
        connection: with the macros of sql/content/macros.sql.
        texts: id, text.
        phrases: PHRASES.
    """
    if not texts.num_rows or not phrases.num_rows:
        return MATCHED.empty_table()
    given = pa.table([texts.column("id"), _normal(texts.column("text"))], names=["id", "text"])
    return sql.query(connection, "content/matched", MATCHED, {"texts": given, "phrases": phrases})
