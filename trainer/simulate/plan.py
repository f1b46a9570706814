"""The settings of a simulation. They are fixed and hashed before the first label is bought."""

from itertools import pairwise
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trainer.acquisition import DEFAULT, query_strategy
from trainer.acquisition.group_constraint import BATCH
from trainer.acquisition.pace import DEFAULT_PACE, Pace
from trainer.runtime.files import canonical_json, sha256_text

Stress = Literal["none", "duplicates", "noise", "rare", "missing"]
RANDOM = "random"
"""The baseline: uniform over images. Unlike a round, it has no random or test places, no batches and no models between budgets."""


class Plan(BaseModel):
    """The settings of a simulation; the command line and the saved file hold the same object.

    Every strategy is replayed with every seed. Replays with the same seed share the test groups, the first purchase and
    the stress, so their curves can be compared in pairs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    strategies: tuple[str, ...] = Field(
        (RANDOM, DEFAULT), description="Query strategies; the first is the baseline."
    )
    seeds: int = Field(20, ge=1, description="Number of replays of each strategy.")
    start: int = Field(50, ge=2, description="Number of images bought at random before the first model.")
    budgets: tuple[int, ...] = Field(
        (100, 150, 200, 250, 300, 350, 400, 500, 600, 700, 800, 1000, 1200, 1400, 1600),
        description="Total numbers of images bought at which a model is measured, rising.",
    )
    batch: int = Field(
        BATCH,
        ge=1,
        description="Images bought between two models. Models between two budgets choose images but are not measured.",
    )
    share_test: float = Field(
        0.2, gt=0, lt=1, description="Proportion of the groups that are test groups and never bought."
    )
    stress: Stress = Field(
        "none",
        description="duplicates: every fifth image is in the pool five times; noise: a tenth of the bought labels "
        "are wrong; rare: every class but the most common makes up at most 2 % of the pool; missing: half of the cells "
        "cannot be bought.",
    )
    pace: Pace = Field(
        DEFAULT_PACE, description="Seconds that the person needs; `fill` uses them, and minutes are counted."
    )

    whole_images: bool = Field(
        False,
        description="Features of whole images, which take a quarter of the time of the views of the face.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in self.strategies:
            query_strategy(name)
        steps = (self.start, *self.budgets)
        if any(after <= before for before, after in pairwise(steps)):
            raise ValueError("budgets must rise, from above start")
        if self.pace.image <= 0 or min(self.pace.answer, self.pace.confirmation) < 0:
            raise ValueError(
                "an image must take more than 0 seconds, an answer and a confirmation at least 0"
            )
        return self

    def purchases(self, strategy: str) -> list[int]:
        """Return the total number of images bought after each purchase. `random` needs no model between two budgets."""
        if strategy == RANDOM:
            return list(self.budgets)
        between = range(self.start + self.batch, self.budgets[-1], self.batch)
        return sorted({*self.budgets, *between})

    def as_json(self) -> dict[str, Any]:
        """Return the settings as they are saved.

        The default pace, and the default features, are left out: older plans, which have neither, keep their hash.
        """
        default = {
            name
            for name in ("pace", "whole_images")
            if getattr(self, name) == type(self).model_fields[name].default
        }
        return self.model_dump(mode="json", exclude=default)

    @property
    def hash(self) -> str:
        """The sha256 of the canonical JSON of all settings."""
        return sha256_text(canonical_json(self.as_json()))
