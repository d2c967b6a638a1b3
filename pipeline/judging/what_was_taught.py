"""What drawn slots taught the surfaces that draw by it, for the report."""

from html import escape
from pathlib import Path

from pipeline.publication import added, taught, taught_rewards
from pipeline.settings.config import Config


def words(outcomes: Path, config: Config) -> tuple[str, ...]:
    """A sentence for each surface that draws or orders by what was learned, from the stage `outcomes`."""
    by_clicks = (taught.said(name, taught.read(outcomes, name)) for name in taught.wanted(config))
    by_others = (
        taught_rewards.said(name, reward, taught_rewards.read(outcomes, name, reward))
        for name, reward in taught_rewards.wanted(config)
    )
    return *by_clicks, *by_others, *(told.said for told in added.read(outcomes, config).values())


def section(said: tuple[str, ...]) -> list[tuple[str, str]]:
    """The report's part: (title, HTML), or nothing where no surface learns."""
    if not said:
        return []
    return [("What drawn slots taught", f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in said)}</ul>")]
