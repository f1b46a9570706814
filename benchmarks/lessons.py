"""What five earlier systems taught (docs/recipes), on faces that are here: leaking splits, pretraining, and their figures beside ours.

Everything is done by the product's own commands: videos and photos imported, snapshots exported, `trainer fit`, `round`,
`compare` and `evaluate`. Without the development data, and with --small, faces are drawn and the figures mean nothing.
"""

import csv
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from annotator.cli import main as facelabel
from annotator.project import ProjectFolder
from annotator.services.grouping.duplicate_search import hash_some
from annotator.services.grouping.listing import leak_report
from benchmarks.support.lesson_data import (
    HAIR,
    SLIDESHOW,
    VALUES,
    YES_NO,
    Photo,
    Split,
    command,
    export,
    film,
    frames_as_photos,
    import_videos,
    linked,
    make_project,
    people_with_most,
    photos,
    six_questions,
    slideshow,
)
from benchmarks.support.report import Figures, Size
from trainer.cli import main as trainer

Answers = Mapping[str, Mapping[str, str]]
ONE_THREAD = {"threads": 1, "workers": 0}
TINY = {"epochs": 1, "batch_size": 16}


@dataclass(frozen=True)
class Plan:
    """How much is measured; `changes`: settings of every run, beside those that a recipe names."""

    small: bool
    known: list[Photo]
    cache: Path
    seeds: tuple[int, ...]
    changes: dict[str, Any]


def measure(size: Size) -> Figures:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = size == "small"
        plan = Plan(
            small,
            photos(folder, drawn=160 if small else None),
            folder / "cache",
            (0,) if small else (0, 1, 2),
            ONE_THREAD | (TINY if small else {}),
        )
        return {title: lesson(plan, folder / recipe) for recipe, (title, lesson) in LESSONS.items()}


def films(plan: Plan, folder: Path) -> list[dict[str, Any]]:
    """The same frames, divided frame by frame, then by the pictures that look alike, then by video."""
    rows = []
    for data, known, asked, values in filmed(plan, folder):
        (folder / data / "films").mkdir(parents=True)
        for number, photo in enumerate(known):
            film(photo, folder / data / "films" / f"{photo.file.stem}.mp4", seed=number)
        frames = import_videos(folder / data / "films", folder / data)
        answers = {f"{photo.file.stem}.mp4": {asked: photo.answers[asked]} for photo in known}
        runs = []
        for seed in plan.seeds:
            room = folder / data / f"seed{seed}"
            for split, snapshot, pairs in divisions(frames, room, {asked: values}, answers, seed):
                shared = {
                    "leaking pairs": pairs,
                    "test frames with a twin in train": twins_in_train(snapshot),
                }
                for settings, model in models(plan, snapshot, room / split, seed, FILM_RUNS):
                    found = test_figures(model, snapshot, asked, plan.cache)
                    runs.append({"split": split, "settings": settings} | shared | found)
        rows += [{"data": data} | row for row in means(runs, ("settings", "split"))]
    return rows


FILM_RUNS: tuple[dict[str, Any], ...] = ({"preset": "fine-tune", "image_size": 96, "epochs": 8},)


def filmed(plan: Plan, folder: Path) -> Iterator[tuple[str, list[Photo], str, Sequence[str]]]:
    """Name of the data, its photos, what is asked and the possible answers."""
    women = [photo for photo in plan.known if photo.answers.get("male") in {"0", "no"}]
    three = people_with_most(women, 3, 4 if plan.small else 24)
    people = sorted({photo.person for photo in three})
    yield "three women", [replace(p, answers={"who": p.person}) for p in three], "who", people
    if not plan.small and SLIDESHOW.exists():
        (folder / "slides").mkdir(parents=True)
        shown = [p for p in slideshow(folder / "slides") if p.answers.get("hair_color") in HAIR[:3]]
        yield "slideshow", shown, "hair_color", HAIR[:3]


def divisions(
    frames: Path, room: Path, attributes: Mapping[str, Sequence[str]], answers: Answers, seed: int
) -> Iterator[tuple[str, Path, int]]:
    """Name, snapshot and leaking pairs of three ways to divide frames, two of them as if they were so many photos."""
    split = Split(seed=seed)
    photos_of_it = frames_as_photos(frames, room / "photos")
    alone = make_project(room / "frames", [photos_of_it], attributes, answers, split)
    by_frame = export(alone, room / "by-frame")
    yield "frame by frame", by_frame, count_leaks(alone)
    command(facelabel, "groups", "-p", alone)
    yield "by looks (facelabel groups)", export(alone, room / "by-looks"), count_leaks(alone)
    videos = make_project(room / "videos", [frames], attributes, answers, split)
    yield "by video", export(videos, room / "by-video"), count_leaks(videos)


