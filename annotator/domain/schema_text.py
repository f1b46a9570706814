"""Write a schema as the text of attributes.toml, after it was changed on the page."""

from __future__ import annotations

import json

from annotator.domain.schema import Attribute, Schema, Value


def format_schema(schema: Schema, head: str = "") -> str:
    """Write the text of an attributes.toml that `parse_schema` reads as this schema.

    Args:
        schema: the schema.
        head: the text of the file that is replaced; its comments before `version` are kept.
    """
    comments = []
    for line in head.splitlines():
        if not line.startswith("#"):
            break
        comments.append(line)
    parts = ["\n".join([*comments, "", "version = 1"]) if comments else "version = 1"]
    return "\n\n".join([*parts, *(_attribute(attribute) for attribute in schema.attributes)]) + "\n"


def _attribute(attribute: Attribute) -> str:
    lines = [
        "[[attribute]]",
        f"name = {_text(attribute.name)}",
        f"title = {_text(attribute.title)}",
        f"key = {_text(attribute.key)}",
    ]
    if attribute.was:
        lines.append(f"was = {_text(attribute.was)}")
    if attribute.kind != "categorical":
        lines.append(f"kind = {_text(attribute.kind)}")
    if not attribute.required:
        lines.append("required = false")
    if attribute.groups:
        lines.append("groups = true")
    if attribute.spellings:
        lines.append(f"spellings = [{', '.join(map(_text, attribute.spellings))}]")
    if attribute.guideline:
        lines.append(f"guideline = {_text(attribute.guideline)}")
    if attribute.examples:
        lines += ["examples = [", *(_example(e.image, e.code) for e in attribute.examples), "]"]
    if attribute.values:
        lines += ["values = [", *map(_value, attribute.values), "]"]
    return "\n".join(lines)


def _example(image: str, code: int) -> str:
    return f"    {{ image = {_text(image)}, code = {code} }},"


def _value(value: Value) -> str:
    more = ""
    if value.status == "retired" and not value.replaced_by:
        more += ', status = "retired"'
    if value.ends:
        more += ", ends = true"
    if value.replaced_by:
        more += f", replaced_by = {list(value.replaced_by)}"
    return f"    {{ code = {value.code}, name = {_text(value.name)}{more} }},"


def _text(text: str) -> str:
    """Write a TOML string. TOML reads the escapes of JSON; DEL must be escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
