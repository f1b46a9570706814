"""Who may call what. Every route is listed here; a route that is not listed is refused.

Until the first account is made, the local user needs no login but the start-up token, the server listens on this machine only,
and what came through a proxy is refused. With accounts or an OpenID Connect provider, a browser logs in and a program sends
`Authorization: Bearer <token>`. A token can do what its owner may, or less if its scope says so.
"""

from __future__ import annotations

from typing import Literal

from flask import Flask, g, redirect, request, session, url_for
from werkzeug.wrappers import Response

from annotator.database import Session
from annotator.domain.roles import Role, Scope, may
from annotator.errors import Forbidden, Unauthorized
from annotator.services.access.account import Account
from annotator.services.access.sessions import account_of_session
from annotator.services.access.tokens import account_of_token
from annotator.services.accounts import account_without_login
from annotator.services.erasure.journal import refresh_caches
from annotator.web.http.context import context
from annotator.web.http.problems import is_api
from annotator.web.http.proxies import came_through_proxy
from annotator.web.http.start_token import exchange_token, knows_token

Needed = Role | Literal["anyone"]

ACCESS: dict[str, Needed] = {
    "static": "anyone",
    "health.check": "anyone",
    "health.describe": "anyone",
    "operation.show_metrics": Role.ADMIN,
    "accounts.login_page": "anyone",
    "accounts.login": "anyone",
    "accounts.logout": "anyone",
    "accounts.me": Role.LABELLER,
    "oidc.start": "anyone",
    "oidc.callback": "anyone",
    "own_account.account_page": Role.LABELLER,
    "own_account.show": Role.LABELLER,
    "own_account.change_password": Role.LABELLER,
    "own_account.link": Role.LABELLER,
    "own_account.unlink": Role.LABELLER,
    "own_account.end_one": Role.LABELLER,
    "own_account.end_all": Role.LABELLER,
    "own_account.make_token": Role.LABELLER,
    "own_account.revoke": Role.LABELLER,
    "access_log.log_page": Role.ADMIN,
    "access_log.show": Role.ADMIN,
    "pages.manifest": "anyone",
    "pages.offline_worker": "anyone",
    "pages.label": Role.LABELLER,
    "pages.rounds": Role.LABELLER,
    "pages.snapshots": Role.LABELLER,
    "words.words_page": Role.LABELLER,
    "words.list_words": Role.LABELLER,
    "pages.import_page": Role.ADMIN,
    "media.view": Role.LABELLER,
    "media.tile": Role.LABELLER,
    "label_api.get_schema": Role.LABELLER,
    "label_api.next_work": Role.LABELLER,
    "label_api.annotate": Role.LABELLER,
    "label_api.undo_annotation": Role.LABELLER,
    "label_api.get_progress": Role.LABELLER,
    "reasons_api.show_reasons": Role.LABELLER,
    "loop_api.show_loop": Role.LABELLER,
    "loop_api.renew_suggestions": Role.LABELLER,
    "browse.browse_page": Role.LABELLER,
    "browse.image_page": Role.LABELLER,
    "browse.list_images": Role.LABELLER,
    "browse.list_ids": Role.LABELLER,
    "browse.count_view": Role.LABELLER,
    "browse.show_image": Role.LABELLER,
    "browse.correct_image": Role.LABELLER,  # services/review/queue checks who may adjudicate
    "browse.undo_image_correction": Role.LABELLER,
    "image_map.map_page": Role.LABELLER,
    "image_map.show_map": Role.LABELLER,
    "image_map.points": Role.LABELLER,
    "image_map.colours": Role.LABELLER,
    "image_map.make_map": Role.REVIEWER,
    "selection.preview": Role.LABELLER,
    "selection.change": Role.LABELLER,  # services/selection checks which actions need a reviewer
    "selection.undo": Role.LABELLER,
    "review.review_page": Role.REVIEWER,
    "review.list_review": Role.REVIEWER,
    "badges.show": Role.LABELLER,
    "browse.set_gold": Role.REVIEWER,
    "team.team_page": Role.LABELLER,
    "team.show_team": Role.LABELLER,  # a labeller sees only their own metrics
    "team.change_settings": Role.REVIEWER,
    "team.show_aggregation": Role.REVIEWER,
    "team.run_aggregation": Role.REVIEWER,
    "team.add_member": Role.ADMIN,
    "team.change_member": Role.ADMIN,
    "team.delete_member": Role.ADMIN,
    "team.end_member_sessions": Role.ADMIN,
    "team.link_member": Role.ADMIN,
    "team.unlink_member": Role.ADMIN,
    "team.make_token": Role.ADMIN,
    "team.revoke_one_token": Role.ADMIN,
    "assignments.index": Role.REVIEWER,
    "assignments.preview": Role.REVIEWER,
    "assignments.create": Role.REVIEWER,
    "assignments.release_one": Role.REVIEWER,
    "qualifications.page": Role.LABELLER,
    "qualifications.show": Role.LABELLER,
    "qualifications.start": Role.LABELLER,
    "qualifications.answer": Role.LABELLER,
    "qualifications.show_team": Role.REVIEWER,
    "qualifications.change": Role.ADMIN,
    "qualifications.set_qualified": Role.ADMIN,
    "take_backs.index": Role.ADMIN,
    "take_backs.preview": Role.ADMIN,
    "take_backs.create": Role.ADMIN,
    "take_backs.undo": Role.ADMIN,
    "flags_api.flag_image": Role.LABELLER,
    "exclusions_api.exclude_images": Role.LABELLER,  # several images at once: only reviewers
    "exclusions_api.undo_images": Role.LABELLER,  # only what the caller excluded or restored
    "exclusions_api.restore_images": Role.REVIEWER,
    "flags_api.resolve": Role.REVIEWER,
    "groups_api.groups_page": Role.REVIEWER,
    "groups_api.list_all": Role.REVIEWER,
    "groups_api.show_group": Role.REVIEWER,
    "groups_api.show_leaks": Role.REVIEWER,
    "groups_api.add_decision": Role.REVIEWER,
    "groups_api.undo_decision": Role.REVIEWER,
    "splits_api.show_splits": Role.REVIEWER,
    "splits_api.balance": Role.ADMIN,
    "schema_api.schema_page": Role.LABELLER,
    "schema_api.show_whole": Role.LABELLER,
    "schema_api.preview": Role.ADMIN,
    "schema_api.apply": Role.ADMIN,
    "sweep.show": Role.LABELLER,
    "sweep.next_page": Role.LABELLER,
    "sweep.annotate_page": Role.LABELLER,
    "sweep.undo_sweep": Role.LABELLER,
    "people.people_page": Role.LABELLER,
    "people.list_page": Role.LABELLER,
    "people.next_sets": Role.LABELLER,
    "people.confirm_set": Role.LABELLER,
    "people.undo_change": Role.LABELLER,
    "people.index": Role.LABELLER,
    "people.names": Role.LABELLER,
    "people.show_person": Role.LABELLER,
    "people.rename_person": Role.REVIEWER,
    "people.merge_people": Role.REVIEWER,
    "people_corrections.split": Role.REVIEWER,
    "people_corrections.namings": Role.LABELLER,  # their own
    "people_corrections.undo_namings": Role.LABELLER,
    "people_corrections.restore_namings": Role.LABELLER,
    "faces_api.show": Role.LABELLER,
    "certificates_api.fill_page": Role.ADMIN,
    "certificates_api.index": Role.ADMIN,  # who labels must not know which images a sample has
    "certificates_api.show_plan": Role.ADMIN,
    "certificates_api.create": Role.ADMIN,
    "certificates_api.decide": Role.ADMIN,
    "certificates_api.undo": Role.ADMIN,
    "insights.insights_page": Role.LABELLER,
    "insights.show_insights": Role.LABELLER,
    "insights.numbers": Role.LABELLER,
    "rounds_api.index": Role.LABELLER,
    "rounds_api.show": Role.LABELLER,
    "rounds_api.show_changes": Role.LABELLER,
    "round_files.report": Role.REVIEWER,  # it shows faces with the answers they got
    "rounds_api.start": Role.REVIEWER,
    "rounds_api.use_frozen_features": Role.REVIEWER,
    "rounds_api.cancel": Role.REVIEWER,
    "rounds_api.promote_round": Role.REVIEWER,
    "rounds_api.use_best_measured": Role.REVIEWER,
    "imports_api.index": Role.ADMIN,
    "imports_api.show": Role.ADMIN,
    "imports_api.upload": Role.ADMIN,
    "imports_api.receive": Role.ADMIN,
    "imports_api.start": Role.ADMIN,
    "imports_api.discard": Role.ADMIN,
    "mapping_api.show": Role.ADMIN,
    "mapping_api.preview": Role.ADMIN,
    "snapshots_api.index": Role.LABELLER,
    "snapshots_api.create": Role.REVIEWER,
    "snapshots_api.describe": Role.REVIEWER,
    "snapshots_api.delete": Role.ADMIN,
    "snapshots_api.diff": Role.LABELLER,
    "snapshots_api.verify": Role.LABELLER,
    "snapshot_files.card": Role.LABELLER,
    "snapshot_files.download": Role.REVIEWER,
    "backups_api.show": Role.ADMIN,
    "erasures_api.index": Role.ADMIN,
    "erasures_api.show": Role.ADMIN,
    "erasures_api.preview": Role.ADMIN,
    "erasures_api.erase": Role.ADMIN,
    "exports_api.formats": Role.LABELLER,
    "exports_api.create": Role.REVIEWER,
    "export_files.download": Role.REVIEWER,
    "export_files.labels_file": Role.REVIEWER,
    "export_files.coursework_file": Role.REVIEWER,
    "snapshot_files.changed_cells": Role.REVIEWER,  # it names labellers
}

