"""A surface's predicate takes no more memory and time than it may, and sees no environment."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.ground import schemas
from pipeline.ground.errors import InputError
from pipeline.settings import predicates
from pipeline.sources import configuration

ENDLESS = "levenshtein(repeat('a', 1000000), repeat('b', 1000000)) > 3"
HUGE = "array_length(range(1000000000)) > 3"

DAY = date(2011, 10, 3)


@pytest.mark.parametrize(
    "where",
    [
        HUGE,
        ENDLESS,
        "len(repeat(coalesce(title, 'a'), 2000000000)) > 3",
        f"len({'hex(' * 40}'a'{')' * 40}) > 3",
        f"len({'replace(' * 9}'a'{', {q}a{q}, repeat({q}a{q}, 99))'.replace('{q}', chr(39)) * 9}) > 3",
    ],
)
@pytest.mark.few(2)
def test_what_takes_too_much_is_refused_with_file_and_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(predicates, "CHECKING", 1)
    path = tmp_path / "pipeline.toml"
    path.write_text(f'[[surfaces]]\nname = "cheap"\nwhere = """{where}"""\n')
    with pytest.raises(InputError, match=r"pipeline\.toml: surfaces\.0: .*surface 'cheap': where = .*takes less"):
        configuration.load(path)


def items(count: int) -> pa.Table:
    rows = [dict.fromkeys(schemas.ITEMS.names) | {"item_id": f"i{n}", "price": n} for n in range(count)]
    return pa.Table.from_pylist(rows, schema=pa.schema([field.with_nullable(True) for field in schemas.ITEMS]))


def test_all_surfaces_are_asked_of_all_items(monkeypatch: pytest.MonkeyPatch) -> None:
    found = predicates.passing(items(5000), {"all": "true", "some": "price >= 10", "none": "title = 'x'"}, DAY)
    assert {name: int(passes.sum()) for name, passes in found.items()} == {"all": 5000, "some": 4990, "none": 0}
    assert not found["some"][:10].any()
    assert predicates.passing(items(0), {"all": "true"}, DAY)["all"].shape == (0,)
    monkeypatch.setattr(predicates, "SECONDS", 1)
    with pytest.raises(InputError, match=r"surface 'slow': where = .*cannot be worked out within"):
        predicates.passing(items(2), {"all": "true", "slow": ENDLESS.replace("> 3", "> price")}, DAY)


def test_the_process_is_given_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_DSN", "secret")
    given: list[dict[str, str]] = []
    run = predicates.subprocess.run
    monkeypatch.setattr(
        predicates.subprocess, "run", lambda *args, **kw: (given.append(kw["env"]), run(*args, **kw))[1]
    )
    predicates.require("s", "price > 4711")
    assert "secret" not in str(given)
    assert len(given) == 1
