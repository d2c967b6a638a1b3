"""The pages that people read: the README, those of docs/, and those that stand beside what they are about."""

import re
from pathlib import Path

from tests.conftest import ROOT

PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")), ROOT / "sql" / "README.md"]
PAGES += [ROOT / "benchmarks" / "README.md", *sorted(ROOT.glob("examples/*/README.md"))]


def name(page: Path) -> str:
    """For a test's name."""
    return page.relative_to(ROOT).as_posix()


def blocks(text: str, *languages: str) -> list[str]:
    """The fenced blocks in one of these languages."""
    return re.findall(rf"^```(?:{'|'.join(languages)})\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    """What is not in a fenced block."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
