"""Translating a source's answers into our schema: by equal names, or by a mapping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from annotator.domain.names import (
    find_attribute,
    find_code,
    find_flat,
    find_name,
    find_yes_or_no,
    fold,
    name_of,
    no_and_yes,
    propose_attribute,
    propose_flat,
    propose_values,
    whole_number,
)
from annotator.domain.schema import CANNOT_TELL, Attribute, Schema
from annotator.errors import FacelabelError
from annotator.formats.importers.base import SourceAnswer, SourceContents
from annotator.formats.importers.mapping import Mapping, find_mapped, mapped_code

_YES = {"yes", "true", "1", "1.0"}
_YES_OR_NO = _YES | {"no", "false", "0", "0.0", "-1", "-1.0", ""}

EMPTY_WORDS = frozenset({"nan", "none", "na", "<na>", "null", "n/a", "#n/a"})
"""Cells that programs write for an empty one, in any case; they are values if the schema has values of these names."""

Answer = int | str
"""A code (-1 is can't tell) or, for open attributes, a name."""


@dataclass(frozen=True)
class Row:
    """The answers of one labeller about one image, by attribute; unlabelled attributes are left out."""

    image_name: str
    answers: dict[str, Answer]
    labeller: str = ""


@dataclass
class Translation:
    """A source's answers in the words of our schema.

    Args:
        rows: the answers, by image and labeller.
        unmapped: labels without a counterpart in the schema, with their counts.
        contradictions: (image name, attribute) of cells that were answered twice and differently; they stay unlabelled.
        ignored_columns: columns of a table that no attribute or mapping names.
        notes: what had to be guessed about a table.
    """

    rows: list[Row] = field(default_factory=list)
    unmapped: Counter[str] = field(default_factory=Counter)
    contradictions: list[tuple[str, str]] = field(default_factory=list)
    ignored_columns: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def translate_answers(contents: SourceContents, schema: Schema, mapping: Mapping) -> Translation:
    """Translate the answers of a source.

    A source that holds names is read by names only, a source of codes by codes only. A name needs no mapping if it equals
    ours apart from case, Unicode form, spaces, underscores and hyphens.

    Raises:
        FacelabelError: if the mapping names an attribute or value that the schema does not have.
    """
    translation = Translation()
    rows: dict[tuple[str, str], Row] = {}
    translated: dict[tuple[str, str | None], tuple[str, Answer] | str | None] = {}
    contradicted: set[tuple[str, str, str]] = set()
    for answer in contents.answers:
        label = (answer.attribute, answer.value)
        if label not in translated:
            translated[label] = _translate(answer, schema, mapping, contents)
        cell = translated[label]
        if isinstance(cell, str):
            translation.unmapped[cell] += 1
        elif cell is not None:
            row = rows.setdefault((answer.image, answer.labeller), Row(answer.image, {}, answer.labeller))
            attribute, our_answer = cell
            if row.answers.setdefault(attribute, our_answer) != our_answer:
                contradicted.add((answer.image, answer.labeller, attribute))
    for image, labeller, attribute in sorted(contradicted):
        del rows[image, labeller].answers[attribute]
        translation.contradictions.append((image, attribute))
    translation.rows = [row for row in rows.values() if row.answers]
    return translation


def propose(contents: SourceContents, schema: Schema) -> tuple[Mapping, Counter[str]]:
    """Guess a mapping for every name without an equal of ours; also return how often each column or label occurs."""
    columns: dict[str, tuple[str, dict[str, str]]] = {}
    labels: dict[str, tuple[str, str]] = {}
    counts: Counter[str] = Counter()
    values: dict[str, Counter[str]] = {}
    for answer in contents.answers:
        values.setdefault(answer.attribute, Counter())[answer.value or ""] += answer.value is not None
    for attribute, its_values in values.items():
        if not attribute:
            counts.update(its_values)
            labels = {label: propose_label(schema, label) for label in sorted(its_values) if label}
            continue
        counts[attribute] = sum(its_values.values())
        ours = find_attribute(schema, attribute)
        if ours is None:
            columns[attribute] = propose_column(schema, attribute, its_values)
        elif ours.kind == "categorical":
            unknown = sorted(v for v in its_values if v and _code(ours, v, coded=contents.coded) is None)
            if unknown:
                columns[attribute] = (ours.name, propose_values(ours, unknown))
    return Mapping(columns=columns, labels=labels), counts


def propose_label(schema: Schema, label: str) -> tuple[str, str]:
    """Propose the attribute and the value's name for a flat label; two empty texts if nothing fits."""
    exact = find_flat(schema, label)
    if exact is not None:
        return exact[0].name, name_of(*exact)
    return propose_flat(schema, label) or ("", "")


def propose_column(schema: Schema, name: str, values: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Propose the attribute that a column without an equal of ours answers, and what its values mean; ("", {}) if nothing fits.

    A yes-or-no column ("Black_Hair") may be one value of ours; its "no" may then be any other value.
    """
    values = sorted(value for value in values if value)
    target = propose_flat(schema, name)
    if target is not None and {value.casefold() for value in values} <= _YES_OR_NO:
        ours = schema[target[0]]
        pair = no_and_yes(ours)
        no = "" if pair is None else name_of(ours, pair[0])
        return ours.name, {value: target[1] if value.casefold() in _YES else no for value in values}
    attribute = propose_attribute(schema, name, values)
    if attribute is None:
        return "", {}
    return attribute.name, {} if attribute.kind == "open" else propose_values(attribute, values)


def group_one_hot(headers: list[str], schema: Schema) -> dict[str, list[str]]:
    """Return the headers that are named after values of one attribute ("black", "hair_color_blond"), by attribute."""
    proposals = {header: propose_flat(schema, header) for header in headers}
    groups: dict[str, dict[str, str]] = {}
    for header, target in proposals.items():
        if target is not None:
            groups.setdefault(target[0], {})[header] = target[1]
    return {attribute: list(values) for attribute, values in groups.items() if len(set(values.values())) > 1}


def _translate(
    answer: SourceAnswer, schema: Schema, mapping: Mapping, contents: SourceContents
) -> tuple[str, Answer] | str | None:
    """The attribute and answer of ours; the label's name if it has no counterpart; None if the mapping ignores it."""
    if not answer.attribute:
        return _translate_flat(answer.value or "", schema, mapping)
    entry = mapping.column(answer.attribute)
    target, values = entry or (answer.attribute, {})
    if not target:
        return None
    ours = find_attribute(schema, target)
    if ours is None and entry is not None:
        raise _unknown(f"the attribute {target!r}")
    if ours is None:
        return answer.attribute
    return _translate_value(answer, ours, values, contents)


def _translate_value(
    answer: SourceAnswer, ours: Attribute, values: dict[str, str], contents: SourceContents
) -> tuple[str, Answer] | str | None:
    if answer.value is None:
        return ours.name, CANNOT_TELL
    try:
        code = translate_value(
            ours, answer.value, values, coded=contents.coded, has_empty_words=contents.has_empty_words
        )
    except LookupError:
        return f"{answer.attribute}: {answer.value.strip()}"
    return None if code is None else (ours.name, code)


def translate_value(
    ours: Attribute, value: str, values: dict[str, str], *, coded: bool, has_empty_words: bool
) -> Answer | None:
    """Return the answer that a value of a source of names or codes means; None is not labelled.

    Args:
        ours: the attribute.
        value: the value as the source writes it.
        values: the mapping's values.
        coded: as in `SourceContents`.
        has_empty_words: as in `SourceContents`.

    Raises:
        LookupError: if the value has no counterpart.
        FacelabelError: if the mapping names a value that the schema does not have.
    """
    target = find_mapped(values, value)
    if target is not None:
        return _mapped(ours, target)
    text = value.strip()
    code: Answer | None = None if ours.kind == "open" else _code(ours, text, coded=coded)
    if code is None and (not text or (has_empty_words and fold(text) in EMPTY_WORDS)):
        return None
    if ours.kind == "open":
        code = text
    if code is None:
        raise LookupError(text)
    return code


def _code(ours: Attribute, text: str, *, coded: bool) -> int | None:
    """The code of a value in a source of codes or of names."""
    if not coded:
        code = find_name(ours, text)
        return find_yes_or_no(ours, text) if code is None else code
    number = whole_number(text)
    return None if number is None else find_code(ours, number)


def _translate_flat(label: str, schema: Schema, mapping: Mapping) -> tuple[str, Answer] | str | None:
    entry = mapping.labels.get(label)
    if entry is None:
        alike = [key for key in mapping.labels if fold(key) == fold(label)]
        entry = mapping.labels[alike[0]] if len(alike) == 1 else None
    if entry is not None:
        target, value = entry
        if not target:
            return None
        ours = find_attribute(schema, target)
        if ours is None:
            raise _unknown(f"the attribute {target!r}")
        code = _mapped(ours, value)
        return None if code is None else (ours.name, code)
    exact = find_flat(schema, label)
    return label if exact is None else (exact[0].name, exact[1])


def _mapped(ours: Attribute, value: str) -> Answer | None:
    if not value.strip():
        return None
    return value.strip() if ours.kind == "open" else mapped_code(ours, value)


def _unknown(what: str) -> FacelabelError:
    return FacelabelError(
        "unknown_attribute",
        f"The mapping names {what}, which the schema does not have.",
        do="Fix the mapping, or add it to attributes.toml and call `facelabel schema apply`.",
    )
