"""Where the files that come with the code are: beside the package in a checkout, inside it in an installed wheel."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
FOLDERS = ("dags", "sql")
"""Folders of the repository's root that a wheel carries inside the package, as `_dags` and `_sql` (pyproject.toml)."""


def folder(name: str, package: Path = PACKAGE) -> Path:
    """The folder `name` of FOLDERS; the wheel's comes first, as anything may lie beside an installed package.

    Args:
        name: of the folder in a checkout's root.
        package: the folder of the package `pipeline`.
    """
    inside = package / f"_{name}"
    return inside if inside.is_dir() else package.parent / name


def installed_by(name: str) -> str:
    """How to install an extra (pyproject.toml). By its folder: Nightjar's name is another project's where pip looks."""
    return f"pip install '.[{name}]' -c constraints.txt, in Nightjar's checkout"


def sources(package: Path = PACKAGE) -> list[tuple[str, Path]]:
    """The files that decide what is computed, in order: (name in a checkout, file); the same names from a wheel.

    Args:
        package: the folder of the package `pipeline`.
    """
    carried = {f"_{name}" for name in FOLDERS}
    roots = {
        "pipeline": (package, [p for p in package.rglob("*.py") if p.relative_to(package).parts[0] not in carried]),
        "sql": (folder("sql", package), list(folder("sql", package).rglob("*.sql"))),
    }
    found = [(Path(name, p.relative_to(root)), p) for name, (root, paths) in roots.items() for p in paths]
    return [(name.as_posix(), path) for name, path in sorted(found)]
