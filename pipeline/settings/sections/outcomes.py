"""What published runs have done since: over how many nights it is asked, and what a click is."""

from pipeline.settings.sections.base import Days, Section


class Outcomes(Section):
    """How published runs have done on what users did since."""

    nights: Days = 28
    """Runs of so many nights before tonight are judged, each by the days after it up to the horizon."""
    click_types: tuple[str, ...] = ("click",)
    """Event types that are a click, where events say which run they were shown by (run_id_shown)."""
