"""Starter shops for logs whose schema is known: of other recommenders, and of what collects behaviour."""

import json
import shlex
from pathlib import Path
from string import Template

FOLDER = Path(__file__).parent / "known"
NAMES = ("personalize", "ga4", "segment", "rectools")
TITLES = {
    "personalize": "Amazon Personalize's datasets",
    "ga4": "Google Analytics 4's export to BigQuery",
    "segment": "Segment's track calls",
    "rectools": "RecTools' columns",
}
MAPPINGS = ("events.sql", "items.sql")


def write(name: str, partial: Path, folder: Path) -> str:
    """Write a shop for logs of a schema.

    Args:
        name: of the schema, one of NAMES.
        partial: an existing folder, which is written.
        folder: what it will be called.
    Returns:
        For people: what comes next.
    """
    path, known = shlex.quote(str(folder / "pipeline.toml")), FOLDER / name
    for file in MAPPINGS:
        if (known / file).is_file():
            (partial / file).write_bytes((known / file).read_bytes())
    settings = (known / "settings.toml").read_text(encoding="utf-8")
    home = json.dumps(str(folder.absolute() / ".nightjar"), ensure_ascii=False)
    _fill(partial / "pipeline.toml", title=TITLES[name], home=home, settings=settings)
    _fill(partial / "README.md", title=TITLES[name], config=path)
    files = [line.strip() for line in settings.splitlines() if line.startswith("files = ")]
    return "\n".join(
        [
            f"{folder} is written, for {TITLES[name]}",
            *(f"  {line}" for line in dict.fromkeys(files)),
            "",
            "next: put your logs there, then",
            f"  nightjar --config {path} check",
        ]
    )


def _fill(file: Path, **values: str) -> None:
    file.write_text(Template((FOLDER / file.name).read_text(encoding="utf-8")).substitute(values), encoding="utf-8")
