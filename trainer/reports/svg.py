"""Embed Matplotlib's SVG in a page: several charts on one page, in light and in dark."""

import re
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

from markupsafe import Markup

from trainer.reports.colours import VARIABLES

_NAMESPACE = re.compile(r"\{[^}]*\}")
_COLOUR = re.compile("|".join(VARIABLES))
_FONT = re.compile(r"'DejaVu Sans'[^;]*")
_REFERENCE = re.compile(r"#([\w-]+)")
_DROPPED = ("metadata", "style")
AREA = "-area"
"""The end of the identifier of a shape that leads to images for the mouse only: the keyboard has another one beside it."""


def inline_svg(
    source: str,
    *,
    name: str,
    title: str,
    tips: Mapping[str, Sequence[str]],
    views: Mapping[str, str] | None = None,
) -> Markup:
    """Return an `svg` element for a page from a whole SVG file.

    - Colours become the page's CSS variables, and the font becomes the page's font.
    - Identifiers that nothing refers to are dropped and the others begin with `name`: several charts share a page.
    - A group with a view becomes an `a` without an address; a server that has the images makes a link of its `data-view`.
    - The style sheet, which would hold for the whole page, and the metadata are dropped.

    Args:
        source: What `Figure.savefig` wrote, with text as text.
        name: A prefix for identifiers that no other chart of the page has.
        title: What a screen reader says.
        tips: Identifier of a group (`Artist.set_gid`) → the texts that its shapes show under the pointer.
        views: Identifier of a group → the images that it stands for.
    """
    root = ET.fromstring(source)  # noqa: S314 - Matplotlib has just written it
    referred = set(_REFERENCE.findall(" ".join(_references(root))))
    for parent in list(root.iter()):
        for child in list(parent):
            if _NAMESPACE.sub("", child.tag) in _DROPPED:
                parent.remove(child)
    views = views or {}
    for element in root.iter():
        element.tag = _NAMESPACE.sub("", element.tag)
        identifier = element.get("id", "")
        _add_tips(element, tips.get(identifier, ()))
        if identifier in views:
            element.tag = "a"
            element.set("data-view", views[identifier])
            if identifier.endswith(AREA):
                element.set("tabindex", "-1")
                element.set("aria-hidden", "true")
        kept = {_NAMESPACE.sub("", key): value for key, value in element.attrib.items()}
        element.attrib.clear()
        element.attrib.update(_themed(kept, referred, name))
    root.attrib.pop("version", None)
    width, height = (float(size) for size in root.attrib["viewBox"].split()[2:])
    root.attrib |= {"width": f"{width:g}", "height": f"{height:g}", "role": "group" if views else "img"}
    root.attrib["aria-label"] = title
    root.attrib["stroke-linejoin"] = "round"
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 - ElementTree has escaped it


def _references(root: ET.Element) -> list[str]:
    """The values of all attributes that can name an identifier."""
    return [
        value
        for element in root.iter()
        for key, value in element.attrib.items()
        if key.endswith("href") or "url(#" in value
    ]


def _themed(attributes: dict[str, str], referred: set[str], name: str) -> dict[str, str]:
    if attributes.get("id") not in referred:
        attributes.pop("id", None)
    for key, value in attributes.items():
        if key == "id":
            attributes[key] = f"{name}-{value}"
        elif key == "href" or "url(#" in value:
            attributes[key] = value.replace("#", f"#{name}-")
        elif key == "style":
            themed = _COLOUR.sub(lambda match: VARIABLES[match[0]], value)
            attributes[key] = _FONT.sub("system-ui, sans-serif", themed)
    return attributes


def _add_tips(group: ET.Element, tips: Sequence[str]) -> None:
    """Give the marks of a line, or the one shape of a bar, their texts."""
    marks = [element for element in group.iter() if element.tag.endswith("use")] if tips else []
    for shape, tip in zip(marks or [group], tips, strict=False):
        ET.SubElement(shape, "title").text = tip
