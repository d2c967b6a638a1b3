"""The page of all settings, made from the Sections: pydantic's JSON schema, and the text under every attribute."""

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.operations.stages import STAGES
from pipeline.settings.sections.base import Section
from pipeline.sources.configuration import FullConfig

INTRO = """# All settings

Every key of `pipeline.toml`, with its meaning, type, range and default, made from the sections in
`pipeline/settings/sections` and, for a source, in its module in `pipeline/sources`. [Configuration](configuring.md)
says how the file, the profiles and the overrides are laid over one another, and what shops change most. A key is
written as in `--set als.factors=64`; in the file, `als` is the section and `factors` the key.
"""
TYPES = {"integer": "whole number", "number": "number", "boolean": "true or false", "string": "text"}
FORMATS = {"path": "path", "date": "date"}
BOUNDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}


def attribute_texts(section: type) -> dict[str, str]:
    """The string under each attribute of a class and of its bases, by name; in one line."""
    texts: dict[str, str] = {}
    for cls in reversed(section.__mro__):
        if not issubclass(cls, Section) or cls is FullConfig:  # which has no source text: it is put together
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
        assert isinstance(body, ast.ClassDef)
        for said, below in zip(body.body, body.body[1:], strict=False):
            if isinstance(said, ast.AnnAssign) and isinstance(said.target, ast.Name) and isinstance(below, ast.Expr):
                texts[said.target.id] = " ".join(str(ast.literal_eval(below.value)).split())
    return texts


def sections() -> dict[str, type]:
    """Every Section there is, by its class's name."""
    waiting: list[type] = [Section]
    found: dict[str, type] = {}
    while waiting:
        cls = waiting.pop()
        found[cls.__name__] = cls
        waiting += cls.__subclasses__()
    return found


def kind(schema: Mapping[str, Any]) -> str:
    """What a JSON schema allows, in words: "whole number, above 0"."""
    if "anyOf" in schema:
        named = [kind(one) for one in schema["anyOf"] if one.get("type") != "null"]
        return " or ".join(named) + (", or not set" if len(named) < len(schema["anyOf"]) else "")
    if "enum" in schema or "const" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return "list of " + ("tables" if "$ref" in schema["items"] else kind(schema["items"]).removeprefix("one of "))
    if schema.get("type") == "object":
        values = schema.get("additionalProperties", {})
        return "table, " + (kind(values) + " by name" if "type" in values or "enum" in values else "one per name")
    if schema.get("type") == "integer" and "exclusiveMinimum" in schema:
        schema = {**schema, "minimum": schema["exclusiveMinimum"] + 1}
        del schema["exclusiveMinimum"]
    name = FORMATS.get(schema.get("format", ""), TYPES.get(schema.get("type", ""), "table"))
    bounds = [f"{words} {schema[bound]:g}" for bound, words in BOUNDS.items() if bound in schema]
    pattern = [f"like `{schema['pattern']}`"] if "pattern" in schema else []
    return ", ".join([name, *bounds, *pattern])


def default(schema: Mapping[str, Any], required: bool) -> str:
    """The default as TOML would have it, or that there is none."""
    if required:
        return "needed"
    if "default" not in schema:
        return "default: what the machine has"
    if schema["default"] is None:
        return "default: not set"
    value = json.dumps(schema["default"], ensure_ascii=False)
    return f"default `{value}`" if len(value) < 120 else "default:\n\n" + fenced(schema["default"])


def fenced(value: Any) -> str:
    """A default that is too long for a line, one entry a line."""
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
    lines = [(f"{key} = " if isinstance(value, Mapping) else "") + json.dumps(one) for key, one in pairs]
    return "\n".join(["```json", *lines, "```"])


def below(schema: Mapping[str, Any]) -> tuple[str, str] | None:
    """The Section a key holds, and what stands between the key and the Section's own keys; None for a plain value."""
    for one in (schema, *schema.get("anyOf", [])):
        for part, between in ((one, "."), (one.get("additionalProperties"), ".NAME."), (one.get("items"), "[].")):
            if isinstance(part, Mapping) and "$ref" in part:
                return part["$ref"].rpartition("/")[2], between
    return None


def entries(name: str, prefix: str, schema: Mapping[str, Any]) -> Iterator[str]:
    """The keys of a Section as Markdown, those of Sections within it after the key that holds them.

    Args:
        name: the Section's class.
        prefix: what stands before its keys, e.g. "als.".
        schema: the JSON schema of Config.
    """
    own = schema["$defs"].get(name, schema)
    texts = attribute_texts(sections()[name])
    for key, what in own["properties"].items():
        inner = below(what)
        if inner and not prefix:
            continue  # a section of its own
        facts = [kind(what)]
        if not inner or inner[1] != ".":
            facts.append(default(what, key in own.get("required", [])))
        heading = f"### `{prefix}{key}` {{#{anchor(prefix + key)}}}"
        yield f"{heading}\n\n{texts.get(key, '')}\n\n{' · '.join(facts)}\n{{: .facts }}\n"
        if inner:
            yield from entries(inner[0], f"{prefix}{key}{inner[1]}", schema)


def anchor(key: str) -> str:
    """The id of a key's heading; that of a section is its name."""
    return key.replace("[]", "").replace("NAME", "name")


def in_flow(key: str) -> int:
    """Where a section's stage stands in the flow of a night; what is no stage's comes first."""
    return [*STAGES].index(key) if key in STAGES else -1


def page() -> str:
    """The whole page: what belongs to no section first, then one part per section, in data-flow order."""
    schema = FullConfig.model_json_schema()
    parts = [INTRO, "## Everywhere {#everywhere}\n", *entries(FullConfig.__name__, "", schema)]
    for key, what in sorted(schema["properties"].items(), key=lambda entry: in_flow(entry[0])):
        if inner := below(what):
            name, between = inner
            about = " ".join((sections()[name].__doc__ or "").split())
            said = attribute_texts(FullConfig).get(key, "")
            many = [] if between == "." else [default(what, False)]
            heading = f"## `{key}` {{#{key}}}"
            parts += ["\n\n".join([heading, about, *filter(None, [said]), *many]) + "\n"]
            parts += entries(name, f"{key}{between}", schema)
    return "\n".join(parts)
