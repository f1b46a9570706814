"""The types of the pages' scripts say what the API sends and takes."""

import re
from pathlib import Path

from annotator.app import create_app
from annotator.config import Settings
from annotator.project import ProjectFolder
from annotator.web.http.description import describe_api
from tests.support.paths import CHECKOUT

TYPES = CHECKOUT / "static" / "js" / "types.d.ts"
OF_THE_PAGES = {"OutboxBodies", "CachedImage", "MappingChange"}
"""Interfaces that no request and no answer has."""
INSIDE_REPORTS = {"CellChange", "Counted", "ImportReport", "TestMetrics"}
"""Shapes that the API passes on as plain JSON."""


def interfaces() -> dict[str, set[str]]:
    """The properties of every interface, those that it inherits included."""
    pattern = re.compile(
        r"^(?:export )?interface (\w+)(?:<.*?>)?(?: extends (\w+))?.*? \{\n(.*?)^\}", re.MULTILINE | re.DOTALL
    )
    shapes: dict[str, set[str]] = {}
    for name, base, body in pattern.findall(TYPES.read_text()):
        own = set(re.findall(r"^  '?(\w+(?: \w+)?)'?\??:", body, re.MULTILINE))
        shapes[name] = own | shapes.get(base, set())
    return shapes


def test_every_interface_has_the_properties_of_a_shape_of_the_api():
    description = describe_api(create_app(ProjectFolder(Path()), Settings()))
    components = [
        set(schema.get("properties", {})) for schema in description["components"]["schemas"].values()
    ]
    shapes = interfaces()
    assert {"Task", "Round", "Member"} <= set(shapes)
    unknown = {
        name: properties
        for name, properties in shapes.items()
        if name not in OF_THE_PAGES | INSIDE_REPORTS and properties not in components
    }
    assert unknown == {}
