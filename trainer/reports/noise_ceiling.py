"""The table of what a perfect model could score on noisy labels, for the terminal, pages and other programs."""

from dataclasses import asdict
from typing import Any

from trainer.data.snapshot import Snapshot
from trainer.reports.numbers import format_interval
from trainer.stats.noise_ceiling import ENOUGH, Estimate, NoiseCeiling

HEADER = ["attribute", "source", "answers", "balanced accuracy", "accuracy", "note"]
SOURCES = {"checked": "checked labels", "gold": "answers to gold images", "pairs": "pairs of answers"}


def ceiling_rows(snapshot: Snapshot, ceilings: dict[str, NoiseCeiling]) -> list[list[str]]:
    """Return a row of `HEADER` per categorical attribute: what a perfect model would score, with 95 % intervals."""
    rows = []
    for attribute in snapshot.categorical:
        ceiling = ceilings.get(attribute.name)
        if ceiling is None:
            rows.append([attribute.name, "–", "", "–", "–", f"fewer than {ENOUGH} answers to compare"])
            continue
        unseen = ", ".join(attribute.values[index].name for index in ceiling.unseen)
        rows.append(
            [
                attribute.name,
                SOURCES[ceiling.source],
                f"{ceiling.answers:,}",
                _text(ceiling.balanced_accuracy),
                _text(ceiling.accuracy),
                f"nothing is known of {unseen}" if unseen else "",
            ]
        )
    return rows


def ceiling_json(snapshot: Snapshot, ceilings: dict[str, NoiseCeiling]) -> dict[str, Any]:
    """Return the ceilings as JSON values; `unseen` holds codes, and an attribute without an estimate is null."""
    return {
        attribute.name: asdict(ceilings[attribute.name])
        | {"unseen": [attribute.codes[index] for index in ceilings[attribute.name].unseen]}
        if attribute.name in ceilings
        else None
        for attribute in snapshot.categorical
    }


def _text(estimate: Estimate | None) -> str:
    return "–" if estimate is None else format_interval(estimate.value, (estimate.low, estimate.high))