def count_leaks(project: Path) -> int:
    """The leak report's pairs of images in two splits that look alike or are of one source."""
    opened = ProjectFolder(project)
    while hash_some(opened):
        pass
    with opened.database.read() as session:
        found = len(leak_report(session, limit=10**9).leaks)
    opened.database.close()
    return found


def twins_in_train(snapshot: Path) -> float:
    """The share of the test frames of which another frame of the same video is in the train split."""
    with (snapshot / "images.csv").open(newline="") as stream:
        frames = [(row["image_name"].split("/")[0], row["split"]) for row in csv.DictReader(stream)]
    train = {video for video, split in frames if split == "train"}
    test = [video in train for video, split in frames if split == "test"]
    return float(np.mean(test))


def people(plan: Plan, folder: Path) -> list[dict[str, Any]]:
    """Photos divided one by one or person by person, for questions that a person gives away; one has no answer in the pixels."""
    count, each = (8, 12) if plan.small else (60, 20)
    known = people_with_most(plan.known, count, each)
    odd = {person: YES_NO[number % 2] for number, person in enumerate(sorted({p.person for p in known}))}
    answers = {p.file.name: p.answers | {"identity": p.person, "drawn_by_lot": odd[p.person]} for p in known}
    attributes = {name: VALUES[name] for name in ("male", "hair_color")} | {"drawn_by_lot": YES_NO}
    shown, runs = linked(known, folder / "photos"), []
    for seed in plan.seeds:
        for together in (False, True):
            room = folder / f"{seed}-{together}"
            split = Split(seed=seed, people_together=together)
            snapshot = export(make_project(room, [shown], attributes, answers, split), room / "snapshot")
            command(trainer, "round", snapshot, "--to", room / "run", "--cache", plan.cache)
            for asked in attributes:
                figures = test_figures(room / "run" / "model", snapshot, asked, plan.cache)
                runs.append(
                    {"asked": asked, "split": "by person" if together else "photo by photo"} | figures
                )
    return means(runs, ("asked", "split"))


def pretraining(plan: Plan, folder: Path) -> list[dict[str, Any]]:
    """The same network with and without published weights, on `male`."""
    snapshot = six_questions(plan.known, folder, images=900, split=Split(test=0.3))
    settings = {"preset": "fine-tune", "attributes": "male", "image_size": 96, "epochs": 6}
    rows = []
    for published in (True, False):
        own = settings if published else settings | {"pretrained": "false", "batch_norm": "trained"}
        model = fit(snapshot, folder / f"run-{published}", own | plan.changes)
        figures = test_figures(model, snapshot, "male", plan.cache)
        rows.append({"pretrained": YES_NO[published], "settings": line(own)} | figures)
    return rows


def me_and_others(plan: Plan, folder: Path) -> list[dict[str, Any]]:
    """One person against others who are not in the train split when they are in the test split."""
    me = people_with_most(plan.known, 1, 30)
    others = [p for p in plan.known if p.person != me[0].person][:: 1 if plan.small else 24]
    answers = {p.file.name: {"who": "me"} for p in me}
    answers |= {p.file.name: {"who": "others", "identity": p.person} for p in others}
    return faces_told_apart(plan, folder, [*me, *others], answers, ("me", "others"))


def five_people(plan: Plan, folder: Path) -> list[dict[str, Any]]:
    """The five people with most photos, told apart."""
    five = people_with_most(plan.known, 5, 8 if plan.small else 24)
    answers = {p.file.name: {"who": p.person} for p in five}
    return faces_told_apart(plan, folder, five, answers, sorted({p.person for p in five}))


def faces_told_apart(
    plan: Plan, folder: Path, known: list[Photo], answers: Answers, values: Sequence[str]
) -> list[dict[str, Any]]:
    shown, runs = linked(known, folder / "photos"), []
    for seed in plan.seeds:
        room = folder / f"seed{seed}"
        project = make_project(room, [shown], {"who": values}, answers, Split(seed=seed))
        snapshot = export(project, room / "snapshot")
        for settings, model in models(plan, snapshot, room, seed, PEOPLE_RUNS):
            runs.append({"settings": settings} | test_figures(model, snapshot, "who", plan.cache))
    return means(runs, ("settings",))


