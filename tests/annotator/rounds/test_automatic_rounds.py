"""A round starts automatically after enough new labels, and again after as many more."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from annotator.errors import FacelabelError
from annotator.models import Image, Round, Submission, now
from annotator.project import ProjectFolder
from annotator.services.importing.labels import import_labels
from annotator.services.rounds.jobs import (
    DEFAULT_STRATEGY,
    ENGINES,
    START_IMAGES,
    STRATEGIES,
    brings_first_suggestions,
    cancel_round,
    first_round_is_near,
    labelled_since_last_round,
    start_round,
    start_round_if_due,
)
from tests.support.projects.images import names_of
from tests.support.projects.labelling import Person
from tests.support.projects.round_results import add_finished_round

ALL = {"wrinkles": 1, "freckles": 0, "glasses": 0, "hair_color": 1, "hair_top": 2, "not_human": 0}


@pytest.fixture
def all_to_train(filled: ProjectFolder) -> ProjectFolder:
    with filled.database.write() as session:
        session.execute(update(Image).values(split="train"))
    return filled


def rounds(project: ProjectFolder) -> list[tuple[str, bool, str]]:
    with project.database.read() as session:
        return [tuple(row) for row in session.execute(select(Round.strategy, Round.automatic, Round.state))]


def end_all(project: ProjectFolder) -> None:
    with project.database.write() as session:
        session.execute(update(Round).values(state="done"))


def label(project: ProjectFolder, count: int, values: dict[str, int | None] = ALL) -> None:
    me = Person(project)
    for task in me.next(count):
        me.answer(task, values)


def test_a_round_starts_once_enough_is_labelled_and_again_after_as_much_more(all_to_train: ProjectFolder):
    label(all_to_train, START_IMAGES - 1)
    assert not start_round_if_due(all_to_train, 10)
    label(all_to_train, 1)
    assert start_round_if_due(all_to_train, 10)
    assert not start_round_if_due(all_to_train, 10), "while one is unfinished no other is queued"
    end_all(all_to_train)
    label(all_to_train, 9)
    assert not start_round_if_due(all_to_train, 10)
    label(all_to_train, 1)
    assert start_round_if_due(all_to_train, 10)
    assert rounds(all_to_train) == [(DEFAULT_STRATEGY, True, "done"), (DEFAULT_STRATEGY, True, "queued")]


def test_a_round_of_a_person_counts_and_its_strategy_is_gone_on_with(all_to_train: ProjectFolder):
    label(all_to_train, 30)
    with all_to_train.database.write() as session:
        start_round(session, "cnn", "entropy")
    end_all(all_to_train)
    assert not start_round_if_due(all_to_train, 5), "it has seen the thirty"
    label(all_to_train, 5)
    assert start_round_if_due(all_to_train, 5)
    with all_to_train.database.read() as session:
        newest = session.scalars(select(Round).order_by(Round.id.desc())).first()
        assert (newest.engine, newest.strategy, newest.automatic) == ("probe", "entropy", True)


def test_zero_means_never(all_to_train: ProjectFolder):
    label(all_to_train, 40)
    assert not start_round_if_due(all_to_train, 0)
    assert rounds(all_to_train) == []


def test_imported_labels_count_but_the_test_split_alone_is_not_enough(filled: ProjectFolder, faces: Path):
    with filled.database.write() as session:
        session.execute(update(Image).values(split="test"))
    import_labels(filled, faces / "answers.csv")
    with filled.database.write() as session:
        session.execute(update(Image).values(split="test"))
        assert labelled_since_last_round(session) == 40
        assert labelled_since_last_round(session, 7) == 7
    assert not start_round_if_due(filled, 25)


def test_shortly_before_the_first_round_the_worker_waits_for_an_answer(all_to_train: ProjectFolder):
    def is_near() -> bool:
        with all_to_train.database.read() as session:
            return first_round_is_near(session, 25)

    label(all_to_train, 19)
    assert not is_near()
    label(all_to_train, 1)
    assert is_near()
    with all_to_train.database.write() as session:
        session.execute(update(Submission).values(created_at=now() - timedelta(minutes=2)))
    assert not is_near(), "nobody is answering"
    label(all_to_train, 5)
    assert is_near()
    assert start_round_if_due(all_to_train, 25)
    assert not is_near(), "it has been queued"


def test_only_the_round_that_brings_the_first_suggestions_is_urgent(all_to_train: ProjectFolder):
    def is_urgent() -> bool:
        with all_to_train.database.read() as session:
            return brings_first_suggestions(session)

    label(all_to_train, 30)
    assert not is_urgent()
    with all_to_train.database.write() as session:
        number = start_round(session, "cnn", DEFAULT_STRATEGY).id
    assert not is_urgent(), "it takes minutes"
    with all_to_train.database.write() as session:
        cancel_round(session, number)
        start_round(session, "probe", DEFAULT_STRATEGY)
    assert is_urgent()
    add_finished_round(all_to_train, names_of(all_to_train)[0])
    assert not is_urgent()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere all threads of a process have one priority")
def test_the_thread_for_urgent_rounds_keeps_the_priority_that_the_worker_gives_up():
    code = "import os; from annotator.cli.serving import lower_priority\n"
    code += "with lower_priority() as normal: print(normal.submit(os.nice, 0).result(), os.nice(0))"
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    before = os.nice(0)
    assert printed.split() == [str(before), str(min(19, before + 10))]


def test_answers_that_nothing_can_be_learned_from_do_not_start_a_round(all_to_train: ProjectFolder):
    label(all_to_train, 40, {"glasses": None})
    assert not start_round_if_due(all_to_train, 25)


def test_the_annotator_offers_what_the_trainer_has_and_refuses_what_an_engine_cannot_serve(
    filled: ProjectFolder,
):
    from trainer.acquisition import DEFAULT
    from trainer.acquisition import STRATEGIES as QUERY_STRATEGIES
    from trainer.rounds.engines import ENGINES as TRAINED
    from trainer.rounds.engines import PROVIDES

    assert set(STRATEGIES) == set(QUERY_STRATEGIES)
    assert DEFAULT_STRATEGY == DEFAULT
    assert set(ENGINES) == set(TRAINED) == set(PROVIDES)
    label(filled, 1)
    for engine in ENGINES:
        for strategy in STRATEGIES:
            with filled.database.write() as session:
                if QUERY_STRATEGIES[strategy].needs <= PROVIDES[engine]:
                    assert start_round(session, engine, strategy).strategy == strategy
                    session.rollback()
                else:
                    with pytest.raises(
                        FacelabelError, match=f"The engine {engine} cannot run the strategy {strategy}"
                    ):
                        start_round(session, engine, strategy)
