"""What five earlier systems taught (docs/recipes), on faces that are here: leaking splits, pretraining, and their figures beside ours.

Everything is done by the product's own commands: videos and photos imported, snapshots exported, `trainer fit`, `round`,
`compare` and `evaluate`. Without the development data, and with --small, faces are drawn and the figures mean nothing.
"""

import csv
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from annotator.project import ProjectFolder
from annotator.services.group_list import leak_report
from annotator.services.twin_search import hash_some
from benchmarks.lesson_data import (
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
    linked,
    make_project,
    people_with_most,
    photos,
    six_questions,
    slideshow,
)
from benchmarks.report import Figures, Size

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
        runs = []
        for seed in plan.seeds:
            runs += divided_films(plan, folder / data, known, asked, values, seed)
        rows += [{"data": data} | row for row in means(runs, ("split", "settings"))]
    return rows


def filmed(plan: Plan, folder: Path) -> Iterable[tuple[str, list[Photo], str, Sequence[str]]]:
    """Name of the data, its photos, what is asked and the possible answers."""
    three = people_with_most(plan.known, 3, 6 if plan.small else 30)
    people = sorted({photo.person for photo in three})
    yield "three people", [replace(p, answers={"who": p.person}) for p in three], "who", people
    if not plan.small and SLIDESHOW.exists():
        (folder / "slides").mkdir(parents=True)
        shown = [p for p in slideshow(folder / "slides") if p.answers.get("hair_color") in HAIR[:3]]
        yield "slideshow", shown, "hair_color", HAIR[:3]


def divided_films(
    plan: Plan, folder: Path, known: list[Photo], asked: str, values: Sequence[str], seed: int
) -> list[dict[str, Any]]:
    """One project of the videos and one of their frames as if they were photos, and what networks then seem to know."""
    answers = {f"{photo.file.stem}.mp4": {asked: photo.answers[asked]} for photo in known}
    attributes, split, room = {asked: values}, Split(seed=seed), folder / f"seed{seed}"
    sources = sorted((folder / "films").iterdir())
    videos = make_project(room / "videos", sources, attributes, answers, split)
    by_video = export(videos, room / "by-video", "--images", "copy")
    photos_of_it = frames_as_photos(by_video, room / "photos")
    frames = make_project(room / "frames", [photos_of_it], attributes, answers, split)
    by_frame = export(frames, room / "by-frame")
    leaks = count_leaks(frames)
    command("annotator", "groups", "-p", frames)
    by_looks = export(frames, room / "by-looks")
    divisions = {
        "frame by frame": (by_frame, leaks),
        "by looks (`facelabel groups`)": (by_looks, count_leaks(frames)),
        "by video": (by_video, count_leaks(videos)),
    }
    rows = []
    for name, (snapshot, pairs) in divisions.items():
        for number, options in enumerate(FILM_RUNS):
            settings = options | plan.changes
            run = room / f"run-{snapshot.name}-{number}"
            model = fit(snapshot, run, settings | {"seed": seed})
            shared = {"leaking pairs": pairs, "test frames with a twin in train": twins_in_train(snapshot)}
            row = {"split": name, "settings": line(options)} | shared
            rows.append(row | test_figures(model, snapshot, asked, plan.cache))
    return rows


FILM_RUNS: tuple[dict[str, Any], ...] = (
    {"preset": "s0-cnn", "epochs": 20, "batch_size": 32},
    {"preset": "default", "epochs": 6, "image_size": 96},
)


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
            command("trainer", "round", snapshot, "--to", room / "run", "--cache", plan.cache)
            for asked in attributes:
                figures = test_figures(room / "run" / "model", snapshot, asked, plan.cache)
                runs.append(
                    {"asked": asked, "split": "by person" if together else "photo by photo"} | figures
                )
    return means(runs, ("asked", "split"))


