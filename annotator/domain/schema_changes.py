"""The changes between two schemas, each with a sentence. Changes that would lose labels or codes are refused.

A change is declared, not scripted: the file says how the schema should be, and this module finds the difference. A change
can therefore be applied twice, and the file always describes the active schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from annotator.domain.schema import Attribute, Schema, Value
from annotator.errors import FacelabelError

Kind = Literal["plain", "add", "require", "retire", "merge", "split"]


@dataclass(frozen=True)
class Change:
    """One change.

    Args:
        text: the change as a phrase.
        attribute: the attribute's name after the change.
        kind: the effect on labels: "plain" has none, "add" and "require" ask more of each image.
        code: the value that is retired, merged or split.
        into: the codes that replace it.
        warning: what to know before applying the change.
    """

    text: str
    attribute: str
    kind: Kind = "plain"
    code: int | None = None
    into: tuple[int, ...] = ()
    warning: str = ""


def renamed_attributes(old: Schema, new: Schema) -> dict[str, str]:
    """Find renamed attributes: former name → new name."""
    old_names = {attribute.name for attribute in old.attributes}
    return {a.was: a.name for a in new.attributes if a.was in old_names and a.was and a.name not in old_names}


def compare_schemas(old: Schema, new: Schema) -> list[Change]:
    """Find the changes that make the old schema the new one.

    Raises:
        FacelabelError: if a change would lose labels, or give a code another meaning.
    """
    renamed = renamed_attributes(old, new)
    before = {renamed.get(attribute.name, attribute.name): attribute for attribute in old.attributes}
    left = dict(before)
    changes: list[Change] = []
    for attribute in new.attributes:
        previous = left.pop(attribute.name, None)
        if previous is None:
            kind: Kind = "add" if attribute.required else "plain"
            changes.append(Change(f"add the attribute {attribute.name}", attribute.name, kind))
        else:
            changes += _attribute_changes(previous, attribute)
    if left:
        raise FacelabelError(
            "attribute_removed",
            f"The schema no longer lists {', '.join(left)}, whose labels would be lost.",
            do="Put it back. Set `required = false` if it is no longer needed, or `was` if it was renamed.",
        )
    if [a.name for a in new.attributes if a.name in before] != list(before):
        changes.append(Change("change the order of the attributes", ""))
    return changes


def _attribute_changes(old: Attribute, new: Attribute) -> list[Change]:
    if old.kind != new.kind:
        raise FacelabelError(
            "kind_changed",
            f"{new.name} is {old.kind} and cannot become {new.kind}: its labels would lose their meaning.",
            do="Give the new attribute another name.",
        )
    changes = [_renaming(old, new)] if old.name != new.name else []
    for setting in ("title", "key", "required", "groups", "spellings"):
        before, after = getattr(old, setting), getattr(new, setting)
        if before != after:
            changes.append(_setting(new, setting, before, after))
    changes += [
        Change(f"{new.name}: change the {setting}", new.name)
        for setting in ("guideline", "examples")
        if getattr(old, setting) != getattr(new, setting)
    ]
    return changes + _value_changes(old, new)


def _renaming(old: Attribute, new: Attribute) -> Change:
    if old.groups or new.groups:
        raise FacelabelError(
            "groups_renamed",
            f"{old.name} cannot be renamed: groups are named after it, and images would move between train and test.",
            do="Change its title instead: that is what labellers see.",
        )
    return Change(
        f"rename the attribute {old.name} to {new.name}",
        new.name,
        warning=f"The column in labels.csv is called {new.name} from now on; {old.name} is still read on import.",
    )


def _setting(attribute: Attribute, setting: str, before: object, after: object) -> Change:
    text = f"{attribute.name}: set {setting} from {_setting_text(before)} to {_setting_text(after)}"
    if setting == "groups":
        warning = "Images may move between train, val and test."
        return Change(text, attribute.name, warning=warning)
    return Change(text, attribute.name, "require" if setting == "required" and after else "plain")


def _setting_text(setting: object) -> str:
    return repr(list(setting)) if isinstance(setting, tuple) else repr(setting)


def _value_changes(old: Attribute, new: Attribute) -> list[Change]:
    before = {value.code: value for value in old.values}
    owner = {value.name.casefold(): value.code for value in old.values}
    changes: list[Change] = []
    for value in new.values:
        previous = before.pop(value.code, None)
        if owner.get(value.name.casefold(), value.code) != value.code:
            raise FacelabelError(
                "name_moved",
                f"{new.name}: {value.name!r} was the name of {owner[value.name.casefold()]} and cannot become that of "
                f"{value.code}: its labels would mean something else.",
                do="Choose a new name, or merge one value into the other.",
            )
        if previous is None:
            changes.append(Change(f"add the value {value.code} {value.name!r}", new.name))
        elif previous != value:
            changes += _changes_of_value(new, previous, value)
    changes += [_retirement(value) for value in before.values() if value.status == "active"]
    return [Change(f"{new.name}: {c.text}", new.name, c.kind, c.code, c.into, c.warning) for c in changes]


def _changes_of_value(attribute: Attribute, old: Value, new: Value) -> list[Change]:
    value = f"{new.code} {new.name!r}"
    changes = []
    if old.name != new.name:
        if old.status == "retired":
            raise FacelabelError(
                "code_reused",
                f"{attribute.name}: the code {old.code} was {old.name!r}, which is retired, and cannot become {new.name!r}.",
                do="Give the new value a code that was never used.",
            )
        changes.append(Change(f"rename the value {new.code} from {old.name!r} to {new.name!r}", ""))
    if old.ends != new.ends:
        changes.append(Change(f"{value} {'ends' if new.ends else 'no longer ends'} the image", ""))
    if old.replaced_by != new.replaced_by:
        if old.replaced_by:
            raise FacelabelError(
                "replacement_changed",
                f"{attribute.name}: {value} was merged or split already, which cannot be changed.",
                do=f"Keep `replaced_by = {list(old.replaced_by)}`; add a new value if you need one.",
            )
        changes.append(_replacement(new, {value.code: value for value in attribute.values}))
    elif old.status != new.status:
        back = Change(f"bring the value {value} back", "")
        changes.append(_retirement(new) if new.status == "retired" else back)
    return changes


def _retirement(value: Value) -> Change:
    return Change(
        f"retire the value {value.code} {value.name!r}",
        "",
        "retire",
        value.code,
        warning="It is no longer offered; labels keep it.",
    )


def _replacement(value: Value, values: Mapping[int, Value]) -> Change:
    targets = [values[code] for code in value.replaced_by]
    names = " and ".join(f"{target.code} {target.name!r}" for target in targets)
    if any(target.status == "retired" and not target.replaced_by for target in targets):
        raise FacelabelError(
            "into_retired",
            f"{value.code} {value.name!r} cannot be replaced by {names}, because that value is retired.",
            do="Choose a value that is not retired.",
        )
    if len(targets) == 1:
        text = f"merge the value {value.code} {value.name!r} into {names}"
        warning = "It cannot be undone; what people answered stays in the history."
        return Change(text, "", "merge", value.code, value.replaced_by, warning)
    text = f"split the value {value.code} {value.name!r} into {names}"
    warning = "It cannot be undone; its images are asked again, and the old answers stay in the history."
    return Change(text, "", "split", value.code, value.replaced_by, warning)
