"""Several machines in one process: each has a copy of its own of a home in a store."""

from datetime import date
from pathlib import Path
from typing import Any

from pipeline.ground import artifacts, keeping
from pipeline.store import urls
from pipeline.store.mirror import Mirror

NIGHT, NEXT = date(2024, 1, 1), date(2024, 1, 2)


def machine(url: str, home: Path) -> Mirror:
    """A mirror that keeps a home from now on."""
    mirror = Mirror(url, home, urls.parse(url).open)
    keeping.register(home, mirror)
    return mirror


def finish(folder: Path, parts: dict[str, str] | None = None, **files: bytes) -> None:
    """A night as run_stage makes it."""
    with artifacts.lock(folder), artifacts.writing(folder) as out:
        for name, content in files.items():
            path = out / name.replace("__", "/")
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        made: dict[str, Any] = {"stage": folder.parent.name, "parts": parts or {}, "files": artifacts.describe(out)}
        artifacts.write_manifest(out, made | {"report": {"share": 0.1, "text": "ü"}})


def folder_of(mirror: Mirror, night: date = NIGHT, stage: str = "als") -> Path:
    return artifacts.stage_dir(mirror.home / "lake", stage, night)


def content_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
