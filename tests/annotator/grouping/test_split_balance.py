"""A better seed spreads rare values over the splits; later imports never move an image."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from annotator.domain.grouping.split_balance import best_seed, rate_seeds
from annotator.domain.grouping.splits import AUDIT_IMAGES, SplitRule, positions
from annotator.errors import FacelabelError
from annotator.formats.snapshot.writer import SnapshotOptions
from annotator.models import Annotation, Image, Project, Round, now
from annotator.project import ProjectFolder
from annotator.services.common.cached_stats import read_statistics
from annotator.services.exporting.snapshots import export_snapshot
from annotator.services.grouping.rebuild import regroup_all
from annotator.services.grouping.split_balance import balance_splits
from annotator.services.projects import init_project
from annotator.services.team.class_balance import DISTRIBUTIONS
from tests.support.commands import call
from tests.support.projects.grouping import groups_and_splits, plan_of
from tests.support.projects.images import LIMITS, import_images

datasets = st.lists(
    st.tuples(st.integers(1, 30), st.integers(0, 30), st.integers(0, 3)), min_size=1, max_size=60
)


@given(st.integers(-(2**31), 2**31), st.lists(st.text(), max_size=20))
def test_positions_decide_the_splits(seed: int, groups: list[str]):
    for group, place in zip(groups, positions(seed, [g.encode() for g in groups]), strict=True):
        assert SplitRule(seed, share_test=place, share_val=0).split_of(group) == "train"
        assert SplitRule(seed, share_test=np.nextafter(place, 2), share_val=0).split_of(group) == "test"


@settings(max_examples=25)
@given(datasets, st.integers(0, 2000), st.lists(st.text(min_size=1), unique=True, max_size=20))
def test_a_better_seed_is_never_worse_keeps_the_audit_set_and_later_groups_move_nothing(
    sizes: list[tuple[int, int, int]], seed: int, later: list[str]
):
    groups = [f"identity:{number}" for number in range(len(sizes))]
    counts = np.asarray([(n, min(n, a), min(n, b)) for n, a, b in sizes])
    counts = counts[:, counts.sum(axis=0) > 0]
    rule = SplitRule(seed)
    better = SplitRule(best_seed(rule, groups, counts))
    distance, test_images = rate_seeds(rule, [seed, better.seed], groups, counts)
    assert distance[1] < distance[0] or better.seed == seed
    assert test_images[1] >= min(AUDIT_IMAGES, test_images[0])
    assert test_images[1] == sum(
        n for group, (n, _, _) in zip(groups, sizes, strict=True) if better.split_of(group) == "test"
    )
    before = {group: better.split_of(group) for group in groups}
    for group in later:
        better.split_of(group)
    assert {group: better.split_of(group) for group in reversed(groups)} == before


def test_a_random_seed_has_a_distance_of_one_and_a_rare_value_is_spread_evenly():
    rng = np.random.default_rng(0)
    groups = [f"identity:{number}" for number in range(300)]
    images = rng.integers(1, 40, 300)
    rare = np.where(rng.random(300) < 0.1, 1, 0)
    counts = np.stack([images, rng.binomial(images, 0.5), rare], axis=1)
    rule = SplitRule()
    distance, _ = rate_seeds(rule, range(1000), groups, counts)
    assert 0.85 < distance.mean() < 1.15
    better = SplitRule(best_seed(rule, groups, counts))
    held = sum(int(one) for group, one in zip(groups, rare, strict=True) if better.split_of(group) == "test")
    assert abs(held - 0.1 * rare.sum()) <= 1


def test_the_better_seed_is_applied_and_later_images_in_any_order_move_nothing(
    labelled: ProjectFolder, faces: Path, tmp_path: Path
):
    plan = plan_of(labelled)
    assert plan.seed != plan.seed_now == 0
    assert plan.distance < plan.distance_now
    before = groups_and_splits(labelled)
    with labelled.database.read() as session:
        shown = read_statistics(session, DISTRIBUTIONS).value
    with labelled.database.write() as session:
        assert balance_splits(session, plan.seed, instead_of=0) == plan.moved
    after = groups_and_splits(labelled)
    assert sum(before[name] != after[name] for name in before) == plan.moved > 0
    with labelled.database.write() as session:
        assert balance_splits(session, plan.seed, instead_of=0) == 0, "a repetition changes nothing"
        assert session.scalar(select(func.count(func.distinct(Image.group)))) == len(
            {(group, split) for group, split in after.values()}
        )
        assert read_statistics(session, DISTRIBUTIONS).value != shown
    [all_images, *values] = plan.values
    assert sum(held.images for held in all_images.then.values()) == 40
    assert all(
        sum(h.images for h in v.now.values()) == sum(h.images for h in v.then.values()) for v in values
    )
    for number, name in enumerate(("0007.jpg", "0001.jpg")):
        (tmp_path / "later").mkdir(exist_ok=True)
        (tmp_path / "later" / f"new{number}.jpg").write_bytes((faces / name).read_bytes() + b"\0")
        import_images(labelled, [tmp_path / "later"], LIMITS)
    with labelled.database.write() as session:
        regroup_all(session)
    assert {name: groups_and_splits(labelled)[name] for name in after} == after
    assert plan_of(labelled).seed_now == plan.seed
    export_snapshot(labelled, tmp_path / "s", SnapshotOptions())
    assert json.loads((tmp_path / "s" / "manifest.json").read_text())["splits"]["seed"] == plan.seed


def test_trained_models_refuse_a_new_seed_unless_it_is_forced(labelled: ProjectFolder):
    with labelled.database.write() as session:
        row = Round(state="done", engine="probe", strategy="margin", stage="load", done=1, total=1, message="", attempts=1, created_at=now())  # fmt: skip
        session.add(row)
        session.execute(update(Annotation).values(origin="suggestion"))
    plan = plan_of(labelled)
    assert plan.models == 1
    assert [
        word in told
        for told, word in zip(plan.warnings, ("splits: 1.", "leave the audit", "not blind"), strict=True)
    ] == [True] * 3
    before = groups_and_splits(labelled)
    call("splits", "--apply", "-p", labelled.path).assert_refused(1, "Models were trained", "--even-so")
    assert groups_and_splits(labelled) == before
    call("splits", "--apply", "--even-so", "-p", labelled.path).assert_done()
    assert groups_and_splits(labelled) != before


def test_a_plan_that_is_out_of_date_is_refused(labelled: ProjectFolder):
    plan = plan_of(labelled)
    with labelled.database.write() as session, pytest.raises(FacelabelError, match="changed meanwhile"):
        balance_splits(session, plan.seed, instead_of=7)
    with labelled.database.write() as session:
        session.execute(update(Project).values(split_seed=plan.seed))
    with labelled.database.write() as session, pytest.raises(FacelabelError, match="no better"):
        balance_splits(session, 0, instead_of=plan.seed)


def test_the_command_shows_the_table_and_changes_nothing_without_apply(
    labelled: ProjectFolder, tmp_path: Path
):
    before = groups_and_splits(labelled)
    done = call("splits", "-p", labelled.path)
    done.assert_done()
    assert "all images" in done.out
    assert "glasses sunglasses" in done.out
    assert groups_and_splits(labelled) == before
    told = json.loads(call("splits", "--json", "-p", labelled.path).out)
    assert told["distance"] < told["distance_now"]
    assert not told["applied"]
    init_project(tmp_path / "empty").database.close()
    call("splits", "-p", tmp_path / "empty").assert_refused(1, "There is no label")
    call("splits", "--even-so", "-p", labelled.path).assert_refused(2, "--apply")
