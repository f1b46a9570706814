"""Metrics of a team: pace, agreement with gold images and with each other."""

import numpy as np
import pytest

from annotator.domain.metrics.noise_ceiling import NoiseCounts, ceiling_text
from annotator.domain.metrics.statistics import Proportion
from annotator.project import ProjectFolder
from annotator.services.team.metrics import TeamMetrics, compute_team_metrics
from tests.support.projects.labelling import ALL, Person
from tests.support.projects.team import answer_everything, make_gold_images, set_team_settings


def read_metrics(project: ProjectFolder) -> TeamMetrics:
    with project.database.read() as session:
        return compute_team_metrics(session)


def test_an_interval_of_a_share_is_wilsons():
    # Newcombe (1998), Stat. Med. 17:857-872, table I, method 3: 81 of 263 and 0 of 20.
    assert Proportion(81, 263).interval == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert Proportion(0, 20).interval == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert Proportion(1, 29).interval == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_each_labeller_is_measured_by_gold_and_by_the_others(filled: ProjectFolder):
    set_team_settings(filled, overlap_share=1.0, overlap_opinions=2, gold_share=0.5)
    make_gold_images(filled, 1, 2, 3, 4)
    ada, bob = Person(filled, "Ada"), Person(filled, "Bob")
    answer_everything([ada])
    answer_everything([bob], glasses=1)
    team = read_metrics(filled).labellers
    assert team.keys() == {ada.id, bob.id}
    assert team[ada.id].gold.value == 1
    assert team[bob.id].gold.value == pytest.approx(5 / 6)
    assert team[bob.id].others.value == pytest.approx(5 / 6)
    by_name = {metrics.attribute: metrics for metrics in read_metrics(filled).attributes}
    assert by_name["wrinkles"].percent.value == 1
    assert by_name["glasses"].percent.value == 0
    assert by_name["glasses"].images >= 36
    assert [pair[:2] for pair in by_name["glasses"].cohen] == [("Ada", "Bob")]
    assert by_name["identity"].images == 0
    noise = by_name["glasses"].noise
    assert np.array(noise.pairs).sum() == np.array(noise.pairs)[[1, 2], [2, 1]].sum() >= 36, (
        "one said 1, one 2"
    )
    assert np.array(noise.gold).sum() == 8, "two people answered four gold images"
    assert by_name["wrinkles"].noise.pairs[0][0] == np.array(by_name["wrinkles"].noise.pairs).sum()


def test_noise_says_what_a_perfect_model_could_score():
    noise = NoiseCounts([0, 1], [[0, 0], [0, 0]], [[60, 6], [6, 48]])
    ceiling = noise.ceiling({0: 300, 1: 250})
    assert (ceiling.source, ceiling.answers) == ("pairs", 120)
    assert 0.93 < ceiling.balanced_accuracy.value < 0.96
    text = ceiling_text(ceiling, ["none", "glasses"])
    assert "a perfect model would reach a balanced accuracy of about 0.9" in text
    assert "by 120 images that several people answered" in text
    by_gold = NoiseCounts([0, 1], [[60, 0], [0, 0]], noise.pairs).ceiling({0: 300, 1: 250})
    assert by_gold.source == "gold"
    assert ceiling_text(by_gold, ["none", "glasses"]).endswith("None of these shows glasses.")
    assert NoiseCounts([0, 1], [[9, 1], [0, 9]], [[9, 1], [0, 9]]).ceiling({0: 5}) is None


def test_pace_and_suggestions_count_answers_that_were_not_undone(filled: ProjectFolder):
    me = Person(filled)
    for number, (task, milliseconds) in enumerate(zip(me.next(4), (1000, 2000, 9000, 60_000), strict=True)):
        me.answer(
            task,
            ALL,
            key=f"a{number}",
            milliseconds=milliseconds,
            accepted=frozenset({"wrinkles", "freckles"}),
            corrected=frozenset({"glasses"}),
        )
    me.undo("a3")
    mine = read_metrics(filled).labellers[me.id]
    assert (mine.images, mine.answers, mine.seconds) == (3, 18, 2.0)
    assert (mine.accepted, mine.corrected) == (6, 3)
    assert (mine.gold, mine.others) == (None, None)


def test_nobody_has_metrics_before_the_first_answer(project: ProjectFolder):
    team = read_metrics(project)
    assert team.labellers == {}
    assert {metrics.images for metrics in team.attributes} == {0}
    assert all(metrics.alpha.value is None and metrics.alpha.reason for metrics in team.attributes)
