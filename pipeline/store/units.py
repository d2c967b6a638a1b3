"""The parts of a home that are in a store, each with a manifest of its own that is written last.

    lake/<stage>/run_date=D/manifest.json       a stage's night: what its own manifest says, and where its files are
    tables/manifest.json, asked/..., state/...  a folder that changes as a whole: its files and links, where they are
    objects/<part>/v=<unique>/<file>            the files; none is ever written twice, and one that no manifest names is
                                                none of the home's

A manifest that is replaced is the instant of the change: who reads has the files of the one before, or of this one.
Manifests lie apart from files so that one listing tells what there is, however many files a night has.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.ground import artifacts
from pipeline.ground.errors import StoreError

Content = dict[str, Any]
"""What a manifest says: `files` (name: bytes, sha256), `objects` (name: key), `links` (name: target), `written`
(name: ns since 1970), and of a night all that its own manifest has."""
OWN = ("objects", "written", "seen")
"""What a night's own manifest does not say."""
SEEN = "seen"
"""What only this machine's record of a manifest says: which files they were, by `Unit.identities`."""
LAKES = ("lake", "day_so_far")
WHOLE = ("tables", "asked", "starts")
"""Folders that change as a whole, with all that is in them."""
PRIVATE = "state/"
"""What only its owner may read on disk."""
STATE = {
    "state/ingest": ("lake/ingest", ("history.txt", "pseudonyms.txt")),
    "state/forgotten": (".", ("forgotten.json", ".forgotten.salt")),
    "state/privacy": (".", ("privacy.jsonl",)),
    "state/receipts": ("receipts", ("*.json", ".forget-*.jsonl")),
}


@dataclass(frozen=True)
class Unit:
    """A part of a home.

    Attributes:
        name: below the store's URL, and what its lease is called.
        folder: of the copy.
        patterns: which files of a folder are its own; none: all, of a stage's night.
    """

    name: str
    folder: Path
    patterns: tuple[str, ...] = ()

    @property
    def is_night(self) -> bool:
        """Whether it is a stage's folder of one night."""
        return not self.patterns

    @property
    def key(self) -> str:
        """Where its manifest is."""
        return f"{self.name}/{artifacts.MANIFEST}"

    def described(self, before: Content | None) -> Content | None:
        """What is there now, without `objects`; None: nothing, or nothing whole.

        Args:
            before: as it was sent or fetched; of files as they were then, what it says is taken over.
        """
        return self._night() if self.is_night else self._tree(before or {})

    def _night(self) -> Content | None:
        if self.folder.is_symlink() or not artifacts.is_finished(self.folder):
            return None
        path = self.folder / artifacts.MANIFEST
        return artifacts.read_manifest(self.folder) | {"written": {artifacts.MANIFEST: path.stat().st_mtime_ns}}

    def _tree(self, before: Content) -> Content | None:
        files: Content = {}
        written: Content = {}
        links: Content = {}
        for path in self.own_files():
            name = path.relative_to(self.folder).as_posix()
            if path.is_symlink():
                links[name] = str(path.readlink())
                continue
            about = path.stat()
            written[name] = about.st_mtime_ns
            known = before.get("files", {}).get(name)
            same = known and before.get(SEEN, {}).get(name) == _identity(about)
            files[name] = known if same else {"bytes": about.st_size, "sha256": artifacts.file_sha256(path)}
        return {"files": files, "written": written, "links": links} if files or links else None

    def identities(self) -> dict[str, list[int]]:
        """What tells whether the files are still those that they were: of a night its manifest, which has hashes.

        The time of the last change is not enough, as who writes a file again may give it the time of the one before.
        """
        paths = [self.folder / artifacts.MANIFEST] if self.is_night else self.own_files()
        there = [path for path in paths if path.is_file() and not (path.is_symlink() or self.folder.is_symlink())]
        return {path.relative_to(self.folder).as_posix(): _identity(path.stat()) for path in there}

    def own_files(self) -> list[Path]:
        """The files and links of a folder that are the part's own; what is being written is hidden, and is not."""
        found = {path for pattern in self.patterns for path in self.folder.glob(pattern) if not path.is_dir()}
        hidden = {path for path in found if self._is_hidden(path)}
        return sorted(found - hidden)

    def _is_hidden(self, path: Path) -> bool:
        parts = path.relative_to(self.folder).parts
        return any(part.startswith(".") for part in parts[:-1]) or (
            parts[-1].startswith(".") and not any(p.startswith(".") and path.match(p) for p in self.patterns)
        )


def _identity(about: os.stat_result) -> list[int]:
    return [about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino]


def manifest_text(content: Content) -> str:
    """A night's own manifest, as pipeline.ground.artifacts wrote it."""
    own = {name: said for name, said in content.items() if name not in OWN}
    return json.dumps(own, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def parsed(url: str, key: str, text: bytes) -> Content:
    """What a manifest in a store says.

    Raises:
        StoreError: it is damaged.
    """
    try:
        content: Content = json.loads(text)
        names = [*content["files"], *content["objects"], *content["written"], *content.get("links", {})]
        if any(name.startswith("/") or ".." in name.split("/") for name in names):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{url}/{key} is damaged ({type(error).__name__}): remove it, then run its stage again"
        ) from None
    return content


def of_path(home: Path, path: Path) -> tuple[str, list[Unit]] | None:
    """What a lock on a path of a home is a lock on: the lease's name, and the parts that change under it.

    None where nothing of the path is in the store.
    """
    name = path.relative_to(home).as_posix()
    parts = name.split("/")
    if parts[0] in LAKES and len(parts) == 3:
        if not parts[2].startswith(artifacts.PARTITION):
            return name, [named(home, "state/ingest"), named(home, "state/forgotten")] if parts[0] == "lake" else []
        return name, [named(home, name), *([named(home, f"blocked/{parts[2]}")] if parts[1] == "evaluate" else [])]
    if name == "forgotten.json":  # who reads the logs holds this lease, so that whoever adds a name waits for them
        return "lake/ingest/history", [named(home, "state/forgotten")]
    if name == "privacy.jsonl":
        return name, [named(home, "state/privacy")]
    if name in {"receipts", *WHOLE}:
        return name, [named(home, "state/receipts" if name == "receipts" else name)]
    return (name, [named(home, name)]) if parts[0] == "exports" and len(parts) == 3 else None


def named(home: Path, name: str) -> Unit:
    """The part of a name."""
    if name in STATE:
        folder, patterns = STATE[name]
        return Unit(name, home / folder, patterns)
    if name in WHOLE:
        return Unit(name, home / name, ("**/*",))
    if name.startswith("exports/"):
        return Unit(name, (home / name).parent, (name.rpartition("/")[2],))
    return Unit(name, home / name, ("*",) if name.startswith("blocked/") else ())
