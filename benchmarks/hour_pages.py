"""Person-minutes until 600 faces are finished, through the real pages: certified filling, and suggestions only.

The same as benchmarks/hour.py, but a script in Chromium answers every image on the label page of the real server, with its worker
beside it, as benchmarks/person.py does. It waits after every block until the rounds are done, so that the load of the machine
does not change which suggestions it sees. With certified filling it opens the page /fill now and then, chooses the target, starts each
acceptance sample that the page offers, and goes on labelling: the sample comes through the label page. When no image is open, the
dataset is exported and compared with the truth.

Seconds are those of a practised person: LOOK an image, KEY a press, VISIT each time that the page /fill is read. The plan weighs the
measured pace of blind images against that of the others. So the script waits TEMPO of these seconds, and afterwards spaces the moments
of its answers exactly so. Labelling plain costs what the images before the first round cost.
A round starts after every EVERY images, half as often as usual, to save time. A way that is finished is kept in
results/hour_pages/raw, and so are the features.
"""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright
from sqlalchemy import select

from annotator.domain.certificates.target import Target
from annotator.domain.states import CertificateState, JobState, SubmissionKind
from annotator.models import Round, StoredStatistics, Submission
from annotator.project import ProjectFolder
from annotator.services.certificates.plan import plans_statistics
from annotator.services.certificates.status import UNFINISHED, certificates
from annotator.services.rounds.jobs import labelled_since_last_round
from benchmarks import person
from benchmarks.hour import ASKED, ATTEMPTS, CERTIFIED, PLAIN, SUGGESTED
from benchmarks.person import KEY, LOOK, Truth, label, make_project
from benchmarks.support.data import CELEBA
from benchmarks.support.pieces import Pieces
from benchmarks.support.report import RESULTS, Figures, Size
from tests.support.browser.chromium import chromium_options, open_context
from tests.support.projects.snapshots import exported_labels
from tests.support.serving import Server
from tests.support.waiting import wait_until

IMAGES, EVERY, STOP, VISIT, TEMPO = 600, 50, 100, 10.0, 0.4
"""Images; how many of them start a round; how many are labelled between two looks at /fill; seconds of such a look; the script's tempo."""
TARGETS = (Target(error=0.02, recall=None), Target(error=0.05, recall=None))
READ = (Target(error=0.02, recall=0.95), *TARGETS)
"""What is read on the page at each look. Samples are started at the target of the run only."""
RAW = RESULTS / "hour_pages" / "raw"
FEATURES = RAW / "features"
SOURCES = [Path(__file__), Path(person.__file__)]
READY_OR_DONE = "html:is([data-state=ready], [data-state=done])"


