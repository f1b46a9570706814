"""The routes of the app, each with an address."""

from pathlib import Path

from annotator.app import create_app
from annotator.config import Settings
from annotator.project import ProjectFolder


def routes() -> list[tuple[str, str, str]]:
    """Endpoint, method and a path of every route."""
    app = create_app(ProjectFolder(Path()), Settings())
    found = []
    for rule in app.url_map.iter_rules():
        path = str(rule)
        for name in rule.arguments:
            path = (
                path.replace(f"<int:{name}>", "1")
                .replace(f"<path:{name}>", "css/style.css")
                .replace(f"<{name}>", "1")
            )
        found += [(rule.endpoint, method, path) for method in sorted(rule.methods - {"HEAD", "OPTIONS"})]
    return found
