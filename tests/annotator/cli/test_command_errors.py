"""Commands called in a wrong place or way: a sentence, exit code 1 or 2, and no change."""

import socket
from pathlib import Path

import pytest

from annotator.project import ProjectFolder
from annotator.services.accounts import add_account
from tests.support.commands import call, contents, files, run
from tests.support.serving import Server

SCHEMAS = {
    "no TOML": ("version = ", "not valid TOML"),
    "no version": ('[[attribute]]\nname = "a"\n', "version = 1"),
    "version 2": ("version = 2\n", "version = 1"),
    "no attribute": ("version = 1\n", "no [[attribute]]"),
    "attribute is a number": ("version = 1\nattribute = [1]\n", "attribute"),
    "bad name": ('version = 1\n[[attribute]]\nname = "Hair Color"\nkey = "h"\n', "'Hair Color'"),
    "name of ours": ('version = 1\n[[attribute]]\nname = "split"\nkey = "h"\n', "'split'"),
    "unknown setting": ('version = 1\n[[attribute]]\nname = "a"\ncolour = 1\n', "'colour'"),
    "long key": ('version = 1\n[[attribute]]\nname = "a"\nkey = "ab"\n', "one letter"),
    "unknown kind": ('version = 1\n[[attribute]]\nname = "a"\nkey = "a"\nkind = "number"\n', "kind of a"),
    "one value": (
        'version = 1\n[[attribute]]\nname = "a"\nkey = "a"\nvalues = [{ code = 0, name = "no" }]\n',
        "at least two values",
    ),
    "values are a number": ('version = 1\n[[attribute]]\nname = "a"\nkey = "a"\nvalues = 3\n', "values"),
    "spellings are a number": (
        'version = 1\n[[attribute]]\nname = "a"\nkey = "a"\nkind = "open"\nspellings = 3\n',
        "spellings",
    ),
    "code twice": (
        (
            'version = 1\n[[attribute]]\nname = "a"\nkey = "a"\n'
            'values = [{ code = 0, name = "no" }, { code = 0, name = "yes" }]\n'
        ),
        "given twice",
    ),
    "code is a word": (
        (
            'version = 1\n[[attribute]]\nname = "a"\nkey = "a"\n'
            'values = [{ code = "x", name = "no" }, { code = 1, name = "yes" }]\n'
        ),
        "whole number",
    ),
    "values for people": (
        'version = 1\n[[attribute]]\nname = "a"\nkey = "a"\nkind = "open"\nvalues = [{ code = 0, name = "Ada" }]\n',
        "open",
    ),
    "key twice": (
        (
            'version = 1\n[[attribute]]\nname = "a"\nkey = "a"\nkind = "open"\n'
            '[[attribute]]\nname = "b"\nkey = "a"\nkind = "open"\n'
        ),
        "given twice",
    ),
}


@pytest.mark.parametrize("kind", SCHEMAS)
def test_a_bad_schema_makes_no_project_and_changes_none(
    project: ProjectFolder, tmp_path: Path, kind: str
) -> None:
    text, reason = SCHEMAS[kind]
    schema = tmp_path / "bad.toml"
    schema.write_text(text)
    new = tmp_path / "new"
    call("init", "--schema", schema, "-p", new).assert_refused(
        1, reason, "Nothing was changed.", "Fix the file"
    )
    assert not new.exists()
    project.schema_file.write_text(text)
    before = contents(project.path)
    for command in ("check", "apply"):
        call("schema", command, "-p", project.path).assert_refused(1, reason, "Nothing was changed.")
    assert contents(project.path) == before


