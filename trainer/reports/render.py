"""Pages from the templates in `templates/`.

A page is one file. Its style, charts (SVG) and images stand inside, and it makes no request.
"""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from trainer.reports.colours import COLOURS

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **values: Any) -> str:
    """Fill a template.

    Args:
        template: Name of a file in `templates/`.
        values: Names that the template uses. Strings are escaped; only `markupsafe.Markup` is taken as HTML.
    """
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["colours"] = COLOURS
    environment.filters["anchor"] = lambda heading: heading.lower().replace(" ", "-")
    return environment
