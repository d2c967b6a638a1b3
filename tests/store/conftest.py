"""A URL of an empty store, on a folder and on a real S3 API."""

from pathlib import Path

import pytest

from pipeline.ground import keeping
from pipeline.store import leases


@pytest.fixture(params=["file", pytest.param("s3", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(leases, "SECONDS", 2.0)
    monkeypatch.setattr(leases, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(keeping, "_KEEPERS", {})
    if request.param == "file":
        return f"file://{tmp_path}/bucket/shop"
    return f"s3://{request.getfixturevalue('s3').bucket()}/shop"
