"""Opinions saved by stopping when the answers are sure, and by asking those who are good at the uncertain attribute.

Six simulated labellers answer four attributes of 1,000 images that come in ten parts; after each part, and after each further
opinion on it, the labellers are estimated again, by the product's code. Errors are those of the most probable value by all
answers at the end. All images overlap.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from annotator.domain.agreement.posterior import LabellerModel
from annotator.services.tasks.certainty import FEWEST
from annotator.services.tasks.labellers import ENOUGH
from annotator.services.tasks.routing import MARGIN
from benchmarks.support.report import Figures, Size
from benchmarks.support.simulated_labellers import Answerers, Numbers, draw_answerers, model_of

PRIORS = {
    "wrinkles": [0.7, 0.3],
    "glasses": [0.9, 0.06, 0.04],
    "hair_color": [0.3, 0.25, 0.2, 0.15, 0.1],
    "freckles": [0.95, 0.05],
}
LABELLERS, MOST, PARTS, AT_WORK = 6, 5, 10, 3
CONFIDENCES = (0.8, 0.9, 0.95, 0.98, 0.99)


@dataclass
class Team:
    """Simulated labellers with their answers so far, and what is known of them.

    Args:
        answerers: attribute → its labellers.
        random: the source of chance.
    """

    answerers: dict[str, Answerers]
    random: np.random.Generator
    image: Numbers = field(default_factory=lambda: np.empty(0, np.int64))
    labeller: Numbers = field(default_factory=lambda: np.empty(0, np.int64))
    codes: dict[str, Numbers] = field(default_factory=dict)
    models: dict[str, LabellerModel] = field(default_factory=dict)

    def ask(self, image: Numbers, labeller: Numbers) -> None:
        """Let labellers answer images, each all attributes."""
        for name, answerers in self.answerers.items():
            new = answerers.answer(labeller, image, self.random)
            self.codes[name] = np.concatenate([self.codes.get(name, np.empty(0, np.int64)), new])
        self.image, self.labeller = np.r_[self.image, image], np.r_[self.labeller, labeller]

    def estimate(self) -> None:
        """Estimate the labellers anew, if there are enough images with several answers."""
        if (np.bincount(self.image) > 1).sum() >= ENOUGH:
            self.models = {
                name: model_of(self.image, self.labeller, codes, len(PRIORS[name]))
                for name, codes in self.codes.items()
            }

    def posteriors(self, name: str, images: Numbers) -> Any:
        """The (images, categories) posteriors of an attribute."""
        asked = np.isin(self.image, images)
        item = np.searchsorted(images, self.image[asked])
        return self.models[name].posteriors(item, self.labeller[asked], self.codes[name][asked])

    def uncertain(self, images: Numbers, confidence: float) -> dict[int, str]:
        """Image → its least certain attribute, of the sorted images that are not certain."""
        if not self.models:
            return dict.fromkeys(images.tolist(), "wrinkles")
        names = list(self.models)
        certainty = np.stack([self.posteriors(name, images).max(axis=1) for name in names], axis=1)
        least = certainty.argmin(axis=1)
        open_ = certainty.min(axis=1) < confidence
        return {int(image): names[place] for image, place in zip(images[open_], least[open_], strict=True)}

    def others(self, image: int) -> list[int]:
        """Some of the labellers who have not answered an image: those at work now."""
        answered = set(self.labeller[self.image == image].tolist())
        free = [labeller for labeller in range(LABELLERS) if labeller not in answered]
        return self.random.permutation(free)[:AT_WORK].tolist()


def replay(
    seed: int, images: int, confidence: float, most: int, *, hard: bool, routed: bool
) -> dict[str, float]:
    """One team's work: opinions per image, and the share of wrong values at the end."""
    random = np.random.default_rng(seed)
    truth = {name: random.choice(len(prior), images, p=prior) for name, prior in PRIORS.items()}
    drawn = {
        name: draw_answerers(column, len(PRIORS[name]), LABELLERS, random, hard=hard)
        for name, column in truth.items()
    }
    team = Team(drawn, np.random.default_rng([seed, 1]))
    for part in np.array_split(np.arange(images), PARTS):
        pairs = np.array([team.random.permutation(LABELLERS)[:FEWEST] for _ in part])
        team.ask(np.repeat(part, FEWEST), pairs.ravel())
        for _ in range(most - FEWEST):
            team.estimate()
            uncertain = (
                team.uncertain(part, confidence) if confidence < 1 else dict.fromkeys(part.tolist(), "")
            )
            if uncertain:
                chosen = [choose(team, image, name, routed=routed) for image, name in uncertain.items()]
                team.ask(np.array(list(uncertain)), np.array(chosen))
    team.estimate()
    wrong = [
        (team.posteriors(name, np.arange(images)).argmax(axis=1) != column).mean()
        for name, column in truth.items()
    ]
    return {"opinions": len(team.image) / images, "wrong": float(np.mean(wrong))}


def choose(team: Team, image: int, name: str, *, routed: bool) -> int:
    """Who answers an image next: the first at work, or the first of those at work whom nobody there surpasses."""
    people = team.others(image)
    if not routed or name not in team.models:
        return people[0]
    skill = [team.models[name].accuracy(person) for person in people]
    return next(p for p, own in zip(people, skill, strict=True) if own + MARGIN >= max(skill))


def measure(size: Size) -> Figures:
    images, seeds = (120, 1) if size == "small" else (1000, 4)
    return {
        title: [row(images, seeds, *policy, hard=hard) for policy in policies(size)]
        for title, hard in (("independent errors", False), ("8 % of the cells mislead everybody", True))
    }


def policies(size: Size) -> list[tuple[str, int, float, bool]]:
    """Name, people at most, confidence, and whether the good ones come first."""
    fixed = [(f"always {most}", most, 1.0, False) for most in range(2, MOST + 1)]
    stopping = [
        (f"up to {MOST}, {100 * confidence:g} % sure{', routed' if routed else ''}", MOST, confidence, routed)
        for routed in (False, True)
        for confidence in CONFIDENCES
    ]
    return fixed[:1] + stopping[-1:] if size == "small" else fixed + stopping


def row(
    images: int,
    seeds: int,
    policy: str,
    most: int,
    confidence: float,
    routed: bool,
    *,
    hard: bool,
) -> dict[str, Any]:
    """The means over the seeds."""
    found = [replay(seed, images, confidence, most, hard=hard, routed=routed) for seed in range(seeds)]
    wrong = np.array([one["wrong"] for one in found])
    return {
        "policy": policy,
        "opinions an image": round(float(np.mean([one["opinions"] for one in found])), 2),
        "wrong, %": round(100 * float(wrong.mean()), 2),
        "±": round(100 * float(wrong.std(ddof=1) / np.sqrt(seeds)), 2) if seeds > 1 else None,
    }
