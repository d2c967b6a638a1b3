"""The made-up nights, built once."""

from pathlib import Path

import pytest

from pipeline.sources.configuration import FullConfig
from tests.features.made_up import OVERLAPPING, Event, build, config_at, made_up, write_lake


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FullConfig, list[Event]]:
    events = made_up()
    config = config_at(tmp_path_factory.mktemp("shop"), **OVERLAPPING)
    write_lake(config, events)
    return build(config), config, events
