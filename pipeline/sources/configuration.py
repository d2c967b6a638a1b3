"""The whole configuration: what every stage shares, a section for every source, a key for every input table.

The settings below know no source, so a source's section stands in its own module; here they are put together, and
[ingest] gets a key for those input tables that it does not describe itself.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import create_model

from pipeline.ground.errors import InputError
from pipeline.intake import inputs
from pipeline.settings import config
from pipeline.settings.sections.lists import MERGED
from pipeline.sources import SOURCES
from pipeline.sources.registry import candidate_lists, source


@cache
def _with_sections(names: tuple[str, ...]) -> type[config.Config]:
    sections: dict[str, Any] = {name: (source(name).section, source(name).section()) for name in names}
    ingest = inputs.section()
    sections["ingest"] = (ingest, ingest())
    return create_model("FullConfig", __base__=config.Config, __doc__=config.Config.__doc__, **sections)


FullConfig = _with_sections(tuple(SOURCES))
"""pipeline.settings.config.Config with a field for every source."""


def load(path: Path | None = None, overrides: Mapping[str, Any] | None = None) -> config.Config:
    """Read the configuration; see pipeline.settings.config.load.

    Raises:
        InputError: also where an arm of the experiment is to be shown a list that no night makes, or what
            reads documents (label sets, entities, answers) has none, or names a label set that there is not.
    """
    loaded = config.load(FullConfig, path, overrides)
    _require_documents(loaded)
    _require_answerable(loaded)
    made = {*MERGED, "blend", *loaded.ensemble.members, *loaded.fusion.rankers, *candidate_lists()}
    for arm in loaded.experiment.arms:
        if (name := arm.overlay.ensemble.final) is not None and name not in made:
            raise InputError(
                f"experiment '{loaded.experiment.name}', arm '{arm.name}': no night makes a list '{name}', only "
                f"{', '.join(sorted(made))}"
            )
    return loaded


def _require_documents(loaded: config.Config) -> None:
    """What reads documents has some, and a tone has the labels it is made of."""
    sets, section = loaded.classify.label_sets, loaded.entities
    asking = [f"classify.label_sets names {', '.join(sorted(sets))}"] if sets else []
    asking += ["entities.enabled is true"] if section.enabled else []
    asking += ["topics.enabled is true"] if loaded.topics.enabled else []
    for check in (check for check in loaded.content.checks if check.label_set is not None):
        if check.label_set not in sets:
            raise InputError(
                f"content check '{check.name}': label_set = '{check.label_set}' is no label set: "
                f"classify.label_sets has {', '.join(sorted(sets)) or 'none'}"
            )
    if asking and inputs.DOCUMENTS.files(loaded) is None:
        raise InputError(
            f"{asking[0]}, and there is no [ingest.documents] that would have {_lacking(loaded)}: name the files "
            "of what people write, or leave it out"
        )
    if section.enabled and section.sentiment is not None and section.sentiment not in sets:
        raise InputError(
            f'entities.sentiment = "{section.sentiment}" is no label set: classify.label_sets has '
            f"{', '.join(sorted(sets)) or 'none'}"
        )
    if section.enabled and section.sentiment is not None:
        outside = loaded.classify.label_sets[section.sentiment].outside
        if unknown := sorted({*outside} & {*section.values}):
            raise InputError(
                f"entities.values says what {', '.join(unknown)} is worth, and classify.label_sets.{section.sentiment}."
                "outside makes no label of it, so that a text of which somebody said so would have no tone: take it "
                "out of one of the two"
            )


def _require_answerable(loaded: config.Config) -> None:
    """That questions that are to be answered can be known, and the labels that are to be counted."""
    answer = loaded.answer
    if answer.enabled and inputs.DOCUMENTS.files(loaded) is None:
        raise InputError(
            "answer.k asks for answers, and there is no [ingest.documents] that would have questions: name the files "
            "of what people write, or leave it at 0"
        )
    if answer.label_set is not None and answer.label_set not in loaded.classify.label_sets:
        raise InputError(
            f"answer.label_set is '{answer.label_set}', and there is no [classify.label_sets.{answer.label_set}]: "
            "name one of the label sets, or leave it out"
        )


def _lacking(loaded: config.Config) -> str:
    """What documents that are not there would have, for the first that asks for some."""
    if loaded.classify.label_sets:
        return "labels"
    return "entities" if loaded.entities.enabled else "topics"