@dataclass
class Labelled:
    """One way of labelling all images.

    Attributes:
        presses: by image, in the order in which they were answered. An image may come more than once.
        visits: how often /fill was read.
        told: what /fill said: images labelled so far, attribute, target error and recall, words.
        errors, filled: share of wrong values, and of filled ones, in the finished dataset, by attribute.
    """

    presses: list[int] = field(default_factory=list)
    visits: int = 0
    told: list[tuple[int, str, float, float | None, str]] = field(default_factory=list)
    errors: dict[str, float] = field(default_factory=dict)
    filled: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Of the person."""
        return sum(LOOK + KEY * presses for presses in self.presses) + VISIT * self.visits


def measure(size: Size) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        if size == "small" or not CELEBA.is_dir():
            pieces, images, targets = Pieces(Path(folder)), 90, [Target(error=0.1, recall=None)]
        else:
            pieces, images, targets = Pieces(RAW, SOURCES), IMAGES, list(TARGETS)
        real = images == IMAGES
        suggested = way(pieces, SUGGESTED, None, images, real=real)
        certified = [way(pieces, CERTIFIED, target, images, real=real) for target in targets]
    return {
        "minutes": [
            row(PLAIN, None, plain_of(suggested), suggested),
            row(SUGGESTED, None, suggested, suggested),
            *(row(CERTIFIED, t, of, suggested) for t, of in zip(targets, certified, strict=True)),
        ],
        "attributes": [
            line
            for target, of in zip(targets, certified, strict=True)
            for line in attribute_rows(target, of)
        ],
        "what the page said": [
            {"started at": target.error, "labelled": n, "attribute": name, "error": error, "recall": recall, "words": words}
            for target, of in zip(targets, certified, strict=True)
            for n, name, error, recall, words in of.told
        ],
    }  # fmt: skip


def way(pieces: Pieces, name: str, target: Target | None, images: int, *, real: bool) -> Labelled:
    """Label all images in one way, or take it from the kept pieces."""
    of = f"{name} {target.error} {target.recall}" if target else name
    return Labelled(**pieces.result(of, partial(label_all, target, images, real=real)))


def label_all(target: Target | None, images: int, *, real: bool) -> dict[str, Any]:
    """Make a project, label it in Chromium until no image is open, and compare what is exported with the truth."""
    with tempfile.TemporaryDirectory() as folder:
        project, truth = make_project(Path(folder), images, drawn=not real, asked=ASKED)
        if real and FEATURES.exists():
            shutil.copytree(FEATURES, project.path / "cache")
        with (
            Server(project.path, FACELABEL_WORKER="1", FACELABEL_ROUND_EVERY=str(EVERY)) as server,
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(**chromium_options())
            page = open_context(browser, viewport={"width": 1366, "height": 768}).new_page()
            found = Script(project, page, server.url, truth, target, hurry=not real).run()
            browser.close()
        if real:
            shutil.copytree(project.path / "cache", FEATURES, dirs_exist_ok=True)
        found.errors, found.filled = compare(project, truth, Path(folder) / "snapshot")
        project.database.close()
    return asdict(found)


@dataclass
class Script:
    """The person at the browser. `hurry`: with no time to look, also where the pace is measured."""

    project: ProjectFolder
    page: Page
    url: str
    truth: Truth
    target: Target | None
    hurry: bool
    done: Labelled = field(default_factory=Labelled)

    def run(self) -> Labelled:
        """Label until no image is open."""
        while self.label_block():
            wait_until(self.is_calm, "no round or certificate is due or unfinished", 1200, 0.2)
            if self.target and len(self.done.presses) % STOP == 0:
                self.look_at_fill(self.target)
        return self.done

    def label_block(self) -> bool:
        """Answer a block of images, with the suggestions that there are now. Returns whether one was open."""
        self.page.goto(self.url)
        pace = (0.0, 0.0) if self.hurry or self.target is None else (TEMPO * LOOK, TEMPO * KEY)
        for number in range(EVERY):
            self.page.wait_for_selector(READY_OR_DONE, state="attached")
            if self.page.locator("html[data-state=done]").count():
                return number > 0
            self.done.presses.append(label(self.page, self.truth, *pace).presses)
        self.page.wait_for_selector('html[data-unsent="0"]', state="attached")
        if any(pace):
            self.space_answers()
        return True

    def space_answers(self) -> None:
        """Space the moments of a block's answers as its images took a person, TEMPO of the time, back from the last one."""
        with self.project.database.write() as session:
            query = select(Submission).where(Submission.kind == SubmissionKind.ANSWER)
            newest = session.scalars(query.order_by(Submission.id.desc()).limit(EVERY)).all()
            moment = newest[0].created_at
            for answer, presses in zip(newest, reversed(self.done.presses), strict=False):
                answer.created_at = moment
                moment -= timedelta(seconds=TEMPO * (LOOK + KEY * presses))

    def is_calm(self) -> bool:
        """Whether the worker has done all rounds and certificates that the answers so far ask for."""
        with self.project.database.read() as session:
            states = session.scalars(select(Round.state)).all()
            assert JobState.FAILED not in states
            if any(state != JobState.DONE for state in states):
                return False
            if not states or labelled_since_last_round(session) >= EVERY:
                return False
            return not any(is_due(each.state, each.sample - each.answered) for each in certificates(session))

    def is_planned(self) -> bool:
        """Whether the plans are those of the present state."""
        with self.project.database.read() as session:
            plans = plans_statistics(self.project)
            stored = session.get(StoredStatistics, plans.name)
            return stored is not None and stored.state == list(plans.state(session))

    def look_at_fill(self, target: Target) -> None:
        """Read the page /fill, and start each sample that it offers at the target."""
        wait_until(self.is_planned, "the plans are made", 1200, 0.2)
        self.done.visits += 1
        self.page.goto(f"{self.url}/fill")
        self.page.wait_for_selector("html[data-state=ready]", state="attached")
        cards = self.page.locator("article[data-attribute]")
        names = cards.evaluate_all("all => all.map((one) => one.dataset.attribute)")
        for read in READ:
            self.choose(read)
            self.done.told += [self.read_card(name, read) for name in names]
        self.choose(target)
        for name in names:
            self.start_sample(name)
        wait_until(self.has_prepared, "the samples are drawn", 600, 0.2)

    def choose(self, target: Target) -> None:
        """Choose a target on the page."""
        slider, wanted = self.page.get_by_role("slider"), f"{target.error:.0%}".replace("%", " %")
        slider.press("Home")
        while slider.get_attribute("aria-valuetext") != wanted:
            slider.press("ArrowRight")
        recall = "" if target.recall is None else str(target.recall)
        self.page.locator("#recall").select_option(recall)

    def read_card(self, name: str, target: Target) -> tuple[int, str, float, float | None, str]:
        """What the card of an attribute says now."""
        words = self.page.locator(f"article[data-attribute={name}] .columns section p").first.inner_text()
        return len(self.done.presses), name, target.error, target.recall, words

    def start_sample(self, name: str) -> None:
        """Start the sample that the card of an attribute offers, if it does and the attribute has no certificate."""
        card = self.page.locator(f"article[data-attribute={name}]")
        button = card.locator(".columns > div > section [data-action^=start]")
        with self.project.database.read() as session:
            attempts = sum(each.attribute == name and each.sample > 0 for each in certificates(session))
        if button.count() and attempts < ATTEMPTS:
            button.press("Enter")
            card.locator(".badge[data-state]").first.wait_for()

    def has_prepared(self) -> bool:
        """Whether the worker has drawn all samples."""
        with self.project.database.read() as session:
            return all(each.state != CertificateState.PREPARING for each in certificates(session))


