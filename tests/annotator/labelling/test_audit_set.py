"""The audit set: large enough from the first import, fixed from the first answer, labelled blind by everybody."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from annotator.domain.grouping.splits import SplitRule, share_for_audit
from annotator.models import Image, Project
from annotator.project import ProjectFolder
from annotator.services.projects import init_project
from tests.support.commands import call
from tests.support.projects.images import LIMITS, draw_plain_images, import_images
from tests.support.projects.labelling import ALL, Person


def singles(count: int) -> dict[str, int]:
    return {f"image:{number}": 1 for number in range(count)}


def in_test(share: float, sizes: dict[str, int], seed: int = 0) -> int:
    rule = SplitRule(seed, share_test=share)
    return sum(images for group, images in sizes.items() if rule.split_of(group) == "test")


@pytest.mark.parametrize("count", [400, 700, 1000, 1999, 5000])
def test_the_share_is_the_smallest_one_that_makes_200_images(count: int):
    share = share_for_audit(0, singles(count))
    assert 0.10 <= share <= 0.5
    assert in_test(share, singles(count)) >= 200 or share == 0.5
    if share > 0.10:
        assert in_test(share - 0.01, singles(count)) < 200


def test_few_images_keep_a_tenth():
    assert share_for_audit(0, singles(399)) == 0.10
    assert share_for_audit(0, {"identity:1": 10}) == 0.10


def test_one_half_is_the_most_even_if_groups_are_too_large():
    assert share_for_audit(0, {"identity:1": 1000, "identity:2": 1000}) <= 0.5
    sizes = next(
        {f"identity:{n}": 5000}
        for n in range(100)
        if SplitRule(share_test=0.5).split_of(f"identity:{n}") != "test"
    )
    assert share_for_audit(0, sizes) == 0.5


def splits_of(project: ProjectFolder) -> dict[str, str]:
    with project.database.read() as session:
        return dict(session.execute(select(Image.name, Image.split)).all())


def share_of(project: ProjectFolder) -> float:
    with project.database.read() as session:
        return session.scalars(select(Project.share_test)).one()


def test_the_audit_set_grows_with_imports_until_the_first_answer_and_is_fixed_then(
    project: ProjectFolder, tmp_path: Path
):
    draw_plain_images(tmp_path / "many", 500)
    few, more = tmp_path / "few", tmp_path / "more"
    for folder, numbers in ((few, range(100)), (more, range(100, 450))):
        folder.mkdir()
        for number in numbers:
            (tmp_path / "many" / f"{number:04d}.png").rename(folder / f"{number:04d}.png")
    import_images(project, [few], LIMITS)
    assert share_of(project) == 0.10
    import_images(project, [more], LIMITS)
    assert share_of(project) > 0.10
    before = splits_of(project)
    assert list(before.values()).count("test") >= 200
    me = Person(project)
    tasks = me.next(50)
    # The random order holds its share from the first day on, and shows no suggestion.
    drawn = [before[task.image_name] for task in tasks].count("test") / 50
    assert abs(drawn - share_of(project)) < 0.15
    me.answer(tasks[0], ALL)
    share = share_of(project)
    import_images(project, [tmp_path / "many"], LIMITS)
    assert share_of(project) == share
    after = splits_of(project)
    assert len(after) == 500
    assert before.items() <= after.items()
    with project.database.read() as session:
        rule = SplitRule(0, share)
        assert all(
            rule.split_of(group) == split
            for group, split in session.execute(select(Image.group, Image.split))
        )


def test_a_share_given_by_hand_is_never_adapted(tmp_path: Path):
    draw_plain_images(tmp_path / "images", 420)
    call("init", "--project", tmp_path / "p", "--test-share", "0.2", "--seed", "7").assert_done()
    project = ProjectFolder.open(tmp_path / "p")
    import_images(project, [tmp_path / "images"], LIMITS)
    with project.database.read() as session:
        assert session.execute(select(Project.split_seed, Project.share_test)).one() == (7, 0.2)
        groups = session.execute(select(Image.group, Image.split)).all()
    assert all(SplitRule(7, 0.2).split_of(group) == split for group, split in groups)
    project.database.close()


def test_shares_that_leave_nothing_to_train_on_are_refused(tmp_path: Path):
    call("init", "--project", tmp_path / "p", "--test-share", "0.9", "--val-share", "0.2").assert_refused(
        2, "--test-share"
    )
    assert not (tmp_path / "p").exists()


def test_status_says_how_much_of_the_audit_set_is_labelled(filled: ProjectFolder):
    me = Person(filled)
    splits = splits_of(filled)
    tasks = sorted(me.next(40), key=lambda task: splits[task.image_name])
    assert [splits[tasks[0].image_name], splits[tasks[-1].image_name]] == ["test", "val"]
    me.answer(tasks[0], {"glasses": 1})
    me.answer(tasks[-1], ALL)
    told = call("status", "--project", filled.path)
    told.assert_done()
    size = list(splits.values()).count("test")
    assert f"audit set: {size} images, of them labelled wrinkles 0  freckles 0  glasses 1" in told.out


def test_a_project_made_in_code_takes_seed_and_share(tmp_path: Path):
    project = init_project(tmp_path / "p", seed=3, share_test=0.3, share_val=0.1)
    with project.database.read() as session:
        columns = (Project.split_seed, Project.share_test, Project.share_val, func.count())
        assert session.execute(select(*columns)).one() == (3, 0.3, 0.1, 1)
    project.database.close()
