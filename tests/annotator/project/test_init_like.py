"""A new project like another one has its schema and settings, and none of its images, answers and people."""

from pathlib import Path

from annotator.models import Annotation, Image, Submission
from annotator.project import ProjectFolder
from annotator.services.accounts import add_account, check_password, has_accounts
from annotator.services.grouping.membership import split_rule
from annotator.services.schema.active import read_schema
from annotator.services.tasks.settings import team_settings
from tests.support.commands import call
from tests.support.projects.accounts import PASSWORD
from tests.support.projects.labelling import answer_images, row_count
from tests.support.projects.naming import Namer
from tests.support.projects.team import set_team_settings


def test_an_empty_copy_has_schema_settings_and_if_wished_accounts(filled: ProjectFolder, tmp_path: Path):
    _, images = answer_images(filled, 2)
    Namer(filled).confirm("Zoe", images)
    set_team_settings(filled, overlap_share=0.2, overlap_opinions=3, aggregation="dawid_skene")
    text = filled.schema_file.read_text()
    filled.schema_file.write_text(text.replace("drawn:glasses", "0001.jpg"))
    call("schema", "apply", "-p", filled.path).assert_done()
    with filled.database.write() as session:
        add_account(session, "Ada", "admin", PASSWORD)

    call("init", "--like", filled.path, "-p", tmp_path / "without").assert_done()
    call("init", "--like", filled.path, "--accounts", "-p", tmp_path / "with").assert_done()

    for name in ("without", "with"):
        made = ProjectFolder.open(tmp_path / name)
        with made.database.read() as session, filled.database.read() as other:
            schema = read_schema(session)
            assert schema.hash() == read_schema(other).hash()
            assert schema["glasses"].guideline == read_schema(other)["glasses"].guideline
            assert [e.image for e in schema["glasses"].examples] == ["drawn:plain", "drawn:sunglasses"]
            assert team_settings(session) == team_settings(other)
            assert split_rule(session) == split_rule(other)
            assert has_accounts(session) is (name == "with")
            assert (check_password(session, "Ada", PASSWORD) is not None) is (name == "with")
        assert row_count(made, Image) == row_count(made, Annotation) == row_count(made, Submission) == 0
        assert b"Zoe" not in made.database_file.read_bytes()
        call("schema", "check", "-p", made.path).assert_done()
        made.database.close()


def test_wrong_uses_change_nothing(filled: ProjectFolder, tmp_path: Path):
    new = tmp_path / "new"
    call("init", "--like", tmp_path / "nothing", "-p", new).assert_refused(2, "not a Facelabel project")
    call("init", "--accounts", "-p", new).assert_refused(2, "--like")
    call("init", "--like", filled.path, "--seed", "0", "-p", new).assert_refused(2, "its own schema")
    call("init", "--like", filled.path, "-p", filled.path).assert_refused(2, "already holds")
    assert not new.exists()
