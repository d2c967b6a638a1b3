"""Which part of a home a path is in."""

from pathlib import Path

from pipeline.store import units

HOME = Path("/home/of/a/shop")


def test_what_privacy_has_cost_is_a_part_of_its_own() -> None:
    found = units.of_path(HOME, HOME / "privacy.jsonl")
    assert found is not None
    name, (unit,) = found
    assert (name, unit.name, unit.folder, unit.patterns) == ("privacy.jsonl", "state/privacy", HOME, ("privacy.jsonl",))