def test_a_schema_that_would_lose_labels_is_refused(project: ProjectFolder) -> None:
    text = project.schema_file.read_text()
    head, _, _ = text.partition('[[attribute]]\nname = "identity"')
    for changed, reason in (
        (head, "no longer lists identity"),
        (
            text.replace('kind = "open"', 'values = [{ code = 0, name = "a" }, { code = 1, name = "b" }]'),
            "cannot become",
        ),
    ):
        assert changed != text
        project.schema_file.write_text(changed)
        before = contents(project.path)
        call("schema", "apply", "-p", project.path).assert_refused(1, reason, "Nothing was changed.")
        assert contents(project.path) == before


def test_a_schema_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe\x00")
    call("init", "--schema", tmp_path / "bad.toml", "-p", tmp_path / "new").assert_refused(
        1, "cannot be read"
    )
    call("init", "--schema", tmp_path / "absent.toml", "-p", tmp_path / "new").assert_refused(
        1, "cannot be read"
    )
    assert not (tmp_path / "new").exists()


def test_a_second_init_leaves_the_project_alone(filled: ProjectFolder) -> None:
    before = contents(filled.path)
    call("init", "-p", filled.path).assert_refused(
        2, "already holds a Facelabel project", "Nothing was changed."
    )
    assert contents(filled.path) == before


def test_a_project_cannot_be_made_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    before = files(tmp_path)
    finished = call("init", "-p", tmp_path / "file" / "project")
    assert finished.code in {1, 2}
    finished.assert_refused(finished.code, "Not a directory")
    assert files(tmp_path) == before


COMMANDS = [
    ("status",),
    ("import", "photos"),
    ("serve", "--port", "0"),
    ("worker",),
    ("round",),
    ("export",),
    ("schema", "show"),
    ("schema", "check"),
    ("schema", "apply"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_folder_that_is_no_project_is_named_with_what_to_do(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    call(*command, "-p", tmp_path).assert_refused(
        2, f"{tmp_path.resolve()} is not a Facelabel project", "facelabel init"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_database_that_is_none_is_told_in_a_sentence(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "facelabel.db").write_text("Dear diary, this is not a database. " * 40)
    call(*command, "-p", tmp_path).assert_refused(1, "facelabel.db")


def test_a_round_without_labels_is_refused(filled: ProjectFolder) -> None:
    before = contents(filled.path)
    call("round", "-p", filled.path).assert_refused(1, "no labels to learn from", "Label some images")
    assert contents(filled.path) == before


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "abc"), ("PORT", "70000"), ("THREADS", "0"), ("MAX_PIXELS", "-1"), ("LEASE_SECONDS", "")],
)
def test_a_bad_setting_is_named(
    filled: ProjectFolder, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"FACELABEL_{name}", value)
    call("serve", "-p", filled.path).assert_refused(2, f"FACELABEL_{name}", "Nothing was changed.")


def test_a_bad_setting_is_named_by_the_real_command(filled: ProjectFolder) -> None:
    before = contents(filled.path)
    run("serve", "-p", filled.path, FACELABEL_PORT="abc").assert_refused(2, "FACELABEL_PORT")
    assert contents(filled.path) == before


def test_a_second_server_on_the_same_port_is_refused_and_the_first_goes_on(server: Server) -> None:
    finished = run("serve", "-p", server.project, "--port", server.port)
    finished.assert_refused(1, f"127.0.0.1:{server.port}", "already listens", "--port")
    assert len(server.client().next(2)["tasks"]) == 2


def test_a_port_that_another_program_has_is_refused(filled: ProjectFolder) -> None:
    before = contents(filled.path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        run("serve", "-p", filled.path, "--port", other.getsockname()[1]).assert_refused(1, "already listens")
    assert contents(filled.path) == before


def test_an_address_that_is_not_this_machines_is_refused(filled: ProjectFolder) -> None:
    with filled.database.write() as session:
        add_account(session, "Ada", "admin", "a long enough password")
    run("serve", "-p", filled.path, "--host", "203.0.113.7", "--port", "0").assert_refused(1, "Cannot listen")
    run("serve", "-p", filled.path, "--host", "no such host", "--port", "0").assert_refused(
        1, "Cannot listen"
    )
