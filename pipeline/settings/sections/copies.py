"""Copies of the active run's tables for those who read neither DuckDB nor PostgreSQL."""

from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from pipeline.settings.sections.base import KEPT, Section

CopyName = Annotated[str, Field(pattern=r"^[a-z_]+$", max_length=40)]
"""What messages call a copy."""
ROOMS = (
    "lake", "day_so_far", "tables", "exports", "receipts", "blocked", "starts", "state", "objects", "leases", "search",
    "compare", "asked", "site", "monitoring", "federated", "tensorboard", "cache", "huggingface", "airflow"
)  # fmt: skip
"""Folders of a home that hold something else."""


class PublishedCopy(Section):
    """Where the active run's tables also go, each time it is published, rolled back or loses a person's rows."""

    kind: Annotated[Literal["delta", "redis", "opensearch"], KEPT]
    """Delta Lake tables; Redis or Valkey; OpenSearch or Elasticsearch. Each needs the extra `copies`."""
    place: str = ""
    """Of delta, and of opensearch where a file is to be made of what would be sent: a folder, relative to the home, or
    the URL of one in an object store (s3://bucket/prefix); of a home in an object store it lies there, too."""
    connection: str = Field(default="", pattern=r"^([a-z][a-z0-9_]*)?$")
    """Of redis and opensearch: the name of a connection; its URL is in the environment, NIGHTJAR_CONNECTION_<NAME>."""
    prefix: str = Field(default="nightjar", pattern=r"^[a-z][a-z0-9_]*$", max_length=60)
    """Of redis and opensearch: what keys, indices and aliases begin with. A server that several shops share has one for
    each of them: what begins with it is the copy's, and is removed when it is not needed any more."""
    keep_versions: Annotated[PositiveInt, KEPT] = 7
    """Of delta: so many versions of a table can be read, this one included; the files of older ones are removed."""

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        needed = {"delta": {"place"}, "redis": {"connection"}, "opensearch": {"place", "connection"}}[self.kind]
        given = {name for name in ("place", "connection") if getattr(self, name)}
        if wrong := sorted(given - needed):
            raise ValueError(f"a copy of kind '{self.kind}' has no {wrong[0]}: leave it out")
        if len(given) != 1:
            said = " or ".join(sorted(needed))
            raise ValueError(f"a copy of kind '{self.kind}' needs {'one of ' * (len(needed) > 1)}{said}: set it")
        return self

    @model_validator(mode="after")
    def _has_a_place_of_its_own(self) -> Self:
        if "://" in self.place:
            from pipeline.store import urls

            if not urls.is_url(self.place):
                raise ValueError(
                    f"place: write one of {', '.join(f'{one}://...' for one in urls.SCHEMES)}, or a folder"
                )
            urls.parse(self.place)
            return self
        parts = PurePosixPath(self.place).parts
        if ".." in parts or (self.place and not parts) or (parts and parts[0] in ROOMS):
            raise ValueError("place: name a folder of its own, relative to the home, such as 'lakehouse'")
        return self
