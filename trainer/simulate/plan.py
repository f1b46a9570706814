"""What is simulated: fixed, hashed and written down before the first label is bought."""

from itertools import pairwise
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trainer.acquisition import DEFAULT, rule
from trainer.acquisition.group_constraint import BATCH
from trainer.runtime.files import canonical_json, sha256_text

Stress = Literal["none", "duplicates", "noise", "rare", "missing"]
RANDOM = "random"
"""The baseline: uniform over images, without the shares, the batches and the models between them that a round has."""


class Plan(BaseModel):
    """The settings of a simulation; one object is the command line and the saved file.

    Every strategy is replayed with every seed. Replays with the same seed share the people of the test set, the images
    bought first and the disturbance, so that their curves can be compared in pairs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    strategies: tuple[str, ...] = Field(
        (RANDOM, DEFAULT), description="Acquisition rules; the first is the baseline."
    )
    seeds: int = Field(20, ge=1, description="How many replays of each strategy.")
    start: int = Field(50, ge=2, description="Images bought at random before the first model.")
    budgets: tuple[int, ...] = Field(
        (100, 150, 200, 250, 300, 350, 400, 500, 600, 700, 800, 1000, 1200, 1400, 1600),
        description="Images bought in all whenever a model is measured, rising.",
    )
    batch: int = Field(
        BATCH,
        ge=1,
        description="Images bought between two models; those between the budgets choose and are not measured.",
    )
    share_test: float = Field(
        0.2, gt=0, lt=1, description="Share of the groups that are measured on and never bought."
    )
    stress: Stress = Field(
        "none",
        description="duplicates: every fifth image stands in the pool five times; noise: a tenth of the bought answers "
        "are wrong; rare: of every class but the commonest only 2 % of the pool are left; missing: half of the cells "
        "cannot be bought.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in self.strategies:
            rule(name)
        steps = (self.start, *self.budgets)
        if any(after <= before for before, after in pairwise(steps)):
            raise ValueError("budgets must rise, from above start")
        return self

    def purchases(self, strategy: str) -> list[int]:
        """How many images are bought in all after each purchase. `random` asks no model, so it buys from budget to budget."""
        if strategy == RANDOM:
            return list(self.budgets)
        between = range(self.start + self.batch, self.budgets[-1], self.batch)
        return sorted({*self.budgets, *between})

    @property
    def hash(self) -> str:
        """sha256 of the canonical JSON of all settings."""
        return sha256_text(canonical_json(self.model_dump(mode="json")))
