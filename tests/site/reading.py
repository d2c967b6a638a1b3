"""What data files say, read by no code of the site."""

import json
import re
from hashlib import md5
from pathlib import Path
from typing import Any


def data(site: Path) -> Path:
    """Where the pages' data is: there is one version."""
    (version,) = (site / "data").iterdir()
    return version


def content(site: Path, kind: str, key: str) -> Any:
    """What the file has in which a page looks for a key; None: there is no such file."""
    digest = md5(key.encode()).hexdigest()
    found = [path for path in (data(site) / kind).glob("*.js") if digest.startswith(path.stem)]
    if not found:
        return None
    (path,) = found
    name, _, rest = path.read_bytes().decode("ascii").partition(",")
    assert name == f'nightjar("{kind}/{path.stem}"'
    assert rest.endswith(")\n")
    return json.loads(rest[:-2])


def everything(site: Path) -> str:
    """All text of a site."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(site.rglob("*")) if path.is_file())


def words(text: str) -> list[str]:
    """A text's words, as somebody would read them."""
    return re.findall(r"\w+", text)
