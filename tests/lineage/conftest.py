"""One night of a small shop, followed, for all tests that look at its events."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from pipeline.operations import stages
from pipeline.operations.load_history import load_history
from pipeline.sources.configuration import FullConfig
from tests.lineage import shop


@dataclass(frozen=True)
class FollowedNight:
    """A night and its events."""

    config: FullConfig
    events: list[dict[str, Any]]
    read: dict[str, set[tuple[str, str]]]

    def ended(self, job: str) -> dict[str, Any]:
        """The last event of a job."""
        return [event for event in self.events if event["job"]["name"] == job][-1]


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> FollowedNight:
    """The shop's last night, with its history."""
    folder = tmp_path_factory.mktemp("followed")
    config = shop.write(folder / "shop")
    with shop.sent_to(folder / "events.jsonl"), shop.watched() as read:
        load_history(config, shop.NIGHT - timedelta(days=1))
        stages.run(shop.NIGHT, config)
    return FollowedNight(config, shop.events(folder / "events.jsonl"), read)
