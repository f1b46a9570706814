"""Accounts are renamed and deleted; their answers stay, with or without the name."""

import pytest
from sqlalchemy import select

from annotator.errors import FacelabelError, NotFound
from annotator.models import ApiToken, Labeller, Lease
from annotator.project import ProjectFolder
from annotator.services.access.tokens import account_of_token, add_token
from annotator.services.accounts import add_account, change_account, check_password, delete_account
from tests.support.commands import call
from tests.support.projects.accounts import PASSWORD
from tests.support.projects.labelling import ALL, Person, labels_of, row_count
from tests.support.projects.reviewing import cell_of
from tests.support.serving import Server


@pytest.fixture
def bob(filled: ProjectFolder) -> int:
    """The id of an account that answered; there is an admin too."""
    with filled.database.write() as session:
        add_account(session, "Ada", "admin", PASSWORD)
        return add_account(session, "Bob", "labeller", PASSWORD).id


def test_a_renamed_account_logs_in_with_its_new_name_only(filled: ProjectFolder, bob: int):
    with filled.database.write() as session:
        change_account(session, bob, name=" Robert ")
        assert check_password(session, "Robert", PASSWORD) is not None
        assert check_password(session, "Bob", PASSWORD) is None
        for name in ("Ada", "local", "", "a\nb"):
            with pytest.raises(FacelabelError):
                change_account(session, bob, name=name)


@pytest.mark.parametrize(("forget", "name"), [(False, "Bob"), (True, "former labeller {}")])
def test_a_deleted_account_cannot_log_in_and_its_answers_stay(
    filled: ProjectFolder, bob: int, forget: bool, name: str
):
    me = Person(filled, "Bob")
    task, _ = me.next(2)
    me.answer(task, ALL)
    with filled.database.write() as session:
        token = add_token(session, "Bob", "a test")
        assert delete_account(session, bob, forget_name=forget).name == name.format(bob)
        assert check_password(session, "Bob", PASSWORD) is None
        assert account_of_token(session, token) is None
        with pytest.raises(NotFound):
            delete_account(session, bob, forget_name=True)
    assert row_count(filled, ApiToken) == row_count(filled, Lease) == 0
    assert labels_of(filled, task.image_id) == ALL
    assert cell_of(filled, task.image_id).label.labeller == name.format(bob)


def test_the_last_admin_is_not_deleted(filled: ProjectFolder, bob: int):
    with filled.database.read() as session:
        ada = session.scalar(select(Labeller.id).where(Labeller.name == "Ada"))
    with pytest.raises(FacelabelError, match="last admin"), filled.database.write() as session:
        delete_account(session, ada, forget_name=False)
    with filled.database.read() as session:
        assert check_password(session, "Ada", PASSWORD) is not None
    assert bob != ada


def test_the_api_and_the_command_rename_and_delete(filled: ProjectFolder, bob: int):
    call("users", "rename", "Bob", "Robert", "-p", filled.path).assert_done()
    with filled.database.write() as session:
        token = add_token(session, "Ada", "a test")
    with Server(filled.path) as server:
        client = server.client()
        client.session.headers["Authorization"] = f"Bearer {token}"
        renamed = client.post(f"/team/members/{bob}", {"name": "Bobby"}).json()
        assert (renamed["name"], renamed["has_password"]) == ("Bobby", True)
        assert client.post(f"/team/members/{bob}/delete", {"forget_name": True}).status_code == 204
    call("users", "delete", "Ada", "-p", filled.path).assert_refused(1, "last admin")
