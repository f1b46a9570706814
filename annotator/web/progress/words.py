"""The page of words, and the API from which pages explain their metrics. Both read docs/words.md."""

from __future__ import annotations

from functools import cache

from flask import Blueprint

from annotator.domain.glossary import Term, parse_glossary
from annotator.resources import resource
from annotator.services.schema.active import active_schema
from annotator.services.schema.example_images import example_images
from annotator.web.http.context import context
from annotator.web.http.contracts import Answer, answers, spec
from annotator.web.http.media import example_url
from annotator.web.http.pages import render_page

words = Blueprint("words", __name__)


class TermOut(Answer):
    """A word of docs/words.md; `sentence` has placeholders such as {value}, and is null if the word is no metric."""

    word: str
    meaning: str
    sentence: str | None


class WordsOut(Answer):
    """All words, in the order of docs/words.md."""

    words: list[TermOut]


@cache
def _glossary() -> tuple[Term, ...]:
    return tuple(parse_glossary(resource("docs/words.md").read_text(encoding="utf-8")))


@words.get("/api/v1/words")
@spec.validate(resp=answers(HTTP_200=WordsOut), tags=["health"])
def list_words() -> WordsOut:
    """What the words mean, and the sentence in which a page tells a metric's number."""
    return WordsOut(words=[TermOut.model_validate(term) for term in _glossary()])


@words.get("/words")
def words_page() -> str:
    """The page of words: the schema's guidelines with their examples, the metrics, and all other words."""
    with context().project.database.read() as session:
        schema = active_schema(session).schema
        hashes = example_images(session, schema)
    terms = _glossary()
    return render_page(
        "words",
        attributes=schema.attributes,
        example_url=lambda example: example_url(example.image, hashes),
        metrics=[term for term in terms if term.sentence is not None],
        terms=[term for term in terms if term.sentence is None],
    )
