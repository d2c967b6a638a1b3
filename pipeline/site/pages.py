"""What every page of the site has: its head, the search box, the way between the pages; from a disk or a bucket."""

from collections.abc import Mapping
from html import escape
from pathlib import Path

ASSETS = Path(__file__).parent / "assets"
# A page takes nothing from elsewhere, and runs no script that stands in it: a title cannot be one, whatever it says.
POLICY = "default-src 'none'; script-src 'self' file:; style-src 'self' file:; img-src 'self' data:; " + (
    "base-uri 'none'; form-action 'none'"
)
PAGES = {"index.html": "Nights", "look.html": "Lists"}


def page(name: str, title: str, body: str, data: Mapping[str, str]) -> str:
    """A page.

    Args:
        name: its file, of PAGES.
        title: what its tab says; plain text.
        body: trusted HTML.
        data: what the script has to know, as attributes of the page's body; plain text.
    """
    ways = "".join(
        f'<a href="{file}"{" aria-current=page" if file == name else ""}>{said}</a>' for file, said in PAGES.items()
    )
    known = "".join(f' data-{key}="{escape(value)}"' for key, value in data.items())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>{escape(title)}</title>
<link rel="stylesheet" href="data/{data["version"]}/site.css">
<script src="data/{data["version"]}/site.js" defer></script>
</head>
<body{known}>
<a class="skip" href="#main">To the content</a>
<header>
<nav aria-label="Pages"><b>Nightjar</b>{ways}</nav>
<form role="search" autocomplete="off">
<input id="find" type="search" maxlength="200" spellcheck="false" aria-controls="found" aria-label="Find a list or item"
 placeholder="{escape(_asked_for(data))}">
<kbd aria-hidden="true">/</kbd>
<ul id="found" aria-live="polite" hidden></ul>
</form>
</header>
<main id="main" tabindex="-1">
{body}
</main>
<noscript><p class="note">Lists and items are looked up by a script, which is switched off here.</p></noscript>
</body>
</html>
"""


def _asked_for(data: Mapping[str, str]) -> str:
    """What can be looked up, in words."""
    kinds = [("titles", "a title"), ("users", "a user's id"), ("queries", "a query")]
    *first, last = [said for kind, said in kinds if kind in data]
    return f"{', '.join(first)} or {last}" if first else last
