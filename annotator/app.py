"""The Flask application factory."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from flask import Flask

from annotator import __version__
from annotator.addresses import PublicUrl
from annotator.config import Settings
from annotator.domain.exclusions import ExclusionReason
from annotator.errors import WrongUse
from annotator.imaging.image_files import Limits
from annotator.project import ProjectFolder
from annotator.resources import resource
from annotator.services.access.failed_logins import LoginThrottle
from annotator.services.access.openid import OpenIdProvider
from annotator.services.access.recorder import AccessRecorder
from annotator.services.faces.tiles import TileStore
from annotator.services.monitoring.startup_check import StartupCheck
from annotator.services.review.explainer import Explainer
from annotator.web.data.backups import backups_api
from annotator.web.data.erasures import erasures_api
from annotator.web.data.exports import export_files, exports_api
from annotator.web.data.imports import imports_api
from annotator.web.data.mapping import mapping_api
from annotator.web.data.schema import schema_api
from annotator.web.data.snapshots import snapshot_files, snapshots_api
from annotator.web.http.access import guard
from annotator.web.http.access_log import add_access_log
from annotator.web.http.context import Context
from annotator.web.http.contracts import spec
from annotator.web.http.health import health
from annotator.web.http.media import media
from annotator.web.http.navigation import add_navigation
from annotator.web.http.number_arguments import RowNumber
from annotator.web.http.operation import observe, operation
from annotator.web.http.pages import pages
from annotator.web.http.problems import tell_errors
from annotator.web.http.proxies import ProxyAware
from annotator.web.http.security import TAKES_BYTES, protect
from annotator.web.http.static_files import static_version
from annotator.web.images.assignments import assignments
from annotator.web.images.badges import badges
from annotator.web.images.browse import browse
from annotator.web.images.exclusions import exclusions_api
from annotator.web.images.flags import flags_api
from annotator.web.images.groups import groups_api
from annotator.web.images.image_map import image_map
from annotator.web.images.review import review
from annotator.web.images.selection import selection
from annotator.web.images.splits import splits_api
from annotator.web.label.bulk import sweep
from annotator.web.label.faces import faces_api
from annotator.web.label.loop import loop_api
from annotator.web.label.people import people
from annotator.web.label.people_corrections import people_corrections
from annotator.web.label.reasons import reasons_api
from annotator.web.label.routes import label_api
from annotator.web.limits.bodies import read_bodies
from annotator.web.limits.heavy import limit_heavy_calls
from annotator.web.progress.certificates import certificates_api
from annotator.web.progress.insights import insights
from annotator.web.progress.rounds import round_files, rounds_api
from annotator.web.progress.words import words
from annotator.web.team.access_log import access_log
from annotator.web.team.accounts import accounts
from annotator.web.team.openid import oidc
from annotator.web.team.own_account import own_account
from annotator.web.team.qualifications import qualifications
from annotator.web.team.routes import team
from annotator.web.team.take_back import take_backs

MAX_BODY_BYTES = 2**20
_BLUEPRINTS = (
    accounts,
    own_account,
    oidc,
    access_log,
    label_api,
    reasons_api,
    loop_api,
    sweep,
    people,
    people_corrections,
    rounds_api,
    round_files,
    imports_api,
    mapping_api,
    snapshots_api,
    snapshot_files,
    backups_api,
    erasures_api,
    exports_api,
    export_files,
    pages,
    media,
    health,
    operation,
    browse,
    image_map,
    badges,
    review,
    flags_api,
    exclusions_api,
    selection,
    assignments,
    groups_api,
    splits_api,
    schema_api,
    team,
    take_backs,
    qualifications,
    faces_api,
    certificates_api,
    insights,
    words,
)


def create_app(project: ProjectFolder, settings: Settings) -> Flask:
    """Make the app that serves one project."""
    static = resource("static")
    app = Flask(
        "facelabel",
        template_folder=str(resource("templates")),
        static_folder=str(static),
        static_url_path=f"/static/{static_version(static)}",
    )
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    limits = Limits(settings.max_pixels, settings.max_file_bytes)
    # Two threads never wait for tiles: they take answers.
    tiles = TileStore(project, limits, settings.tile_cache_bytes, max(1, settings.threads - 2))
    app.extensions["facelabel"] = Context(
        project,
        settings,
        tiles,
        Explainer(project),
        StartupCheck(project),
        AccessRecorder(project),
        LoginThrottle(project),
        OpenIdProvider(settings) if settings.oidc_issuer else None,
    )
    app.jinja_env.globals.update(
        project_name=project.name, version=__version__, exclusion_reasons=list(ExclusionReason)
    )
    app.wsgi_app = ProxyAware(app.wsgi_app, settings)  # type: ignore[method-assign]
    _set_cookies(app, project, settings.public_url)
    app.url_map.converters["int"] = RowNumber
    observe(app, project)
    signed = settings.store_signed_seconds
    protect(app, settings, project.stores.signed_view("0" * 64, signed) or "" if signed else "")
    guard(app)
    read_bodies(app, TAKES_BYTES)
    limit_heavy_calls(app, settings.threads)
    add_access_log(app)
    add_navigation(app)
    tell_errors(app)
    for blueprint in _BLUEPRINTS:
        app.register_blueprint(blueprint)
    _check_prefix(app, settings.public_url)
    spec.app = app
    return app


def _check_prefix(app: Flask, public_url: PublicUrl | None) -> None:
    """Refuse a path prefix that begins like one of the app's addresses: nobody could tell whether a proxy has removed it.

    Raises:
        WrongUse: if it does.
    """
    first = public_url.prefix.split("/")[1] if public_url and public_url.prefix else ""
    if first and first in {rule.rule.split("/")[1] for rule in app.url_map.iter_rules()}:
        raise WrongUse(
            "taken_path",
            f"/{first} is one of Facelabel's own addresses, so {public_url} is ambiguous.",
            do=f"Choose another path, such as /facelabel-{first}.",
        )


def _set_cookies(app: Flask, project: ProjectFolder, public_url: PublicUrl | None) -> None:
    """Set how long a login lasts, and that its cookie is sent to this site only and hidden from scripts.

    Browsers keep cookies by host and not by port, so the project is a part of the name: two projects on one host do not log each
    other out. With HTTPS the name begins with `__Host-`, which stops other hosts of the domain from setting it. That prefix
    demands the path `/`; below a path prefix the cookie is `__Secure-` with that path, so that the host's other apps, which
    somebody else may run, do not receive it.
    """
    secret = project.secret_key()
    name = f"facelabel-{hashlib.sha256(secret).hexdigest()[:8]}"
    secure = public_url is not None and public_url.secure
    path = (public_url.prefix if public_url else "") or "/"
    app.config.update(
        SECRET_KEY=secret,
        SESSION_COOKIE_NAME=(("__Host-" if path == "/" else "__Secure-") if secure else "") + name,
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_PATH=path,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        PERMANENT_SESSION_LIFETIME=timedelta(days=14),
    )
