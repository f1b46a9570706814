"""Whether an answer becomes the label of its cell: the whole table of ways, labels, leases and images."""

from itertools import product

import pytest

from annotator.domain.precedence import CellState, Holder, KeptAs, Owner, Way, decide, owner_of
from annotator.domain.states import Origin

KEPT_AS = {"label": KeptAs.LABEL, "opinion": KeptAs.OPINION, "nothing": KeptAs.NOTHING}
WAYS = {"answer": Way.ANSWER, "bulk": Way.BULK, "people": Way.PEOPLE}
WAYS |= {"correction": Way.CORRECTION, "decision": Way.DECISION, "import": Way.IMPORT}
OWNERS = {"none": Owner.NOBODY, "own": Owner.LABELLER, "other's": Owner.OTHER}
OWNERS |= {"import": Owner.IMPORT, "reviewer": Owner.REVIEWER}
HOLDERS = {"free": Holder.NOBODY, "own": Holder.LABELLER, "other's": Holder.OTHER}
IMAGES = {
    "open": (False, False),
    "done": (True, False),
    "done by others": (True, True),
}
"""Whether the image is done, and whether somebody else answered in it by then."""

# fmt: off
TABLE = """
way         | label    | lease   | image          | fixed | blind | kept as
------------|----------|---------|----------------|-------|-------|---------
decision    | *        | *       | *              | *     | *     | label

correction  | none     | *       | *              | *     | *     | label
correction  | own      | *       | *              | *     | *     | label
correction  | other's  | *       | *              | *     | *     | label
correction  | import   | *       | *              | *     | *     | label
correction  | reviewer | *       | *              | *     | *     | opinion

import      | none     | *       | *              | *     | *     | label
import      | import   | *       | *              | *     | *     | label
import      | own      | *       | *              | *     | *     | nothing
import      | other's  | *       | *              | *     | *     | nothing
import      | reviewer | *       | *              | *     | *     | nothing

answer      | reviewer | *       | *              | *     | *     | opinion
answer      | other's  | *       | *              | *     | *     | opinion
answer      | none     | other's | *              | *     | *     | opinion
answer      | none     | own     | *              | *     | *     | label
answer      | none     | free    | open           | *     | *     | label
answer      | none     | free    | done           | *     | *     | label
answer      | none     | free    | done by others | *     | *     | opinion
answer      | own      | other's | *              | *     | *     | opinion
answer      | own      | own     | *              | no    | *     | label
answer      | own      | own     | *              | yes   | *     | opinion
answer      | own      | free    | open           | no    | *     | label
answer      | own      | free    | done           | no    | *     | label
answer      | own      | free    | done by others | no    | *     | opinion
answer      | own      | free    | *              | yes   | *     | opinion
answer      | import   | other's | *              | *     | *     | opinion
answer      | import   | own     | open           | no    | *     | label
answer      | import   | free    | open           | no    | *     | label
answer      | import   | own     | open           | yes   | *     | opinion
answer      | import   | free    | open           | yes   | *     | opinion
answer      | import   | own     | done           | *     | *     | opinion
answer      | import   | free    | done           | *     | *     | opinion
answer      | import   | own     | done by others | *     | *     | opinion
answer      | import   | free    | done by others | *     | *     | opinion

bulk        | *        | *       | *              | *     | yes   | opinion
bulk        | reviewer | *       | *              | *     | no    | opinion
bulk        | other's  | *       | *              | *     | no    | opinion
bulk        | none     | other's | *              | *     | no    | opinion
bulk        | none     | own     | *              | *     | no    | label
bulk        | none     | free    | open           | *     | no    | label
bulk        | none     | free    | done           | *     | no    | label
bulk        | none     | free    | done by others | *     | no    | opinion
bulk        | own      | other's | *              | *     | no    | opinion
bulk        | own      | own     | *              | no    | no    | label
bulk        | own      | own     | *              | yes   | no    | opinion
bulk        | own      | free    | open           | no    | no    | label
bulk        | own      | free    | done           | no    | no    | label
bulk        | own      | free    | done by others | no    | no    | opinion
bulk        | own      | free    | *              | yes   | no    | opinion
bulk        | import   | other's | *              | *     | no    | opinion
bulk        | import   | own     | open           | no    | no    | label
bulk        | import   | free    | open           | no    | no    | label
bulk        | import   | own     | open           | yes   | no    | opinion
bulk        | import   | free    | open           | yes   | no    | opinion
bulk        | import   | own     | done           | *     | no    | opinion
bulk        | import   | free    | done           | *     | no    | opinion
bulk        | import   | own     | done by others | *     | no    | opinion
bulk        | import   | free    | done by others | *     | no    | opinion

people      | reviewer | *       | *              | *     | *     | opinion
people      | other's  | *       | *              | *     | *     | opinion
people      | none     | other's | *              | *     | *     | opinion
people      | none     | own     | *              | *     | *     | label
people      | none     | free    | *              | *     | *     | label
people      | own      | other's | *              | *     | *     | opinion
people      | own      | own     | *              | no    | *     | label
people      | own      | free    | *              | no    | *     | label
people      | own      | own     | *              | yes   | *     | opinion
people      | own      | free    | *              | yes   | *     | opinion
people      | import   | other's | *              | *     | *     | opinion
people      | import   | own     | open           | no    | *     | label
people      | import   | free    | open           | no    | *     | label
people      | import   | own     | open           | yes   | *     | opinion
people      | import   | free    | open           | yes   | *     | opinion
people      | import   | own     | done           | *     | *     | opinion
people      | import   | free    | done           | *     | *     | opinion
people      | import   | own     | done by others | *     | *     | opinion
people      | import   | free    | done by others | *     | *     | opinion
"""
# fmt: on

ROWS = [[cell.strip() for cell in line.split("|")] for line in TABLE.strip().splitlines()[2:] if line.strip()]
YES = {"yes": True, "no": False}


@pytest.mark.parametrize("way", WAYS)
def test_every_combination_has_one_row_and_its_outcome(way: str):
    for combination in product([way], OWNERS, HOLDERS, IMAGES, YES, YES):
        rows = [
            row
            for row in ROWS
            if all(expected in {"*", given} for expected, given in zip(row[:-1], combination, strict=True))
        ]
        assert len(rows) == 1, combination
        _, label, lease, image, fixed, blind = combination
        done, finished_by_other = IMAGES[image]
        cell = CellState(OWNERS[label], HOLDERS[lease], done, YES[fixed], YES[blind], finished_by_other)
        assert decide(cell, WAYS[way]) is KEPT_AS[rows[0][-1]], combination


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("origin", list(Origin))
def test_a_label_belongs_to_who_made_it_unless_a_reviewer_or_a_file_did(origin: Origin, own: bool):
    fixed = {Origin.REVIEW: Owner.REVIEWER, Origin.IMPORT: Owner.IMPORT}
    assert owner_of(origin, own=own) is fixed.get(origin, Owner.LABELLER if own else Owner.OTHER)
