"""Videos: frames at time intervals, rotated upright, without near-equal frames."""

from multiprocessing import active_children
from pathlib import Path

import cv2
import numpy as np
import pytest

from annotator.formats.importers import video
from annotator.formats.importers.video import VideoOptions
from annotator.project import ProjectFolder
from annotator.services.common.job_queue import StoppedError
from tests.support.commands import call, contents
from tests.support.projects.importing import groups_by_name, make_video, run_import


def test_a_video_gives_frames_by_time_in_one_group(project: ProjectFolder, tmp_path: Path) -> None:
    film = make_video(tmp_path / "film.mp4")
    report = run_import(project, film, "--fps", "2")[str(film)]
    assert (report["format"], report["images"]["imported"]) == ("video", 4)
    found = groups_by_name(project)
    assert list(found) == [f"film.mp4/{seconds}.jpg" for seconds in ("000000.000", "000000.500", "000001.000", "000001.500")]  # fmt: skip
    (group,) = set(found.values())
    assert group.startswith("video:")
    assert len(group) == len("video:") + 16
    again = run_import(project, film, "--fps", "2")[str(film)]["images"]
    assert (again["imported"], again["already"]) == (0, 4)


def test_frames_can_be_turned_and_similar_ones_dropped(tmp_path: Path) -> None:
    film = make_video(tmp_path / "film.mp4")
    (tmp_path / "all").mkdir()
    (tmp_path / "some").mkdir()
    every = video.read(film, tmp_path / "all", VideoOptions(fps=10, turn=90))
    some = video.read(film, tmp_path / "some", VideoOptions(fps=10, drop_similar=True))
    assert (len(every.images), len(some.images)) == (20, 4)
    first = cv2.imread(str(every.images[0].path))
    assert first is not None
    assert first.shape == (96, 64, 3)
    assert first[:20, -12:].mean() > 200, "its top left corner is at the top right now"


@pytest.mark.parametrize("content", [b"", b"#EXTM3U\n/etc/passwd\n", b"\0\0\0\x20ftypisom" + bytes(500)])
def test_a_file_that_is_not_a_video_is_refused(
    project: ProjectFolder, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "film.mp4").write_bytes(content)
    before = contents(project.path)
    call("import", tmp_path / "film.mp4", "-p", project.path).assert_refused(1, "film.mp4 cannot be read")
    assert contents(project.path) == before


def first_frame(film: Path, room: Path, turn: int | None) -> np.ndarray:
    room.mkdir()
    frame = cv2.imread(str(video.read(film, room, VideoOptions(turn=turn)).images[0].path))
    assert frame is not None
    return frame


@pytest.mark.shared
@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_videos_of_every_rotation_come_out_upright(shared: Path, tmp_path: Path, turn: int) -> None:
    film = shared / "videos" / f"decord_video_{turn}.mov"
    automatic, forced = first_frame(film, tmp_path / "a", None), first_frame(film, tmp_path / "b", turn)
    assert automatic.shape == forced.shape
    assert np.abs(automatic.astype(float) - forced).mean() < 1


def test_a_decoder_ends_when_its_import_must_stop(tmp_path: Path) -> None:
    film = make_video(tmp_path / "film.mp4")
    (tmp_path / "room").mkdir()
    calls, before = iter(range(3)), active_children()

    def between() -> None:
        if next(calls) == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        video.read(film, tmp_path / "room", VideoOptions(), between)
    assert active_children() == before
