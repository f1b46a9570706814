"""Old rounds are pruned, and every curve stays what it was."""

import json
import random
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import event, select, update

from annotator.cli import main
from annotator.errors import Busy, Conflict
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.formats.snapshot.removal import Erased
from annotator.models import Image, Round
from annotator.project import ProjectFolder
from annotator.services.common.job_queue import analysis_lock
from annotator.services.erasure.round_files import erase_from_round
from annotator.services.erasure.texts import Words
from annotator.services.importing.labels import import_labels
from annotator.services.rounds.comparison import round_changes
from annotator.services.rounds.loading import import_predictions
from annotator.services.rounds.metrics import measure_rounds
from annotator.services.rounds.promotion import promote, return_to_best
from annotator.services.rounds.pruning import PRUNED, RoundPruning, prunable_rounds, prune_rounds
from annotator.services.rounds.status import round_summary
from annotator.services.schema.active import active_schema
from tests.support.killing import Moment, dies
from tests.support.projects.images import names_of
from tests.support.projects.round_results import (
    add_network_with_errors,
    add_round_with_errors,
    answer_audit_set,
    write_label_issues,
)
from trainer.runtime.errors import ModelError
from trainer.runtime.files import read_manifest

WRONG = [4, 3, 2, 3, 1, 2]
"""Wrong answers of each round to the audit images, so that the fifth one is the best."""


@pytest.fixture
def measured(filled: ProjectFolder) -> ProjectFolder:
    """A project with six measured rounds, each with a model, a report and a snapshot."""
    truth = answer_audit_set(filled, 8)
    write_label_issues(filled, names_of(filled)[9:11], number=1)
    for wrong in WRONG:
        number = add_round_with_errors(filled, truth, wrong, labels=100)
        write_artifacts(filled.round_folder(number))
    return filled


