"""An erasure that is killed at any moment is done or not begun: the next process completes what was begun."""

import random
import shutil
import sys
from pathlib import Path

import pytest
from sqlalchemy import event

from annotator.feature_removal import forget_features
from annotator.models import Annotation, Erasure
from annotator.project import ProjectFolder
from annotator.services.erasure.journal import begin_erasure, complete_erasures, erasure_waits
from annotator.services.erasure.scope import Request
from tests.support.killing import Moment, dies
from tests.support.projects.erasing import ERASED, Traces, fill, find_damage, find_traces, traces_of
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import row_count

TRIALS = 50


def erase_until(moment: Moment, folder: Path, count: Path | None = None) -> None:
    """Erase an image until a moment: an event is a statement, a commit, or a file that is opened, renamed or removed."""
    project, before = ProjectFolder.open(folder), moment.events
    number = image_of(project, ERASED)
    for kind in ("before_cursor_execute", "commit"):
        event.listen(project.database.engine, kind, lambda *_: moment.passed())
    moment.of_files(folder)
    begin_erasure(project, "Ada", "the key", Request("images", images=(number,)))
    assert complete_erasures(project, forget_features)
    if count is not None:
        count.write_text(str(before - moment.events))


@pytest.mark.timeout(3600)
def test_a_killed_erasure_is_done_or_not_begun(filled: ProjectFolder, tmp_path: Path, soak: bool):
    fill(filled)
    traces, answers = traces_of(filled), row_count(filled, Annotation)
    filled.database.checkpoint()
    filled.database.close()
    copy = tmp_path / "never killed"
    shutil.copytree(filled.path, copy)
    assert not dies(erase_until, Moment(sys.maxsize), copy, tmp_path / "events")
    events = int((tmp_path / "events").read_text())
    chance, begun = random.Random(0), 0
    trials = TRIALS if soak else TRIALS // 10
    for trial in range(trials):
        project = ProjectFolder(tmp_path / f"project {trial}")
        shutil.copytree(filled.path, project.path)
        place = events * trial // trials + chance.randrange(max(1, events // trials))
        # Every other one dies a little after the event: in SQLite, or in the middle of a write.
        later = chance.randrange(20_000) if trial % 2 else None
        assert dies(erase_until, Moment(place, later), project.path) or later is not None
        begun += is_whole_or_completed(project, traces, answers)
        project.database.close()
        shutil.rmtree(project.path)
    assert trials * 0.5 < begun < trials, "the moments were not spread over the whole erasure"


def is_whole_or_completed(project: ProjectFolder, traces: Traces, answers: int) -> bool:
    """Check a project after a kill; return whether the erasure was begun, and is now complete."""
    if row_count(project, Erasure) == 0:
        assert ERASED in names_of(project)
        assert row_count(project, Annotation) == answers
        assert not erasure_waits(project)
        assert len(list(project.stores.images.local_root.glob(f"*/{traces.sha256}.*"))) == 1
        return False
    assert ERASED not in names_of(project)
    assert complete_erasures(project, forget_features)
    assert not erasure_waits(project)
    assert find_traces(project, traces, windows=False) == []
    assert find_damage(project) == []
    assert len(list(project.erasures.glob("0001-*.json"))) == 1
    return True