LABELLING = frozenset(
    {
        "label_api.next_work",
        "label_api.annotate",
        "label_api.undo_annotation",
        "loop_api.renew_suggestions",
        "sweep.next_page",
        "sweep.annotate_page",
        "sweep.undo_sweep",
        "people.next_sets",
        "people.confirm_set",
        "people.undo_change",
        "flags_api.flag_image",
        "exclusions_api.exclude_images",
        "exclusions_api.undo_images",
        "qualifications.start",
        "qualifications.answer",
    }
)
"""The changing routes that a token with the scope `label` may call, if its owner's role allows it."""

BEFORE_QUALIFYING = frozenset(
    {
        "accounts.me",
        "label_api.get_schema",
        "media.view",
        "own_account.account_page",
        "own_account.change_password",
        "own_account.end_all",
        "own_account.end_one",
        "own_account.make_token",
        "own_account.revoke",
        "own_account.show",
        "qualifications.answer",
        "qualifications.page",
        "qualifications.show",
        "qualifications.start",
        "words.list_words",
        "words.words_page",
    }
)
"""What a labeller may call who must qualify first: nothing that stores an answer or shows one of others."""


def guard(app: Flask) -> None:
    """Let a request through only if its sender may call the route, and store the sender as `g.account`."""

    @app.before_request
    def check() -> Response | None:
        needed = ACCESS.get(request.endpoint or "")
        if request.endpoint is None or needed == "anyone":
            return None  # without an endpoint there is no such route: everybody gets 404
        if not is_api(request) and (opened := exchange_token()):
            return opened
        with context().project.database.read() as database:
            refresh_caches(context().project, database)
            user = _sender(database)
        if user is None:
            if is_api(request):
                raise Unauthorized("not_logged_in", "You are not logged in.", do="Log in, or send a token.")
            wanted = request.script_root + request.full_path.rstrip("?")
            return redirect(url_for("accounts.login_page", next=wanted))
        g.account = user
        if user.password_hash:
            g.labeller_name = user.name
        if needed is None or not may(user.role, needed):
            raise Forbidden(
                "not_allowed",
                f"This needs the role {needed}; {user.name} has the role {user.role}.",
                do="Ask an admin.",
            )
        _check_scope(user.scope)
        if user.must_qualify and request.endpoint not in BEFORE_QUALIFYING:
            if needed == Role.LABELLER and not request.path.startswith("/api/") and request.method == "GET":
                return redirect(url_for("qualifications.page"))
            raise Forbidden(
                "not_qualified",
                f"{user.name} has not passed the qualification yet.",
                do="Open the page /qualification, or ask an admin.",
            )
        context().recorder.used(user)
        return None


def _sender(database: Session) -> Account | None:
    """The active account that sent this request; None if nobody is logged in."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    bearer = token if kind.lower() == "bearer" else ""
    login = session.get("login", "")
    if login and not bearer and (user := account_of_session(database, login)):
        return user
    if context().provider is None and (local := account_without_login(database)):
        _refuse_proxy()
        return local if knows_token(bearer) else None
    return account_of_token(database, bearer) if bearer else None


def _check_scope(scope: str) -> None:
    """Refuse a route that a token's scope does not include, even if the token's owner may call it."""
    reads = request.method in {"GET", "HEAD", "OPTIONS"}
    if scope == Scope.ADMIN or reads or (scope == Scope.LABEL and request.endpoint in LABELLING):
        return
    raise Forbidden(
        "not_in_scope",
        f"This token has the scope {scope}, which does not include this.",
        do="Use a token with a wider scope.",
    )


def _refuse_proxy() -> None:
    """Refuse what came through a proxy while there are no accounts: a stranger may have sent it."""
    if came_through_proxy(request):
        raise Forbidden(
            "no_accounts",
            "This request came through a proxy, and nobody would have to log in.",
            do="Make an account first: `facelabel users add NAME --role admin`.",
        )
