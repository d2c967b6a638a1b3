"""What mkdocs calls: the made pages join those of docs/, and none of them is kept in the repository."""

import re
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from docs.generate import floors, flow, links, settings, tables

PICTURES = {"flow": flow.picture, "floors": floors.picture, "rooms": floors.table}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Name the tables' pages in the navigation."""
    nav: list[Any] = config.nav or []
    for entry in nav:
        for title, children in entry.items():
            if title == "The tables":
                children += [{table.name: f"tables/{table.name}.md"} for table in tables.published()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the made pages, and the pages and pictures that stand elsewhere."""
    made = {"configuration.md": settings.page(), "tables/index.md": tables.overview(tables.published())}
    made |= {f"tables/{table.name}.md": tables.page(table) for table in tables.published()}
    made |= {page: (links.ROOT / file).read_text(encoding="utf-8") for page, file in links.elsewhere().items()}
    for page, content in made.items():
        files.append(File.generated(config, page, content=content))
    for picture in links.pictures():
        files.append(File.generated(config, picture, abs_src_path=str(links.ROOT / picture)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Make the links the site's own and put the pictures in."""
    # A browser would fetch a program from elsewhere to draw Mermaid: the made picture says the same.
    markdown = re.sub(r"^```mermaid\n.*?^```$", "<!-- picture: flow -->", markdown, flags=re.MULTILINE | re.DOTALL)
    markdown = links.for_site(markdown, page.file.src_uri)
    return re.sub(r"<!-- picture: (\w+) -->", lambda found: PICTURES[found[1]](), markdown)