def is_due(state: CertificateState, waiting: int) -> bool:
    """Whether the worker will go on with a certificate without further answers."""
    return state in UNFINISHED and not (state == CertificateState.SAMPLING and waiting > 0)


def compare(
    project: ProjectFolder, truth: Truth, snapshot: Path
) -> tuple[dict[str, float], dict[str, float]]:
    """The share of wrong values in the exported labels, and of filled ones, by attribute."""
    labels = exported_labels(project.path, snapshot)
    assert labels.keys() == truth.keys()
    wrong = {
        name: sum(labels[image].get(name) != answers[name] for image, answers in truth.items()) / len(truth)
        for name in next(iter(truth.values()))
    }
    filled = dict.fromkeys(wrong, 0.0)
    with project.database.read() as session:
        for each in certificates(session):
            if each.state == CertificateState.FILLED:
                filled[each.attribute] = each.cells / len(truth)
    return wrong, filled


def row(way: str, target: Target | None, found: Labelled, suggested: Labelled) -> dict[str, Any]:
    """One way of labelling: the minutes and what they went into."""
    return {
        "way": way,
        "target error": target.error if target else None,
        "recall": target.recall if target else None,
        "images looked at": len(found.presses),
        "presses": sum(found.presses),
        "minutes": round(found.seconds / 60, 1),
        "of suggestions only": round(found.seconds / suggested.seconds, 2),
        "filled": round(sum(found.filled.values()) / len(found.filled), 3),
        "largest true error": round(max(found.errors.values()), 4),
    }


def plain_of(suggested: Labelled) -> Labelled:
    """All images as those that were answered before there was a model."""
    first = suggested.presses[:EVERY]
    return Labelled(
        [*first, *(first * len(suggested.presses))][: len(suggested.presses)],
        errors=suggested.errors,
        filled=suggested.filled,
    )


def attribute_rows(target: Target, found: Labelled) -> Sequence[dict[str, Any]]:
    """Every attribute under certified filling: what is filled, and what is wrong."""
    return [
        {
            "target error": target.error,
            "recall": target.recall,
            "attribute": name,
            "filled": round(found.filled[name], 3),
            "true error": round(error, 4),
        }
        for name, error in found.errors.items()
    ]
