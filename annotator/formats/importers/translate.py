"""What the answers of a foreign file mean in our schema: by identical names, by a mapping, or not at all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from annotator.domain.names import find_attribute, find_code, find_flat, propose_flat, propose_value
from annotator.domain.schema import CANNOT_TELL, Attribute, Schema
from annotator.errors import FacelabelError
from annotator.formats.importers.base import Foreign, ForeignAnswer
from annotator.formats.importers.mapping import Mapping

_YES = {"yes", "true", "1"}
_YES_OR_NO = _YES | {"no", "false", "0", "-1", ""}

Answer = int | str
"""A code (-1 is can't tell) or, for open attributes, a name."""


@dataclass(frozen=True)
class Row:
    """One image's answers by attribute. Unlabelled cells are left out."""

    image_name: str
    answers: dict[str, Answer]
    labeller: str = ""


@dataclass
class Meant:
    """Answers in our words. `unmapped`: how often each label occurs that has no counterpart of ours.

    `contradictions`: cells (image name, attribute) that were answered twice and differently; they are left unlabelled.
    """

    rows: list[Row] = field(default_factory=list)
    unmapped: Counter[str] = field(default_factory=Counter)
    contradictions: list[tuple[str, str]] = field(default_factory=list)


def understand(foreign: Foreign, schema: Schema, mapping: Mapping) -> Meant:
    """Translate a foreign file's answers.

    Names and codes that are the same but for case, spaces, underscores and hyphens need no mapping.

    Raises:
        FacelabelError: if the mapping names an attribute or value that the schema does not have.
    """
    meant = Meant()
    rows: dict[tuple[str, str], Row] = {}
    known: dict[tuple[str, str | None], tuple[str, Answer] | str | None] = {}
    contradicted: set[tuple[str, str, str]] = set()
    for answer in foreign.answers:
        said = (answer.attribute, answer.value)
        if said not in known:
            known[said] = _translate(answer, schema, mapping)
        cell = known[said]
        if isinstance(cell, str):
            meant.unmapped[cell] += 1
        elif cell is not None:
            row = rows.setdefault((answer.image, answer.labeller), Row(answer.image, {}, answer.labeller))
            name, given = cell
            if row.answers.setdefault(name, given) != given:
                contradicted.add((answer.image, answer.labeller, name))
    for image, labeller, name in sorted(contradicted):
        del rows[image, labeller].answers[name]
        meant.contradictions.append((image, name))
    meant.rows = [row for row in rows.values() if row.answers]
    return meant


def propose(foreign: Foreign, schema: Schema) -> tuple[Mapping, Counter[str]]:
    """A mapping for everything that identical names do not explain, guessed from the names, and how often each occurs."""
    columns: dict[str, tuple[str, dict[str, str]]] = {}
    labels: dict[str, tuple[str, str]] = {}
    counts: Counter[str] = Counter()
    values: dict[str, Counter[str]] = {}
    for answer in foreign.answers:
        values.setdefault(answer.attribute, Counter())[answer.value or ""] += answer.value is not None
    for attribute, said in values.items():
        if not attribute:
            counts.update(said)
            labels = {label: _proposed_label(schema, label) for label in sorted(said) if label}
            continue
        counts[attribute] = sum(said.values())
        ours = find_attribute(schema, attribute)
        if ours is None:
            columns[attribute] = _proposed_column(schema, attribute, said)
        elif ours.kind == "categorical":
            unknown = {
                value: propose_value(ours, value) or ""
                for value in sorted(said)
                if value and find_code(ours, value) is None
            }
            if unknown:
                columns[attribute] = (ours.name, unknown)
    return Mapping(columns=columns, labels=labels), counts


def _proposed_label(schema: Schema, label: str) -> tuple[str, str]:
    exact = find_flat(schema, label)
    if exact is not None:
        attribute, code = exact
        return attribute.name, next(v.name for v in attribute.values if v.code == code)
    return propose_flat(schema, label) or ("", "")


def _proposed_column(schema: Schema, attribute: str, said: Counter[str]) -> tuple[str, dict[str, str]]:
    """A yes-or-no attribute ("Black_Hair") may be one value of ours; its "no" says only that it is another one."""
    target = propose_flat(schema, attribute)
    if target is None or not {value.casefold() for value in said} <= _YES_OR_NO:
        return "", {}
    ours = schema[target[0]]
    no = "no" if find_code(ours, "no") is not None else ""
    return ours.name, {
        value: target[1] if value.casefold() in _YES else no for value in sorted(said) if value
    }


def _translate(answer: ForeignAnswer, schema: Schema, mapping: Mapping) -> tuple[str, Answer] | str | None:
    """Attribute and answer in our words, the label's name if there is none, None if it is left aside on purpose."""
    if not answer.attribute:
        return _translate_flat(answer.value or "", schema, mapping)
    target, values = mapping.columns.get(answer.attribute, (answer.attribute, {}))
    if not target:
        return None
    ours = find_attribute(schema, target)
    if ours is None and answer.attribute in mapping.columns:
        raise _unknown(f"the attribute {target!r}")
    if ours is None:
        return answer.attribute
    return _translate_value(answer, ours, values)


def _translate_value(
    answer: ForeignAnswer, ours: Attribute, values: dict[str, str]
) -> tuple[str, Answer] | str | None:
    if answer.value is None:
        return ours.name, CANNOT_TELL
    if answer.value in values:
        return _mapped(ours, values[answer.value])
    text = answer.value.strip()
    if not text:
        return None
    code: Answer | None = text if ours.kind == "open" else find_code(ours, text)
    return f"{answer.attribute}: {text}" if code is None else (ours.name, code)


def _translate_flat(label: str, schema: Schema, mapping: Mapping) -> tuple[str, Answer] | str | None:
    if label in mapping.labels:
        target, value = mapping.labels[label]
        if not target:
            return None
        ours = find_attribute(schema, target)
        if ours is None:
            raise _unknown(f"the attribute {target!r}")
        return _mapped(ours, value)
    exact = find_flat(schema, label)
    return label if exact is None else (exact[0].name, exact[1])


def _mapped(ours: Attribute, value: str) -> tuple[str, Answer] | None:
    if not value.strip():
        return None
    if ours.kind == "open":
        return ours.name, value.strip()
    code = find_code(ours, value)
    if code is None:
        raise _unknown(f"{ours.name} {value!r}")
    return ours.name, code


def _unknown(what: str) -> FacelabelError:
    return FacelabelError(
        "unknown_attribute",
        f"The mapping names {what}, which the schema does not have.",
        do="Mend the mapping, or add it to attributes.toml and call `facelabel schema apply`.",
    )
