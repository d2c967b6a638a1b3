"""Editors' SQL may select from their rules, and can do nothing else."""

from pathlib import Path

import pytest

from pipeline.ground.errors import InputError
from pipeline.publication import editorial
from tests.publication.test_editorial import edited, rule
from tests.small_shop import NIGHT


@pytest.mark.parametrize(
    "mapping",
    [
        "copy raw to 'copied.csv'",
        "select * from raw; copy raw to 'copied.csv'",
        "with x as (copy raw to 'copied.csv') from raw",
        "select raw.* from raw, read_text('rules.sql')",
        "select * replace (getvariable('keys') as note) from raw",
    ],
)
def test_editors_sql_selects_from_their_rules_and_does_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mapping: str
) -> None:
    made = edited(tmp_path, rule("block", "i1"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.sql").write_text(mapping)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match=r"rules\.sql must be one SELECT from raw"):
        editorial.read(made.config, NIGHT)
    assert sorted(tmp_path.iterdir()) == before


def test_editors_sql_ends(tmp_path: Path) -> None:
    made = edited(tmp_path, rule("block", "i1"))
    quick = made.config.ingest.model_copy(update={"max_mapping_minutes": 0.005})
    config = made.config.model_copy(update={"ingest": quick})
    (tmp_path / "rules.sql").write_text("select raw.* from raw, range(1000000000000)")
    with pytest.raises(InputError, match=r"rules\.sql took longer than ingest\.max_mapping_minutes"):
        editorial.read(config, NIGHT)
