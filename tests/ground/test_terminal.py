"""Terminal text: lines up, fits, and cannot steer the terminal."""

import subprocess
import sys

import pytest

from pipeline.ground import terminal
from pipeline.ground.errors import InputError
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("RED  MUG", "RED MUG"),
        ("a\x1b[2J\x07b\x00c", "a[2Jbc"),
        ("one\r\ntwo\tthree", "one two three"),
        ("abc\u202edef\u200b", "abcdef"),  # right-to-left override, zero width space
        ("caf\u00e9 \u9999\u7d0b", "caf\u00e9 \u9999\u7d0b"),
        ("\x9b31m", "31m"),  # the one-byte form of ESC [
    ],
)
def test_nothing_that_steers_the_terminal_remains(text: str, cleaned: str) -> None:
    assert terminal.clean(text) == cleaned


def test_what_is_said_keeps_its_lines_and_steers_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say("one\x1b]0;title\x07\r\n\ttwo\x9b31m \u202ethree\udc80 caf\u00e9")
    assert capsys.readouterr().out == "one]0;title\n\ttwo31m three caf\u00e9\n"


def test_what_there_is_to_do_goes_on_where_nobody_listens_any_more() -> None:
    """As of `run --run-date FIRST..LAST | head -1`."""
    code = "from pipeline.ground import terminal\nimport sys\n"
    code += "for n in range(3):\n    terminal.say(n)\n    print('done', n, file=sys.stderr)\n    sys.stdin.readline()\n"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], text=True, cwd=ROOT, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout.readline() == "0\n"
        process.stdout.close()
        _, said = process.communicate("\n\n\n")
    assert said.splitlines() == ["done 0", "done 1", "done 2"]
    assert process.returncode == 0


def test_an_error_steers_nothing_whatever_it_quotes() -> None:
    error = InputError("file \x1b[2J", "says\n\x1b]52;c;x\x07")
    assert (str(error), error.said) == ("file [2J: says\n]52;c;x", "file [2J")


def test_wide_and_combining_characters_are_counted() -> None:
    assert terminal.width("\u9999\u7d0b") == 4
    assert terminal.width("e\u0301") == 1
    assert terminal.fit("\u9999\u7d0b\u9999", 4) == "\u9999… "
    assert terminal.fit("ab", 4, right=True) == "  ab"


def test_a_table_lines_up_and_squeezes_one_column() -> None:
    lines = terminal.table(["#", "title", "why"], [["1", "x" * 200, "y" * 40], ["10", "\u9999", "z"]], ["#"], "title")
    assert [terminal.width(line) <= terminal.WIDTH for line in lines] == [True] * 3
    assert lines[0].startswith("   #  title")
    assert lines[1].endswith("y" * 40)
    assert terminal.width(lines[2][: lines[2].index("z")]) == terminal.width(lines[1][: lines[1].index("y")])
