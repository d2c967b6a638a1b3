"""Where in a file an error lies, without what stands there."""

import re
import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # else the command line's help would wait for DuckDB
    import duckdb

KIND = re.compile(r"[A-Z]\w*(?: \w+){0,2} Error(?=:)")
CARET = re.compile(r"^LINE (\d+): (.*)\n( *)\^", re.MULTILINE)
BESIDE = re.compile(r"\n\s*(?:Candidate functions:|Use \"SET |Possible |In file \")")
"""Where DuckDB goes on with all that it could have done instead, and with settings that nobody can make here."""
STATEMENT = re.compile(r"\n\s*LINE \d+: ")
NAMED = re.compile(r'"([^"\n]+)"')
TOML = re.compile(r"\(at (line \d+, column \d+|end of document)\)$")


def of_sql(error: "duckdb.Error", text: str = "") -> str:
    """What kind of error DuckDB reports and where, e.g. "Parser Error at line 3, column 7".

    Args:
        error: DuckDB's.
        text: the statement, where it is the user's; where DuckDB names something instead of its place, that is looked
            for in it. Without it no place is told, as it would be one in another statement.
    """
    said = str(error)
    kind = KIND.match(said)
    name = kind[0] if kind else type(error).__name__
    place = text and (_at_caret(said, text) or _at_name(said, text))
    return f"{name} at {place}" if place else name


def words(error: "duckdb.Error", is_own: bool = False) -> str:
    """What DuckDB says is wrong, which may quote values, without what kind of error it is.

    Args:
        error: DuckDB's.
        is_own: whether its statement is the user's, and is shown as well; else it is all in one line.
    """
    said = str(error)
    kind = KIND.match(said)
    said = BESIDE.split(said[kind.end() + 1 :] if kind else said, maxsplit=1)[0].strip()
    return said if is_own else " ".join(STATEMENT.split(said, maxsplit=1)[0].split())


def _at_caret(said: str, text: str) -> str:
    """The place of DuckDB's caret; of a long line DuckDB shows a part, which is looked for."""
    if (found := CARET.search(said)) is None:
        return ""
    number, shown, before = int(found[1]), found[2], len(found[3]) - len(f"LINE {found[1]}: ")
    lines = text.splitlines()
    part, cut = shown.removeprefix("...").removesuffix("..."), 3 if shown.startswith("...") else 0
    start = lines[number - 1].find(part) if 0 < number <= len(lines) else -1
    return f"line {number}" if start < 0 else f"line {number}, column {start + before - cut + 1}"


def _at_name(said: str, text: str) -> str:
    found = NAMED.search(said.partition("\n")[0])
    at = text.find(found[1]) if found else -1
    if at < 0:
        return ""
    lines = text[:at].split("\n")
    return f"line {len(lines)}, column {len(lines[-1]) + 1}"


def of_toml(error: tomllib.TOMLDecodeError | UnicodeDecodeError) -> str:
    """Where a file stops being TOML: "line 3, column 7", "end of document", or the byte that is no UTF-8."""
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1} is not UTF-8"
    found = TOML.search(str(error))
    return found[1] if found else "somewhere"
