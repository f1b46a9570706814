"""The process that finds out why a model suggests a value. The web process never computes with tensors itself.

It is started by the first question, answers in a tenth of a second once the model is loaded, and ends after two idle minutes.
The answers are kept in memory only, so that nothing of an image remains in the project when the image is erased.
"""

from __future__ import annotations

import json
import logging
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from threading import Condition, Thread
from typing import Any

from sqlalchemy import select

from annotator.child_process import AnsweringProcess
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.store.bucket import StoreUnreachable

IDLE_SECONDS = 120.0
KEPT = 256
"""Answers that are kept in memory, about 30 kB each."""
FAILED = "The trainer could not look at the image; the server's log says why."

_log = logging.getLogger("facelabel")


@dataclass(frozen=True)
class Question:
    """Why a model suggests a value; the fields are those of trainer/reports/reasons.py."""

    model: str
    snapshot: str
    sha256: str
    attribute: str
    code: int


@dataclass(frozen=True)
class Findings:
    """What the trainer found; the fields are those of trainer/reports/reasons.py. `similar`: sha256, code and similarity."""

    pictures: dict[str, str]
    pictures_missing: str
    similar: list[tuple[str, int, float]]
    similar_missing: str


class Explainer:
    """Asks the process, one question after the other.

    Args:
        project: the project.
    """

    def __init__(self, project: ProjectFolder) -> None:
        self._project = project
        self._changed = Condition()
        self._questions: deque[Question] = deque()
        self._answers: OrderedDict[Question, Findings] = OrderedDict()
        self._thread: Thread | None = None
        self._process: AnsweringProcess | None = None
        self._closed = False

    def ask(self, question: Question) -> Findings | None:
        """Return the answer; None while it is being found. Returns at once: ask again."""
        with self._changed:
            if question in self._answers:
                self._answers.move_to_end(question)
                findings = self._answers[question]
                if findings.pictures_missing == FAILED:
                    del self._answers[question]  # the next time, it is tried again
                return findings
            if question not in self._questions and not self._closed:
                self._questions.append(question)
                if self._thread is None:
                    self._thread = Thread(target=self._run, name="explainer", daemon=True)
                    self._thread.start()
                self._changed.notify()
            return None

    def close(self) -> None:
        """End the process."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            process, thread = self._process, self._thread
        if process is not None:
            process.end()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        """Answer questions until none comes for a while. This thread starts the process, which ends with it."""
        while question := self._next():
            findings = self._answer(question)
            with self._changed:
                self._answers[question] = findings
                while len(self._answers) > KEPT:
                    self._answers.popitem(last=False)
                self._questions.popleft()

    def _next(self) -> Question | None:
        with self._changed:
            if (
                self._changed.wait_for(lambda: self._questions or self._closed, IDLE_SECONDS)
                and not self._closed
            ):
                return self._questions[0]
            self._thread = None
            process, self._process = self._process, None
        if process is not None:
            process.end()
        return None

    def _answer(self, question: Question) -> Findings:
        try:
            with self._changed:
                if self._process is None:
                    arguments = ["explain-suggestions", "--cache", str(self._project.cache)]
                    self._process = AnsweringProcess("trainer", arguments)
                process = self._process
            with self._file_here(question.sha256):
                return _findings(json.loads(process.ask(json.dumps(asdict(question)))))
        except StoreUnreachable as error:
            _log.warning("a suggestion could not be explained: %s", error.what)
            return Findings({}, FAILED, [], FAILED)
        except (OSError, EOFError, KeyError, TypeError, ValueError) as error:
            if not self._closed:
                _log.error("a suggestion could not be explained: %r", error)
            with self._changed:
                process_ended, self._process = self._process, None
            if process_ended is not None:
                process_ended.end()
            return Findings({}, FAILED, [], FAILED)

    @contextmanager
    def _file_here(self, sha256: str) -> Iterator[None]:
        """Keep the image's file on this machine while the process reads it."""
        if not self._project.stores.url:
            yield
            return
        with self._project.database.read() as session:
            extension = session.scalar(select(Image.extension).where(Image.sha256 == sha256)) or ""
        with self._project.stores.images.local_path(sha256, extension):
            yield


def _findings(answer: dict[str, Any]) -> Findings:
    similar = [(face["sha256"], face["code"], face["similarity"]) for face in answer["similar"]]
    return Findings(answer["pictures"], answer["pictures_missing"], similar, answer["similar_missing"])
