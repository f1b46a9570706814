"""Splits are a function of the group and the seed alone."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from annotator.domain.grouping.splits import SplitRule


@given(st.lists(st.text(min_size=1), unique=True), st.integers(0, 2**31))
def test_adding_groups_never_moves_an_old_one(groups: list[str], seed: int):
    rule = SplitRule(seed)
    before = {group: rule.split_of(group) for group in groups}
    for extra in range(20):
        rule.split_of(f"new:{extra}")
    assert {group: rule.split_of(group) for group in reversed(groups)} == before


def test_the_rule_is_that_of_the_format():
    position = int(hashlib.sha256(b"7:identity:17").hexdigest()[:16], 16) / 2**64
    assert SplitRule(7, share_test=position + 1e-9).split_of("identity:17") == "test"
    assert SplitRule(7, share_test=0, share_val=position + 1e-9).split_of("identity:17") == "val"
    assert SplitRule(7, share_test=0, share_val=position - 1e-9).split_of("identity:17") == "train"


def test_the_splits_have_the_requested_shares():
    splits = [SplitRule().split_of(f"identity:{i}") for i in range(20_000)]
    assert abs(splits.count("test") / 20_000 - 0.10) < 0.01
    assert abs(splits.count("val") / 20_000 - 0.15) < 0.01
