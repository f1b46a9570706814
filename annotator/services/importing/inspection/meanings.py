"""What the values of a column mean: without a mapping, and with one and proposals for the rest."""

from __future__ import annotations

from collections.abc import Iterable

from annotator.domain.names import name_of, propose_values
from annotator.domain.schema import Attribute
from annotator.formats.importers.mapping import Reading
from annotator.formats.importers.summary import SourceSummary
from annotator.formats.importers.translate import translate_value
from annotator.formats.tables.column_values import Decision, decide, propose_cells

Meanings = dict[str, str | None]
"""The name of ours that each value means; "" is not labelled, None has no counterpart."""


def without_mapping(values: Iterable[str], attribute: Attribute, summary: SourceSummary) -> Meanings | None:
    """Return what the import makes of the values of a column alone; None if they can be read in two ways."""
    if summary.kind != "table":
        return {value: _meaning(value, attribute, {}, summary) for value in values}
    decision = decide(attribute, values, {}, keeps_minus_one=summary.keeps_minus_one, coded=summary.coded)
    return None if decision.readings else _of_decision(decision, values, attribute)


def with_mapping(
    values: Iterable[str], attribute: Attribute, mapped: dict[str, str], summary: SourceSummary
) -> tuple[Meanings, tuple[Reading, ...]]:
    """Return what the values of a column mean with a mapping's values, and proposals for those that it does not name.

    Returns:
        The meanings, and the two ways in which the rest can be read if a person must choose one.

    Raises:
        FacelabelError: if the mapping names a value that the schema does not have.
    """
    if summary.kind == "table":
        decision, _ = propose_cells(
            attribute, values, mapped, keeps_minus_one=summary.keeps_minus_one, coded=summary.coded
        )
        return _of_decision(decision, values, attribute), decision.readings
    meanings = {value: _meaning(value, attribute, mapped, summary) for value in values}
    unknown = [value for value, meaning in meanings.items() if meaning is None]
    return meanings | propose_values(attribute, unknown), ()


def _meaning(value: str, attribute: Attribute, mapped: dict[str, str], summary: SourceSummary) -> str | None:
    try:
        answer = translate_value(
            attribute, value, mapped, coded=summary.coded, has_empty_words=summary.has_empty_words
        )
    except LookupError:
        return None
    return _name(attribute, answer)


def _of_decision(decision: Decision, values: Iterable[str], attribute: Attribute) -> Meanings:
    answers = decision.answers
    return {value: _name(attribute, answers[value]) if value in answers else None for value in values}


def _name(attribute: Attribute, answer: int | str | None) -> str:
    if answer is None:
        return ""
    return answer if isinstance(answer, str) else name_of(attribute, answer)
