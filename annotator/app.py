"""The application factory."""

from __future__ import annotations

from flask import Flask

from annotator import __version__
from annotator.config import Settings
from annotator.project import ProjectFolder
from annotator.resources import resource
from annotator.web.context import Context
from annotator.web.contracts import spec
from annotator.web.health import health
from annotator.web.label import label_api
from annotator.web.media import media
from annotator.web.pages import pages
from annotator.web.problems import tell_errors
from annotator.web.rounds import rounds_api
from annotator.web.security import protect
from annotator.web.snapshots import snapshots_api

MAX_BODY_BYTES = 2**20


def create_app(project: ProjectFolder, settings: Settings) -> Flask:
    """The app that serves one project."""
    app = Flask(
        "facelabel", template_folder=str(resource("templates")), static_folder=str(resource("static"))
    )
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.extensions["facelabel"] = Context(project, settings)
    app.jinja_env.globals.update(project_name=project.name, version=__version__)
    protect(app, settings.host)
    tell_errors(app)
    for blueprint in (label_api, rounds_api, snapshots_api, pages, media, health):
        app.register_blueprint(blueprint)
    spec.app = app
    return app
