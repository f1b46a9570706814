"""Who may call what: every route has its line here, and what has none is refused.

Until the first account is made, the one user of this machine needs no login (the server then listens on this machine only).
With accounts, a browser logs in and a program sends `Authorization: Bearer <token>`.
"""

from __future__ import annotations

from typing import Literal

from flask import Flask, g, redirect, request, session, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from annotator.errors import Forbidden, Unauthorized
from annotator.services.accounts import (
    Account,
    Role,
    account_of_login,
    account_of_token,
    account_without_login,
    may,
)
from annotator.web.context import context

Needed = Role | Literal["anyone"]

ACCESS: dict[str, Needed] = {
    "static": "anyone",
    "health.check": "anyone",
    "health.describe": "anyone",
    "accounts.login_page": "anyone",
    "accounts.login": "anyone",
    "accounts.logout": "anyone",
    "accounts.me": "labeller",
    "pages.label": "labeller",
    "pages.rounds": "labeller",
    "pages.snapshots": "labeller",
    "pages.import_page": "admin",
    "media.view": "labeller",
    "label_api.get_schema": "labeller",
    "label_api.next_work": "labeller",
    "label_api.annotate": "labeller",
    "label_api.take_back": "labeller",
    "label_api.get_progress": "labeller",
    "browse.browse_page": "labeller",
    "browse.image_page": "labeller",
    "browse.list_images": "labeller",
    "browse.show_image": "labeller",
    "browse.correct_image": "labeller",  # who may adjudicate is asked in services/review
    "browse.take_correction_back": "labeller",
    "review.review_page": "reviewer",
    "review.list_review": "reviewer",
    "browse.set_gold": "reviewer",
    "team.team_page": "labeller",
    "team.show_team": "labeller",  # a labeller is told their own figures only
    "team.change_settings": "reviewer",
    "team.show_aggregation": "reviewer",
    "team.run_aggregation": "reviewer",
    "team.add_member": "admin",
    "team.change_member": "admin",
    "team.make_token": "admin",
    "team.revoke_one_token": "admin",
    "flags_api.flag_image": "labeller",
    "flags_api.resolve": "reviewer",
    "groups_api.groups_page": "labeller",
    "groups_api.list_all": "labeller",
    "groups_api.show_group": "labeller",
    "groups_api.show_leaks": "labeller",
    "groups_api.add_decision": "reviewer",
    "groups_api.undo_decision": "reviewer",
    "splits_api.show_splits": "reviewer",
    "splits_api.balance": "admin",
    "schema_api.schema_page": "labeller",
    "schema_api.show_whole": "labeller",
    "schema_api.preview": "admin",
    "schema_api.apply": "admin",
    "sweep.show": "labeller",
    "sweep.next_page": "labeller",
    "sweep.annotate_page": "labeller",
    "sweep.take_back_page": "labeller",
    "people.people_page": "labeller",
    "people.list_page": "labeller",
    "people.next_sets": "labeller",
    "people.confirm_set": "labeller",
    "people.take_people_back": "labeller",
    "people.index": "labeller",
    "people.names": "labeller",
    "people.show_person": "labeller",
    "people.rename_person": "reviewer",
    "people.merge_people": "reviewer",
    "faces_api.show": "labeller",
    "insights.insights_page": "labeller",
    "insights.show_insights": "labeller",
    "insights.numbers": "labeller",
    "rounds_api.index": "labeller",
    "rounds_api.show": "labeller",
    "rounds_api.show_changes": "labeller",
    "round_files.report": "reviewer",  # it shows faces with the answers that were given
    "rounds_api.start": "reviewer",
    "rounds_api.use_frozen_features": "reviewer",
    "rounds_api.promote_round": "reviewer",
    "imports_api.index": "admin",
    "imports_api.show": "admin",
    "imports_api.upload": "admin",
    "imports_api.receive": "admin",
    "imports_api.start": "admin",
    "imports_api.discard": "admin",
    "snapshots_api.index": "labeller",
    "snapshots_api.create": "reviewer",
    "snapshots_api.diff": "labeller",
    "snapshots_api.verify": "labeller",
    "snapshot_files.card": "labeller",
    "snapshot_files.download": "reviewer",
    "exports_api.formats": "labeller",
    "exports_api.create": "reviewer",
    "export_files.download": "reviewer",
    "snapshot_files.changed_cells": "reviewer",  # it names labellers
}


def guard(app: Flask) -> None:
    """Let a request through only if its sender may call the route."""

    @app.before_request
    def check() -> Response | None:
        needed = ACCESS.get(request.endpoint or "")
        if request.endpoint is None or needed == "anyone":
            return None  # no such route: the answer is 404 for everybody
        with context().project.database.read() as database:
            user = _who(database)
        if user is None:
            if request.path.startswith("/api/") or request.method != "GET":
                raise Unauthorized("not_logged_in", "You are not logged in.", do="Log in, or send a token.")
            return redirect(url_for("accounts.login_page", next=request.full_path.rstrip("?")))
        if needed is None or not may(user.role, needed):
            raise Forbidden(
                "not_allowed",
                f"This needs the role {needed}; {user.name} is {user.role}.",
                do="Ask an admin.",
            )
        g.labeller_id = user.id
        if user.password_hash:
            g.labeller_name = user.name
        return None


def _who(database: Session) -> Account | None:
    """The active account that sent this request, or None."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return account_of_token(database, token)
    return account_without_login(database) or account_of_login(
        database, session.get("labeller", 0), session.get("stamp", "")
    )
