"""Whether anybody collects lineage; imports nothing, so that who has none pays nothing.

The official client's own settings say where events go, and no setting of Nightjar's: OPENLINEAGE_URL,
OPENLINEAGE__TRANSPORT__..., or an openlineage.yml where OPENLINEAGE_CONFIG says, in the current folder, or in
~/.openlineage. OPENLINEAGE_DISABLED=true turns it off.
"""

import os
from collections.abc import Mapping
from pathlib import Path

FILE = "openlineage.yml"


def is_on(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment, or a file that the client reads, says where events go."""
    if environment.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        return False
    if environment.get("OPENLINEAGE_URL") or any(name.startswith("OPENLINEAGE__TRANSPORT") for name in environment):
        return True
    named = environment.get("OPENLINEAGE_CONFIG")
    files = [Path(FILE), Path("~/.openlineage", FILE).expanduser(), *([Path(named)] if named else [])]
    return any(file.is_file() for file in files)
