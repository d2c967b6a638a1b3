"""The licences of all that requirements.txt brings, as its packages declare them."""

import re
from collections.abc import Iterator
from importlib import metadata

from packaging.requirements import Requirement

from tests.conftest import ROOT

PERMISSIVE = re.compile(
    r"(MIT|0BSD|BSD|ISC|Apache|Zlib|CC0|Unlicense|PSF|Python Software Foundation|BSL-1\.0|CNRI-Python|3-Clause)"
)
WEAK = re.compile(r"(LGPL|Lesser General|MPL|Mozilla)")
"""What asks for its own changes to be published, and nothing of a program that imports it."""
OF_SEVERAL = {"text-unidecode"}
"""Licensed under several at the user's choice, one of them permissive (here the Artistic License)."""
UNDECLARED = {"protobuf": "BSD-3-Clause", "transformers": "Apache-2.0"}
"""What these say in a file of theirs and not in their metadata."""


def required() -> Iterator[str]:
    """The packages that requirements.txt brings here, themselves included."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    known: set[str] = set()
    while wanted:
        requirement = wanted.pop()
        name = requirement.name.lower().replace("_", "-").replace(".", "-")
        if name in known:
            continue
        known.add(name)
        yield requirement.name
        for text in metadata.requires(requirement.name) or []:
            needed = Requirement(text)
            extras = requirement.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                try:
                    metadata.distribution(needed.name)
                except metadata.PackageNotFoundError:  # of another system or Python, or torch's CUDA
                    continue
                wanted.append(needed)


def declared(name: str) -> str:
    """What a package says of its licence."""
    said = metadata.metadata(name)
    classifiers = [text for text in said.get_all("Classifier") or [] if text.startswith("License")]
    return said.get("License-Expression") or " ".join(classifiers) or (said.get("License") or "")[:200]


def test_no_package_asks_anything_of_who_imports_it() -> None:
    names = sorted(required())
    assert len(names) > 100
    unknown = {name: declared(name) for name in names if name not in OF_SEVERAL and name not in UNDECLARED}
    parts = {name: re.split(r"\s+OR\s+", text)[0] for name, text in unknown.items()}
    assert {n: text for n, text in parts.items() if not PERMISSIVE.search(text) and not WEAK.search(text)} == {}
    strong = {n: text for n, text in parts.items() if re.search(r"(?<!L)\b(A?GPL)|GNU (Affero )?General", text)}
    assert strong == {}
