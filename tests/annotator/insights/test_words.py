"""The glossary is one text: docs/words.md, which the API and the page of words show."""

import re

import requests

from annotator.domain.glossary import Term, parse_glossary
from tests.support.paths import CHECKOUT
from tests.support.serving import Server

GLOSSARY = parse_glossary((CHECKOUT / "docs/words.md").read_text(encoding="utf-8"))


def test_tables_are_read_without_heading_links_and_marks():
    text = "| word | meaning |\n|---|---|\n| a `b` | [c](d.md#e) f |\n\n| x | y | z |\n|--|--|--|\n| g | h | Of {of}. |\n| i | j | |"
    assert parse_glossary(text) == [
        Term("a b", "c f"),
        Term("g", "h", "Of {of}."),
        Term("i", "j", ""),
    ]


def test_every_word_that_a_page_explains_is_in_the_glossary():
    scripts = "".join(file.read_text("utf-8") for file in (CHECKOUT / "static/js").rglob("*.js"))
    used = set(re.findall(r"explained\(['\"](.+?)['\"], ", scripts)) | set(
        re.findall(r"word: ['\"](.+?)['\"] ?[,}]", scripts)
    )
    assert {"balanced accuracy", "Krippendorff's alpha"} <= used
    assert used <= {term.word for term in GLOSSARY if term.sentence is not None}


def test_the_api_and_the_page_show_the_whole_glossary(server: Server):
    words = server.client().get("/words")["words"]
    assert words == [{"word": t.word, "meaning": t.meaning, "sentence": t.sentence} for t in GLOSSARY]
    page = requests.get(f"{server.url}/words", timeout=60).text
    for term in GLOSSARY:
        assert term.word.replace("'", "&#39;") in page
    assert len(re.findall(r'src="/static/\w+/examples/', page)) == 26  # some show two values
