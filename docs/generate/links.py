"""Pages that stand elsewhere in the repository, and links that hold in a checkout as well as on the site."""

import posixpath
import re
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")


def elsewhere() -> dict[str, str]:
    """The site's pages that are not in docs/: their place on the site, and their file."""
    examples = sorted(ROOT.glob("examples/*/README.md"))
    found = {
        "index.md": "README.md",
        "queries.md": "sql/README.md",
        "benchmarks.md": "benchmarks/README.md",
        **{f"examples/{path.parent.name}.md": path.relative_to(ROOT).as_posix() for path in examples},
    }
    return {page: file for page, file in found.items() if (ROOT / file).exists()}


def pictures() -> list[str]:
    """The pictures of those pages; they keep their place."""
    return sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("examples/*/*.png"))


def file_of(page: str) -> str:
    """The file a page of the site was made from."""
    return elsewhere().get(page, f"docs/{page}")


def page_of(file: str) -> str | None:
    """Where on the site a file or folder of the repository is; None: nowhere."""
    places = {stands: page for page, stands in elsewhere().items()}
    folder = f"{file}/README.md"
    if file in places or folder in places:
        return places.get(file) or places[folder]
    if file.startswith("docs/"):
        return file.removeprefix("docs/")
    return file if file in pictures() else None


def for_site(markdown: str, page: str) -> str:
    """The page with every link to a file of the repository turned into one of the site.

    Args:
        markdown: the text; its links are relative to the file it was made from.
        page: its place on the site.
    Returns:
        The text; a link to a file that is not on the site is only its words.
    """
    folder = PurePosixPath(file_of(page)).parent

    def moved(found: re.Match[str]) -> str:
        target = found["target"]
        if "://" in target or target.startswith("mailto:"):
            return found[0]
        place = page_of(posixpath.normpath(str(folder / target)))
        if place is None:
            return found["text"]
        there = posixpath.relpath(place, posixpath.dirname(page) or ".")
        return f"{found['picture']}[{found['text']}]({there}{found['anchor'] or ''})"

    parts = re.split(r"(^```.*?^```$)", markdown, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if part.startswith("```") else LINK.sub(moved, part) for part in parts)
