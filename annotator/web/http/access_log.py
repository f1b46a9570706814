"""Which requests the access log tells of, and how.

An entry is written after the request has done its work and before its answer is sent. What a handler writes itself, because
it knows more, such as log-ins, is not in the table here.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, Response, g, request

from annotator.services.access.account import Account, account_number
from annotator.services.access.log import Event
from annotator.web.http.context import account, context
from annotator.web.http.proxies import client_address


@dataclass(frozen=True)
class Told:
    """What the log tells of a route.

    Args:
        event: what happened.
        noun: what the number or name in the address is one of, such as "account".
        fields: fields of the body whose values are told; of a list, how many.
        mentioned: fields of the body that are told without their values, because these are secret or names of people.
    """

    event: Event
    noun: str = ""
    fields: tuple[str, ...] = ()
    mentioned: tuple[str, ...] = ()


LOGGED: dict[str, Told] = {
    "own_account.end_one": Told(Event.SESSION_ENDED, "session"),
    "own_account.end_all": Told(Event.SESSION_ENDED, "all of the caller"),
    "own_account.change_password": Told(Event.PASSWORD_CHANGED),
    "own_account.unlink": Told(Event.IDENTITY_UNLINKED),
    "own_account.make_token": Told(Event.TOKEN_MADE, "", ("scope", "days")),
    "own_account.revoke": Told(Event.TOKEN_REVOKED, "token"),
    "team.add_member": Told(Event.ACCOUNT_ADDED, "", ("role",)),
    "team.change_member": Told(Event.ACCOUNT_CHANGED, "account", ("role", "active"), ("name", "password")),
    "team.delete_member": Told(Event.ACCOUNT_DELETED, "account", ("forget_name",)),
    "team.end_member_sessions": Told(Event.SESSION_ENDED, "all of account"),
    "team.link_member": Told(Event.IDENTITY_LINKED, "account"),
    "team.unlink_member": Told(Event.IDENTITY_UNLINKED, "account"),
    "team.make_token": Told(Event.TOKEN_MADE, "for account", ("scope", "days")),
    "team.revoke_one_token": Told(Event.TOKEN_REVOKED, "token"),
    "team.change_settings": Told(
        Event.SETTINGS_CHANGED,
        "",
        (
            "overlap_share",
            "overlap_opinions",
            "overlap_confidence",
            "gold_share",
            "relabel_share",
            "aggregation",
            "withhold_share",
        ),
    ),
    "qualifications.change": Told(Event.SETTINGS_CHANGED, "qualification", ("images", "pass_mark")),
    "qualifications.set_qualified": Told(Event.ACCOUNT_CHANGED, "account", ("qualified",)),
    "assignments.create": Told(Event.SETTINGS_CHANGED, "new assignment"),
    "assignments.release_one": Told(Event.SETTINGS_CHANGED, "released assignment"),
    "schema_api.apply": Told(Event.SCHEMA_CHANGED),
    "splits_api.balance": Told(Event.SPLITS_CHANGED, "", ("seed",)),
    "snapshots_api.create": Told(Event.SNAPSHOT_TAKEN, "", ("names", "probabilities")),
    "snapshots_api.delete": Told(Event.SNAPSHOT_DELETED, "snapshot"),
    "snapshot_files.download": Told(Event.DOWNLOADED, "snapshot"),
    "snapshot_files.changed_cells": Told(Event.DOWNLOADED, "changes of snapshots"),
    "exports_api.create": Told(Event.EXPORTED, "", ("format",)),
    "export_files.download": Told(Event.DOWNLOADED, "export"),
    "export_files.labels_file": Told(Event.DOWNLOADED, "labels.csv"),
    "export_files.coursework_file": Told(Event.DOWNLOADED, "annotations.csv"),
    "erasures_api.erase": Told(Event.ERASED, "", ("what", "images", "person", "copies")),
    "certificates_api.create": Told(Event.CERTIFICATE_MADE, "", ("attribute", "error", "recall")),
    "certificates_api.decide": Told(Event.CERTIFICATE_DECIDED, "certificate"),
    "certificates_api.undo": Told(Event.CERTIFICATE_UNDONE, "certificate"),
    "take_backs.create": Told(Event.TAKE_BACK, "", ("labeller", "upload", "since", "until")),
    "take_backs.undo": Told(Event.TAKE_BACK_UNDONE),
}
SHOWS_ANSWERS = frozenset({"browse.show_image"})
"""Routes that show who gave which answer to the image whose number is in the address."""
LISTS_ANSWERS = frozenset({"browse.list_images", "browse.list_ids", "browse.count_view"})
"""Routes that show who gave which answers if they are asked for those of one labeller.

Without that question they show labels and not whose they are, and an entry for every image that passes by would bury the rest.
"""


def add_access_log(app: Flask) -> None:
    """Write an entry for every request of `LOGGED`, `SHOWS_ANSWERS` and `LISTS_ANSWERS` that succeeds."""

    @app.after_request
    def tell(response: Response) -> Response:
        sender = g.get("account")
        if response.status_code >= 400 or not isinstance(sender, Account):
            return response
        endpoint = request.endpoint or ""
        if told := LOGGED.get(endpoint):
            log_access(told.event, _target(told))
        elif endpoint in SHOWS_ANSWERS:
            number = next(iter((request.view_args or {}).values()))
            context().recorder.saw_answers(sender, f"image {number}", client_address(request))
        elif endpoint in LISTS_ANSWERS and (whose := _account_asked_for()) not in {None, sender.id}:
            what = f"images that account {whose} answered"
            context().recorder.saw_answers(sender, what, client_address(request))
        return response


def log_access(event: Event, target: str = "", *, labeller_id: int | None = None) -> None:
    """Write an entry about this request.

    Args:
        event: what happened.
        target: to what.
        labeller_id: who did it, if the sender is not logged in, as after a failed login.
    """
    if labeller_id is None and g.get("account") is not None:
        labeller_id = account().id
    context().recorder.tell(labeller_id, client_address(request), event, target)


def _account_asked_for() -> int | None:
    """The account whose answers the request asks for; None if it does not, or nobody has that name."""
    name = request.args.get("labeller")
    if not name:
        return None
    with context().project.database.read() as session:
        return account_number(session, name)


def _target(told: Told) -> str:
    """What a request did it to, such as "account 3: role admin, password"."""
    named = " ".join([told.noun, *(str(value) for value in (request.view_args or {}).values())]).strip()
    body = request.get_json(silent=True) if request.method == "POST" else None
    sent = (
        {name: value for name, value in body.items() if value is not None} if isinstance(body, dict) else {}
    )
    parts = [f"{name} {_short(sent[name])}" for name in told.fields if name in sent]
    parts += [name for name in told.mentioned if name in sent]
    return ": ".join(part for part in (named, ", ".join(parts)) if part)


def _short(value: object) -> str:
    if isinstance(value, list):
        return str(len(value))
    return str(value).lower() if isinstance(value, bool) else str(value)
