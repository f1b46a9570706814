"""What the command status prints."""

from annotator.project import ProjectFolder
from annotator.services.common.claims import joined
from tests.support.commands import call


def test_what_a_worker_does_fits_a_line(filled: ProjectFolder):
    with joined(filled, ["faces"]) as worker:
        assert all(worker.claim(name) for name in ("faces/a", "backups", "faces/b"))
        told = call("status", "-p", filled.path).out
    assert "only faces: faces, backups\n" in told, "the parts of one work are one word"
