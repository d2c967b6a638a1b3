"""What an experiment may say, and what it does not change."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground.errors import InputError
from pipeline.settings import arms
from pipeline.settings.sections.experiment import Experiment
from pipeline.settings.sections.publication import Surface
from pipeline.sources import configuration
from pipeline.sources.configuration import FullConfig

HEAD = '[experiment]\nname = "trial"\nsince = 2026-11-20\n'
CONTROL = '[[experiment.arms]]\nname = "control"\nshare = 0.5\n'
OTHER = '[[experiment.arms]]\nname = "b"\nshare = 0.5\n'


def loaded(folder: Path, text: str) -> Any:
    path = folder / "pipeline.toml"
    path.write_text(text, encoding="utf-8")
    return configuration.load(path)


def test_an_experiment_is_a_name_a_night_and_arms(tmp_path: Path) -> None:
    over = "[experiment.arms.overlay]\nensemble.final = 'als'\nsurfaces.for_you = {diversity = 0.3, explore = false}\n"
    found = loaded(tmp_path, HEAD + OTHER + over + CONTROL).experiment
    assert (found.control.name, found.key, found.arms[0].overlay.ensemble.final) == ("control", "trial", "als")
    assert [found.runs_on(date(2026, 11, day)) for day in (19, 20, 30)] == [False, True, True]
    ended = found.model_copy(update={"until": date(2026, 11, 21)})
    assert [ended.runs_on(date(2026, 11, day)) for day in (21, 22)] == [True, False]
    explores = Surface(name="for_you", explore={"slots": [1]})
    assert arms.surface_of(explores, found.arms[0]) == Surface(name="for_you", diversity=0.3)
    assert arms.surface_of(explores, found.arms[1]) is explores


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + CONTROL, "two arms or more"),
        (HEAD + CONTROL + CONTROL, "with a name of its own"),
        (HEAD + CONTROL + OTHER.replace("0.5", "0.6"), "sum to more than 1"),
        (HEAD.replace('name = "trial"\n', "") + CONTROL + OTHER, "needs a name"),
        (HEAD.replace("since = 2026-11-20\n", "") + CONTROL + OTHER, "`since`, its first night"),
        (HEAD + "until = 2026-11-01\n" + CONTROL + OTHER, "until 2026-11-01 is before since"),
        (HEAD + 'surfaces = ["home"]\n' + CONTROL + OTHER, "there is no surface 'home', only for_you, discover"),
        (HEAD + CONTROL + "[experiment.arms.overlay.ensemble]\nfinal = 'borda'\n" + OTHER, "'control' is what the oth"),
        (
            HEAD + CONTROL + OTHER + "overlay.fusion.rounds = 3\n",
            r"fusion cannot differ .* may set ensemble\.final",
        ),
        (HEAD + CONTROL + OTHER + "overlay.ensemble.step = 0.2\n", "step cannot differ between the arms of one run"),
        (HEAD + CONTROL + OTHER + "overlay.surfaces.discover.repeats = true\n", "repeats cannot differ"),
        (HEAD + CONTROL + OTHER + "overlay.surfaces.home.diversity = 0.1\n", "about surface 'home', which is not one"),
        (HEAD + CONTROL + OTHER + "overlay.surfaces.for_you.explore.slots = [99]\n", "are beyond k = 50"),
        (HEAD + CONTROL + OTHER + "overlay.ensemble.final = 'als2'\n", "no night makes a list 'als2', only .*weighted"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        loaded(tmp_path, text)


def test_what_is_allotted_has_one_list_for_all_arms() -> None:
    found = Experiment.model_validate(
        {"name": "trial", "since": "2026-11-20"}
        | {
            "arms": [
                {"name": "a", "share": 0.5},
                {"name": "b", "share": 0.5, "overlay": {"ensemble": {"final": "als"}}},
            ]
        }
    )
    allots = Surface.model_validate({"name": "coupons", "allot": {"limits": [{"most": 9}]}})
    with pytest.raises(ValueError, match="arm 'b': surface 'coupons' allots its items by the final list's"):
        arms.require(found, [Surface(name="for_you"), allots])
    arms.require(found.model_copy(update={"surfaces": ("for_you",)}), [Surface(name="for_you"), allots])


def test_no_arm_draws_where_items_are_allotted() -> None:
    over = {"surfaces": {"coupons": {"explore": {"slots": [1], "record": 0.5}}}}
    drawing = {"name": "b", "share": 0.5, "overlay": over}
    made = {"name": "trial", "since": "2026-11-20", "arms": [{"name": "control", "share": 0.5}, drawing]}
    allots = Surface.model_validate({"name": "coupons", "allot": {"limits": [{"most": 9}]}})
    with pytest.raises(ValueError, match="surface 'coupons': allot and explore exclude each other"):
        arms.require(Experiment.model_validate(made), [allots])


def test_without_one_and_for_other_stages_no_hash_changes() -> None:
    plain = FullConfig()
    arms_of = [{"name": "control", "share": 0.5}, {"name": "b", "share": 0.2}]
    given = {"name": "trial", "since": "2026-11-20", "arms": arms_of}
    trial = plain.model_copy(update={"experiment": Experiment.model_validate(given)})
    sections = ["ingest", "features", "fusion", "ensemble", "evaluate", "als", "fine_tune"]
    assert [trial.digest(name) for name in sections] == [plain.digest(name) for name in sections]
    assert trial.digest("publish") != plain.digest("publish")
    assert trial.digest("outcomes") != plain.digest("outcomes")
    named = plain.model_copy(update={"experiment": Experiment(name="trial")})  # without arms there is none
    for names in (["publish"], ["outcomes", "experiment"]):
        assert named.digest(*names) == plain.digest(*names) == plain.digest(*set(names) - {"experiment"})
