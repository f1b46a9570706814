"""The app for who starts gunicorn themselves; docs/scale.md says how."""

from __future__ import annotations

from flask import Flask

from annotator.app import create_app
from annotator.config import Settings
from annotator.logs import set_up_logging
from annotator.project import ProjectFolder
from annotator.server import check_audience
from annotator.web.http.operation import current_request


def application() -> Flask:
    """Make the app of the project and the settings that the environment names.

    Raises:
        FacelabelError: if the project cannot be opened.
        WrongUse: if other machines could reach the server and nobody would have to log in.
    """
    settings = Settings()
    set_up_logging(settings, current_request)
    project = ProjectFolder.open(settings.project)
    check_audience(project, settings)
    return create_app(project, settings)
