"""What people mistype in a configuration is an error that names the file and the key, never a traceback."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline.__main__ import main
from pipeline.commands.command import Command
from pipeline.commands.command_line import COMMANDS
from pipeline.ground import nights
from pipeline.ground.errors import InputError
from pipeline.sources import configuration
from tests.settings.test_outside import fields, nested


def config_of(folder: Path, text: str) -> Path:
    path = folder / "pipeline.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_tuned_file_that_is_a_folder_or_no_text_is_named(tmp_path: Path) -> None:
    path = config_of(tmp_path, 'tuned = "tuned.toml"\n')
    (tmp_path / "tuned.toml").mkdir()
    with pytest.raises(InputError, match=r"tuned\.toml' cannot be read \(Is a directory\)"):
        configuration.load(path)
    (tmp_path / "tuned.toml").rmdir()
    (tmp_path / "tuned.toml").write_bytes(b"\x89PNG\r\n\xff\xfe")
    with pytest.raises(InputError, match=r"tuned\.toml is not TOML \(byte 1 is not UTF-8\)"):
        configuration.load(path)
    with pytest.raises(InputError, match=r"cannot be read .*embedded null"):
        configuration.load(config_of(tmp_path, 'tuned = "a\\u0000b"\n'))


def test_a_configuration_that_is_a_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", str(tmp_path), "config"]) == 1
    assert capsys.readouterr().err.startswith(f"InputError: '{tmp_path}' cannot be read (Is a directory)")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("seed = -5", "seed"),
        ("seed = 4_000_000_000", "seed"),
        ("[fusion.rankers.hybrid]\nseed = -1", r"fusion\.rankers\.hybrid\.seed"),
        ("refresh_days = 999_999_999", "refresh_days"),
        ("tuning_days = 999_999_999_999", "tuning_days"),
        ("horizon_days = 5_000_000", "horizon_days"),
        ("label_windows = 10_000\nwindow_stride_days = 365", "reach back 3,650,0.. days"),
        ("block_users = 99_999_999_999_999_999_999", "block_users"),
        ('home = "a\\u0000b"', "home: .*NUL"),
        ('[ingest.events]\nfiles = "a\\u0000"\nsql = "x"', r"ingest\.events\.files: .*NUL"),
        ('[ingest.events]\nfiles = "a"\nsql = "x\\u0000"', r"ingest\.events\.sql: .*NUL"),
        ("[retention]\nartifact_days = 5_000_000", "artifact_days"),
    ],
)
def test_a_value_that_no_calendar_or_library_has_is_refused_by_name(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(InputError, match=rf"pipeline\.toml: .*{key}"):
        configuration.load(config_of(tmp_path, text))


@pytest.mark.parametrize("value", [-1, 10**6, 10**12, 10**30])
def test_every_number_of_days_and_every_seed_has_an_end(value: int) -> None:
    numbers = [name for name, _ in fields() if name.rpartition(".")[2].endswith(("_days", "nights", "seed"))]
    assert len(numbers) > 12
    for name in numbers:
        floats = name.endswith("half_life_days")
        if not floats and not (name == "seed" and value == 10**6):
            with pytest.raises(InputError, match=name.replace(".", r"\.")):
                configuration.load(overrides=nested(name, value))


def test_the_calendar_holds_at_the_ends_that_are_allowed() -> None:
    given: dict[str, Any] = {"refresh_days": 9000, "tuning_days": 9000, "horizon_days": 30, "window_stride_days": 365}
    loaded = configuration.load(overrides=given | {"label_windows": 50})
    for night in (date(1900, 1, 1), date(9000, 1, 1)):
        assert min(loaded.label_cutoffs(loaded.tuned_at(night))) < night


@pytest.mark.parametrize("text", ["0011-10-02", "9999-12-31", "2011-10-02..9999-12-31", "0001-01-01"])
def test_a_year_that_is_mistyped_is_no_night(text: str) -> None:
    with pytest.raises(InputError, match="is neither a night"):
        nights.parse_nights(text)
    with pytest.raises(InputError, match="is not a date"):
        nights.resolve_run_date(text, None, None)


def test_the_command_line_has_no_traceback_for_what_the_system_refuses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for error, said in [
        (PermissionError(13, "Permission denied", "/x"), "/x is forbidden"),
        (OSError(24, "Too many open files", "/x"), r"files, which are too few: raise the limit (ulimit -n 4096)"),
        (MemoryError(), "memory is not enough"),
    ]:

        def fails(_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setitem(COMMANDS, "status", Command("fails", fails))
        assert main(["status"]) == 1
        printed = capsys.readouterr().err
        assert printed.startswith("ResourceError: status: ")
        assert said in printed


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        (
            "",
            r"segment_by: 'country' is no attribute of the users: declare it in \[ingest\.users\] .*country = \"word\"",
        ),
        ('age = "number"', "segment_by: 'country' is no attribute"),
        ('country = "number"', "segment_by: 'country' is a number, and segments are of words: let the mapping"),
        ('country = "date"', "segment_by: 'country' is a date"),
    ],
)
def test_a_segment_by_what_is_no_word_of_the_users_is_refused(tmp_path: Path, declared: str, words: str) -> None:
    users = f'[ingest.users]\nfiles = "u.csv"\nsql = "u.sql"\nattributes = {{ {declared} }}\n' if declared else ""
    with pytest.raises(InputError, match=rf"pipeline\.toml: .*{words}"):
        configuration.load(config_of(tmp_path, f'{users}[publish]\nsegment_by = ["country"]\n'))
    text = users.replace(declared, 'country = "word"') if users else ""
    if text:
        assert configuration.load(config_of(tmp_path, f'{text}[publish]\nsegment_by = ["country"]\n')).user_attributes


def test_label_sets_without_documents_are_refused(tmp_path: Path) -> None:
    sets = "[classify.label_sets.intent]\n"
    with pytest.raises(InputError, match=r"label_sets names intent, and there is no \[ingest\.documents\]"):
        configuration.load(config_of(tmp_path, sets))
    documents = '[ingest.documents]\nfiles = "d.csv"\nsql = "d.sql"\n'
    assert configuration.load(config_of(tmp_path, documents + sets)).enabled("classify")
    assert not configuration.load(config_of(tmp_path, documents)).enabled("classify")