PEOPLE_RUNS: tuple[dict[str, Any], ...] = (
    {"preset": "frozen", "image_size": 96},
    {"preset": "two-phase", "image_size": 96},
)


def attributes_of_faces(plan: Plan, folder: Path) -> list[dict[str, Any]]:
    """Four attributes with as many labels as the coursework used in the end, its network beside ours."""
    snapshot = six_questions(plan.known, folder, images=835, split=Split())
    runs = []
    for settings, model in models(plan, snapshot, folder, plan.seeds[0], ATTRIBUTE_RUNS):
        for asked in ("glasses", "young", "hair_color", "hair_top"):
            runs.append(
                {"asked": asked, "settings": settings} | test_figures(model, snapshot, asked, plan.cache)
            )
    return sorted(means(runs, ("asked", "settings")), key=lambda row: str(row["asked"]))


ATTRIBUTE_RUNS: tuple[dict[str, Any], ...] = (
    {"preset": "s2", "image_size": 96},
    {"preset": "fine-tune", "image_size": 96, "epochs": 6},
)


def models(
    plan: Plan, snapshot: Path, room: Path, seed: int, runs: Iterable[dict[str, Any]]
) -> Iterator[tuple[str, Path]]:
    """What was called and the model's folder: a probe, and with the first seed the networks that take minutes."""
    for number, options in enumerate(runs if seed == plan.seeds[0] else ()):
        yield line(options), fit(snapshot, room / f"run{number}", options | plan.changes | {"seed": seed})
    command(trainer, "round", snapshot, "--to", room / "round", "--cache", plan.cache)
    yield "trainer round", room / "round" / "model"


def fit(snapshot: Path, to: Path, settings: Mapping[str, Any]) -> Path:
    """`trainer fit`; returns the model's folder."""
    command(trainer, "fit", snapshot, "--to", to, *options_of(settings))
    return to / "model"


def options_of(settings: Mapping[str, Any]) -> list[str]:
    preset = ["--preset", settings["preset"]]
    return preset + [
        part for name, value in settings.items() if name != "preset" for part in ("--set", f"{name}={value}")
    ]


def line(settings: Mapping[str, Any]) -> str:
    """The command that a run is, but for its folders."""
    return " ".join(["trainer fit", *options_of(settings)])


def test_figures(model: Path, snapshot: Path, asked: str, cache: Path) -> dict[str, Any]:
    """`trainer evaluate` on the test split: accuracy of the most probable class, balanced accuracy of the balanced answer."""
    metrics = command(trainer, "evaluate", model, snapshot, "--cache", cache, "--json")["metrics"]
    found = metrics[asked]["test"]
    interval = found["balanced"]["balanced_accuracy_interval"]
    return {
        "test images": found["images"],
        "groups": found["groups"],
        "accuracy": found["suggested"]["accuracy"],
        "balanced accuracy": found["balanced"]["balanced_accuracy"],
        "95 % interval": "–" if interval is None else f"{interval[0]:.3f}–{interval[1]:.3f}",
    }


def means(runs: Iterable[dict[str, Any]], by: Sequence[str]) -> list[dict[str, Any]]:
    """One row per combination: the mean over its seeds, and the lowest and highest accuracy; the interval of a single run."""
    of: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for run in runs:
        of.setdefault(tuple(run[name] for name in by), []).append(run)
    rows = []
    for key, some in of.items():
        row = dict(zip(by, key, strict=True)) | {"seeds": len(some)}
        for name in [name for name in some[0] if name not in {*by, "95 % interval"}]:
            numbers = [run[name] for run in some if run[name] is not None]
            row[name] = round(float(np.mean(numbers)), 3) if numbers else None
        accuracies = [run["accuracy"] for run in some]
        interval = some[0]["95 % interval"] if len(some) == 1 else "–"
        rows.append(
            row | {"accuracies": f"{min(accuracies):.3f}–{max(accuracies):.3f}", "95 % interval": interval}
        )
    return rows


LESSONS: dict[str, tuple[str, Callable[[Plan, Path], list[dict[str, Any]]]]] = {
    "s0": ("S0: films of photos, the same frames divided in three ways", films),
    "people": ("S0: photos of 60 people, divided photo by photo or by person (probe)", people),
    "s1": ("S1: one person against others", me_and_others),
    "s2": ("S2: four attributes, 500 labels to train on", attributes_of_faces),
    "s3": ("S3: five people", five_people),
    "s4": ("S4: the same network pretrained or not, on male", pretraining),
}
