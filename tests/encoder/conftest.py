"""The tiny encoder and the shop with a planted taste."""

from pathlib import Path

import pytest

from tests.encoder.planted_taste import KINDS, TEXTS, planted
from tests.encoder.text_shop import write_text_shop
from tests.encoder.tiny_encoder import write_tiny_bert
from tests.sources.shop import NIGHT


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder; nobody writes to it."""
    return write_tiny_bert(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Its features folder, in the lake below `tmp_path`."""
    bought = planted(TEXTS, KINDS, users=12)
    return write_text_shop(tmp_path / "lake", {NIGHT: bought}, TEXTS, learned=bought)