def write_artifacts(folder: Path) -> None:
    for name in ("run/model/model.safetensors", "run/checkpoints/last.safetensors", "snapshot/images.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x" * 1000)
    for name in (
        "run/model/model.json",
        "run/metrics.jsonl",
        "run/report/report.html",
        "run/report/loss.png",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")


def curves(project: ProjectFolder) -> list[tuple[Any, ...]]:
    """Everything that the learning curves show of the rounds."""
    with project.database.read() as session:
        rounds = measure_rounds(project, session, active_schema(session)).rounds
    return [
        (r.id, r.labelled, r.labels, {n: (m.value, m.low, m.high, m.images) for n, m in r.measured.items()})
        for r in rounds
    ]


def pruned(project: ProjectFolder) -> list[int]:
    with project.database.read() as session:
        return list(session.scalars(select(Round.id).where(Round.pruned_bytes.is_not(None))))


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_pruned_rounds_keep_their_curves_also_for_audit_labels_that_are_given_later(
    measured: ProjectFolder, tmp_path: Path
):
    train = names_of(measured, split="train")
    with measured.database.write() as session:  # audit images without labels
        session.execute(update(Image).where(Image.name.in_(train[:3])).values(split="test"))
    before, whole = curves(measured), tmp_path / "whole"
    shutil.copytree(measured.rounds, whole)
    assert [entry.id for entry in prune_rounds(measured, 2)] == [1, 2, 3, 4]
    assert pruned(measured) == [1, 2, 3, 4]
    assert curves(measured) == before
    (tmp_path / "later.csv").write_text("image_name,glasses\n" + "".join(f"{name},2\n" for name in train[:3]))
    import_labels(measured, tmp_path / "later.csv")
    after = curves(measured)
    assert after != before
    shutil.rmtree(measured.rounds)
    shutil.copytree(whole, measured.rounds)
    assert curves(measured) == after


def test_a_pruned_round_keeps_what_is_small_and_says_so(measured: ProjectFolder):
    folder = measured.round_folder(1)
    preview = {entry.id: entry.bytes for entry in prunable_rounds(measured, 3)}
    assert list(preview) == [1, 2, 3]
    assert "run/model/model.safetensors" in files_of(folder)
    freed = {entry.id: entry.bytes for entry in prune_rounds(measured, 3)}
    assert all(0.5 < preview[number] / freed[number] < 2 for number in freed)
    kept = "run/model/model.json run/metrics.jsonl run/report/report.html run/report/loss.png run/label_errors.csv"
    predictions = "run/predictions/manifest.json run/predictions/predictions.arrow"
    assert files_of(folder) == {PRUNED, "snapshot/manifest.json", *kept.split(), *predictions.split()}
    file = PredictionsFile(folder / "run" / "predictions")
    file.verify()
    assert (file.rows, file.order(0, 10), file.is_pruned) == (8, [], True)
    assert set(file.all_names()) == set(names_of(measured, split="test"))
    with measured.database.read() as session:
        summary = round_summary(session.get_one(Round, 1))
        assert (summary["pruned_at"] is not None, summary["pruned_bytes"]) == (True, freed[1])
        changes = round_changes(measured, session, 4)  # the round before was pruned
    assert changes is not None
    assert (changes.previous, changes.new_in_head) == (3, None)
    assert changes.attributes[0].difference is not None
    assert changes.attributes[0].changed is None


def test_a_request_for_a_pruned_round_says_why_it_fails(measured: ProjectFolder):
    promote(measured, "before", 1, 1)
    return_to_best(measured, "back", 1)
    prune_rounds(measured, 3)
    with pytest.raises(Conflict, match="Round 1 was pruned"):
        promote(measured, "a", 1, 1)
    with pytest.raises(Conflict, match="was pruned"):
        import_predictions(measured, measured.round_folder(2) / "run" / "predictions")
    model = measured.round_folder(1) / "run" / "model"
    with pytest.raises(ModelError, match="Round 1 was pruned on"):
        read_manifest(model / "network.json", format_name="model", version=1, error=ModelError)


def test_rounds_that_are_used_stay_whole(filled: ProjectFolder):
    truth = answer_audit_set(filled, 8)
    best = add_round_with_errors(filled, truth, 0)
    network = add_network_with_errors(filled, truth, 3)
    source = add_network_with_errors(filled, truth, 3)
    ordering, unused, frozen, newest = [add_round_with_errors(filled, truth, 3) for _ in range(4)]
    with filled.database.write() as session:
        session.execute(update(Round).where(Round.id == newest).values(features=network))
    promote(filled, "order", ordering, 1)
    assert [entry.id for entry in prune_rounds(filled, 1)] == [unused]
    return_to_best(filled, "best", 1)
    assert [entry.id for entry in prune_rounds(filled, 1)] == [ordering]
    assert {best, network, source, frozen, newest}.isdisjoint(pruned(filled))


def test_the_worker_prunes_after_a_round_and_leaves_what_is_analysed(measured: ProjectFolder):
    pruning = RoundPruning(measured, 3)
    with analysis_lock(measured) as held:
        assert held
        assert not pruning.run_step()
        with pytest.raises(Busy):
            prune_rounds(measured, 3)
    assert pruning.run_step()
    assert pruned(measured) == [1, 2, 3]
    assert not pruning.run_step()
    assert not RoundPruning(measured, 0).run_step()
    assert pruned(measured) == [1, 2, 3]


def test_the_command_tells_what_it_would_free(measured: ProjectFolder):
    arguments = ["rounds", "prune", "-p", str(measured.path), "--keep", "4"]
    preview = CliRunner().invoke(main, [*arguments, "--preview"])
    assert "Round 2: 0.0 MB" in preview.stdout
    assert pruned(measured) == []
    done = CliRunner().invoke(main, [*arguments, "--json"])
    assert [entry["id"] for entry in json.loads(done.stdout)["rounds"]] == [1, 2]
    again = CliRunner().invoke(main, arguments)
    assert "No round can be pruned" in again.stdout


def test_an_image_is_erased_from_a_pruned_round_and_its_report(measured: ProjectFolder):
    prune_rounds(measured, 3)
    folder, name = measured.round_folder(1), names_of(measured, split="test")[0]
    with measured.database.read() as session:
        sha256 = session.scalars(select(Image.sha256).where(Image.name == name)).one()
    (folder / "snapshot" / "images.csv").write_text(sha256)  # of a pruning that was killed
    erase_from_round(folder, Erased(frozenset([sha256])), Words([name]), restart=False)
    assert name not in set(PredictionsFile(folder / "run" / "predictions").all_names())
    assert not any(file.startswith("run/report/") for file in files_of(folder))
    assert "snapshot/images.csv" not in files_of(folder)
    assert (folder / "snapshot" / "manifest.json").exists(), "the curve needs it"


def test_old_predictions_that_a_kill_left_are_removed_by_the_next_pruning(measured: ProjectFolder):
    prune_rounds(measured, 4)
    predictions = measured.round_folder(1) / "run" / "predictions"
    old = predictions.with_name(".predictions.rest")
    shutil.copytree(predictions, old)
    with measured.database.write() as session:  # it was killed before it was recorded
        session.get_one(Round, 1).pruned_bytes = None
    assert [entry.id for entry in prune_rounds(measured, 4)] == [1]
    assert not old.exists()
    assert predictions.is_dir()


def prune_until(moment: Moment, folder: Path, count: Path | None = None) -> None:
    """Prune until a moment: an event is a statement, a commit, or a file that is opened, renamed or removed."""
    project, before = ProjectFolder.open(folder), moment.events
    for kind in ("before_cursor_execute", "commit"):
        event.listen(project.database.engine, kind, lambda *_: moment.passed())
    moment.of_files(folder)
    prune_rounds(project, 4)
    if count is not None:
        count.write_text(str(before - moment.events))


@pytest.mark.database_file  # it copies the project's folder, and with it the database
@pytest.mark.timeout(3600)
def test_a_killed_pruning_goes_on_with_the_next_one(measured: ProjectFolder, tmp_path: Path, soak: bool):
    before = curves(measured)
    measured.database.checkpoint()
    measured.database.close()
    shutil.copytree(measured.path, tmp_path / "never killed")
    assert not dies(prune_until, Moment(sys.maxsize), tmp_path / "never killed", tmp_path / "events")
    events, chance = int((tmp_path / "events").read_text()), random.Random(0)
    wanted = files_of(tmp_path / "never killed" / "rounds")
    trials = 50 if soak else 4
    for trial in range(trials):
        project = ProjectFolder(tmp_path / f"project {trial}")
        shutil.copytree(measured.path, project.path)
        place = events * trial // trials + chance.randrange(max(1, events // trials))
        later = chance.randrange(20_000) if trial % 2 else None
        assert dies(prune_until, Moment(place, later), project.path) or later is not None
        assert curves(project) == before
        prune_rounds(project, 4)
        assert pruned(project) == [1, 2]
        assert files_of(project.rounds) == wanted
        assert curves(project) == before
        project.database.close()
        shutil.rmtree(project.path)
