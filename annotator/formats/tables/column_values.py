"""What the cells of a table's column mean. Codes and names never mix: a column as a whole holds the one or the other.

Where the cells can be read in two ways, nothing is guessed: both readings are returned, and a mapping chooses one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from annotator.domain.names import (
    find_code,
    find_name,
    find_yes_or_no,
    fold,
    is_cannot_tell,
    name_of,
    no_and_yes,
    propose_values,
    whole_number,
)
from annotator.domain.schema import CANNOT_TELL, CANNOT_TELL_NAME, Attribute
from annotator.formats.importers.mapping import Reading, find_mapped, mapped_code
from annotator.formats.importers.translate import EMPTY_WORDS

_SIGNS = {-1, 0, 1}
_NUMBER = re.compile(r"[-+\u2212]?\d+([.,]\d*)?(e[-+]?\d+)?", re.IGNORECASE)


@dataclass
class Decision:
    """What the cells of a column mean.

    Args:
        answers: the code, or the name for an open attribute, of each different cell; None is not labelled.
        unknown: cells that the attribute has no value for.
        readings: the two ways in which the cells can be read; a mapping must choose one.
        notes: what had to be guessed about the cells, as clauses.
    """

    answers: dict[str, int | str | None] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    readings: tuple[Reading, ...] = ()
    notes: list[str] = field(default_factory=list)


def decide(
    attribute: Attribute,
    cells: Iterable[str],
    values: Mapping[str, str],
    *,
    keeps_minus_one: bool = False,
    coded: bool = False,
) -> Decision:
    """Decide what the cells of a column mean.

    Args:
        attribute: the attribute that the column answers.
        cells: the different cells of the column.
        values: the mapping's values for this column.
        keeps_minus_one: -1 is "can't tell", because the table is one of ours; else a column of -1 and 1 is asked about.
        coded: the cells are known to be codes.

    Raises:
        FacelabelError: if the mapping names a value that the schema does not have.
    """
    decision, rest = Decision(), []
    for cell in sorted(cells):
        target = find_mapped(values, cell)
        if target is not None:
            decision.answers[cell] = _mapped(attribute, target)
        elif _is_empty(attribute, cell):
            decision.answers[cell] = None
        else:
            rest.append(cell)
    if words := sorted(cell for cell, answer in decision.answers.items() if _is_word(cell, answer, values)):
        decision.notes.append(f"{_listed(words)} is read as an empty cell")
    if attribute.kind == "open":
        _decide_open(decision, rest)
    elif rest:
        _decide_categorical(decision, attribute, rest, values, keeps_minus_one, coded)
    return decision


def propose_cells(
    attribute: Attribute,
    cells: Iterable[str],
    values: Mapping[str, str],
    *,
    keeps_minus_one: bool = False,
    coded: bool = False,
) -> tuple[Decision, dict[str, str]]:
    """Decide what the cells mean, with a proposal for those that the attribute has no value for.

    If all but some words are codes ("0", "1", "?"), only these words are proposed for, and the codes stay codes.

    Returns:
        The decision with the proposal in use, and the proposal; "" is not labelled.
    """
    cells = list(cells)

    def decide_with(proposal: dict[str, str]) -> Decision:
        together = {**proposal, **values}
        return decide(attribute, cells, together, keeps_minus_one=keeps_minus_one, coded=coded)

    decision, proposal = decide_with({}), {}
    if decision.unknown:
        words = [cell for cell in decision.unknown if whole_number(cell) is None]
        for unknown in (words, decision.unknown):
            proposal = propose_values(attribute, unknown)
            decision = decide_with(proposal)
            if not decision.unknown:
                break
    decision.readings = tuple(
        Reading(reading.title, proposal | reading.values) for reading in decision.readings
    )
    return decision, proposal


def _mapped(attribute: Attribute, target: str) -> int | str | None:
    if not target.strip():
        return None
    return target.strip() if attribute.kind == "open" else mapped_code(attribute, target)


def _is_empty(attribute: Attribute, cell: str) -> bool:
    return not cell.strip() or (fold(cell) in EMPTY_WORDS and find_name(attribute, cell) is None)


def _is_word(cell: str, answer: int | str | None, values: Mapping[str, str]) -> bool:
    return answer is None and bool(cell.strip()) and find_mapped(values, cell) is None


def _decide_open(decision: Decision, rest: list[str]) -> None:
    """The names of people; a column of numbers with empty cells comes from pandas as 17.0, which is 17."""
    texts = {cell: CANNOT_TELL if _says_cannot_tell(cell) else cell.strip() for cell in rest}
    names = [text for text in texts.values() if isinstance(text, str)]
    floats = bool(names) and all(
        text.removesuffix(".0").isdecimal() and text.endswith(".0") for text in names
    )
    for cell, text in texts.items():
        decision.answers[cell] = text.removesuffix(".0") if floats and isinstance(text, str) else text
    if floats:
        decision.notes.append(f"{names[0]} is read as {names[0].removesuffix('.0')}")


def _says_cannot_tell(cell: str) -> bool:
    return cell.strip() == CANNOT_TELL_NAME


def _decide_categorical(
    decision: Decision,
    attribute: Attribute,
    rest: list[str],
    values: Mapping[str, str],
    keeps_minus_one: bool,
    coded: bool,
) -> None:
    has_names = any(target.strip() and _code(attribute, key) is None for key, target in values.items())
    codes = None if has_names else _read_all(rest, values, attribute, lambda cell: _code(attribute, cell))
    names = None if coded else _read_all(rest, values, attribute, lambda cell: _name(attribute, cell))
    if codes is not None and names is not None and codes != names:
        decision.readings = (
            Reading("the cells are codes", _values_by_code(attribute)),
            Reading("the cells are names", _values_by_name(attribute)),
        )
    elif codes is not None:
        if not keeps_minus_one and (signs := _signs(attribute, rest)):
            decision.readings = signs
            return
        decision.answers |= codes
        if any("," in cell for cell in rest):
            decision.notes.append("its codes are written with decimal commas")
    elif names is not None:
        decision.answers |= names
    else:
        said = _read_all(rest, values, attribute, lambda cell: _yes_or_no(attribute, cell))
        if said is None:
            decision.unknown = _unknown(attribute, rest)
            return
        decision.answers |= said
        meant = {f"{cell.strip()} is read as {name_of(attribute, code)}" for cell, code in said.items()}
        decision.notes.append(", ".join(sorted(meant)))


def _read_all(
    rest: list[str], values: Mapping[str, str], attribute: Attribute, read: Callable[[str], int | None]
) -> dict[str, int] | None:
    """The codes of all cells; None if one has no code, or if the mapping reads a cell in another way."""
    codes = {cell: code for cell in rest if (code := read(cell)) is not None}
    if len(codes) < len(rest):
        return None
    for key, target in values.items():
        if target.strip() and read(key) not in {None, mapped_code(attribute, target)}:
            return None
    return codes


def _code(attribute: Attribute, cell: str) -> int | None:
    number = whole_number(cell)
    if number is None:
        return CANNOT_TELL if is_cannot_tell(cell) else None
    return find_code(attribute, number)


def _name(attribute: Attribute, cell: str) -> int | None:
    """The code of the value with this name; 10.0 is the name 10, which pandas wrote so."""
    code, number = find_name(attribute, cell), whole_number(cell)
    return find_name(attribute, str(number)) if code is None and number is not None else code


def _yes_or_no(attribute: Attribute, cell: str) -> int | None:
    return CANNOT_TELL if is_cannot_tell(cell) else find_yes_or_no(attribute, cell)


def _signs(attribute: Attribute, rest: list[str]) -> tuple[Reading, ...]:
    """The readings of -1, 0 and 1 in a question with two values, where -1 means "no" in other datasets; () for other cells."""
    numbers = {whole_number(cell) for cell in rest}
    active = sorted(value.code for value in attribute.values if value.status == "active")
    if CANNOT_TELL not in numbers or not numbers <= _SIGNS or len(active) != 2:
        return ()
    no, yes = (name_of(attribute, code) for code in no_and_yes(attribute) or active)
    ours = {str(code): name_of(attribute, code) for code in active if code in _SIGNS}
    return (
        Reading(f"-1 is {no!r}, 1 is {yes!r}, 0 is not labelled", {"-1": no, "0": "", "1": yes}),
        Reading(f"-1 is {CANNOT_TELL_NAME!r}, as in Facelabel's own files", {"-1": CANNOT_TELL_NAME} | ours),
    )


def _unknown(attribute: Attribute, rest: list[str]) -> list[str]:
    """The cells that no value fits. A cell that is no number, not even 0.5, makes a column of names, in which numbers are no codes."""
    numeric = all(_NUMBER.fullmatch(cell.strip()) or is_cannot_tell(cell) for cell in rest)
    read = _code if numeric else _name
    return [cell for cell in rest if read(attribute, cell) is None] or rest


def _values_by_code(attribute: Attribute) -> dict[str, str]:
    codes = {value.code: attribute.current(value.code) for value in attribute.values}
    return {str(code): name_of(attribute, current) for code, current in codes.items() if current is not None}


def _values_by_name(attribute: Attribute) -> dict[str, str]:
    codes = {value.name: attribute.current(value.code) for value in attribute.values}
    return {name: name_of(attribute, current) for name, current in codes.items() if current is not None}


def _listed(words: list[str]) -> str:
    return ", ".join(repr(word.strip()[:60]) for word in words)