def pretraining(plan: Plan, folder: Path) -> list[dict[str, Any]]:
    """The same network with and without published weights, on `male`."""
    snapshot = six_questions(plan.known, folder, images=2000, split=Split(test=0.3, val=0.15))
    settings = {"preset": "default", "attributes": "male", "image_size": 96, "epochs": 10} | plan.changes
    rows = []
    for published in (True, False):
        own = settings if published else settings | {"pretrained": "false", "batch_norm": "trained"}
        model = fit(snapshot, folder / f"run-{published}", own)
        rows.append(
            {"pretrained": YES_NO[published], "settings": line(settings, ONE_THREAD)}
            | test_figures(model, snapshot, "male", plan.cache)
        )
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
    plan: Plan,
    folder: Path,
    known: list[Photo],
    answers: Mapping[str, Mapping[str, str]],
    values: Sequence[str],
) -> list[dict[str, Any]]:
    shown, runs = linked(known, folder / "photos"), []
    for seed in plan.seeds:
        room = folder / f"seed{seed}"
        project = make_project(room, [shown], {"who": values}, answers, Split(seed=seed))
        snapshot = export(project, room / "snapshot")
        for number, options in enumerate(PEOPLE_RUNS):
            settings = options | plan.changes | {"seed": seed}
            model = fit(snapshot, room / f"run{number}", settings)
            runs.append({"settings": line(options)} | test_figures(model, snapshot, "who", plan.cache))
        command("trainer", "round", snapshot, "--to", room / "round", "--cache", plan.cache)
        probe = test_figures(room / "round" / "model", snapshot, "who", plan.cache)
        runs.append({"settings": "trainer round --engine probe"} | probe)
    return means(runs, ("settings",))


PEOPLE_RUNS: tuple[dict[str, Any], ...] = ({"preset": "frozen"}, {"preset": "two-phase"})


def attributes_of_faces(plan: Plan, folder: Path) -> list[dict[str, Any]]:
    """Four attributes with as many labels as the coursework used in the end, its network beside ours."""
    snapshot = six_questions(plan.known, folder, images=835, split=Split(test=0.25, val=0.15))
    models = {}
    for options in ({"preset": "s2", "image_size": 128}, {"preset": "default", "image_size": 128}):
        models[line(options)] = fit(snapshot, folder / f"run-{options['preset']}", options | plan.changes)
    command("trainer", "round", snapshot, "--to", folder / "round", "--cache", plan.cache)
    models["trainer round --engine probe"] = folder / "round" / "model"
    return [
        {"asked": asked, "settings": settings} | test_figures(model, snapshot, asked, plan.cache)
        for asked in ("glasses", "young", "hair_color", "hair_top")
        for settings, model in models.items()
    ]


def fit(snapshot: Path, to: Path, settings: Mapping[str, Any]) -> Path:
    """`trainer fit`; returns the model's folder."""
    command("trainer", "fit", snapshot, "--to", to, *options_of(settings))
    return to / "model"


def options_of(settings: Mapping[str, Any]) -> list[str]:
    preset = ["--preset", settings["preset"]]
    return preset + [
        part for name, value in settings.items() if name != "preset" for part in ("--set", f"{name}={value}")
    ]


def line(settings: Mapping[str, Any], without: Mapping[str, Any] = {}) -> str:
    """The command that a run is, but for its folders."""
    return " ".join(["trainer fit", *options_of({k: v for k, v in settings.items() if k not in without})])


def test_figures(model: Path, snapshot: Path, asked: str, cache: Path) -> dict[str, Any]:
    """`trainer evaluate` on the test split: accuracy of the most probable class, balanced accuracy of the balanced answer."""
    metrics = command("trainer", "evaluate", model, snapshot, "--cache", cache, "--json")["metrics"]
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
    """One row per combination: the mean over its seeds, and the lowest and highest accuracy."""
    of: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for run in runs:
        of.setdefault(tuple(run[name] for name in by), []).append(run)
    rows = []
    for key, some in of.items():
        row = dict(zip(by, key, strict=True)) | {"seeds": len(some)}
        for name, value in some[0].items():
            numbers = [run[name] for run in some if run[name] is not None]
            if name not in by and isinstance(value, int | float) and numbers:
                row[name] = round(float(np.mean(numbers)), 3)
        accuracies = [run["accuracy"] for run in some]
        rows.append(row | {"lowest – highest accuracy": f"{min(accuracies):.3f} – {max(accuracies):.3f}"})
    return rows


LESSONS: dict[str, tuple[str, Callable[[Plan, Path], list[dict[str, Any]]]]] = {
    "s0": ("S0: films of photos, the same frames divided in three ways", films),
    "people": ("S0: photos of 60 people, divided photo by photo or by person (probe)", people),
    "s1": ("S1: one person against others", me_and_others),
    "s2": ("S2: four attributes, 500 labels to train on", attributes_of_faces),
    "s3": ("S3: five people", five_people),
    "s4": ("S4: the same network pretrained or not, on male", pretraining),
}
