"""Words that confused readers do not come back, neither in text nor as a part of a name."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.support.paths import CHECKOUT

SCANNED = ("annotator", "trainer", "static", "templates", "docs", "tests", "README.md", "FORMATS.md")
SUFFIXES = {".py", ".js", ".css", ".html", ".md", ".toml"}
LOGS = {"docs/lab", "tests/test_words.py"}
"""Records of experiments keep the words of their day; this list has to name the words."""

GONE = {
    # names
    "acquisition rules?|query rules?|rules? of acquisition": "query strategy",
    "asking again": "relabelling",
    "bound process(es)?": "child process",
    "def macro balanced accuracy": "nothing: only its test used it",
    "doubt(s|ed|ful|fully|ing)?": "uncertainty, uncertain",
    "evidence": "logits",
    "features ahead": "feature warm-up",
    "figures": "metrics, numbers; charts if they are pictures",
    r"foreign(?! ?keys?\b)": "source, another tool's",
    "frame wish(es)?": "frame request",
    "import rooms?": "scratch folder",
    "in force": "active, current",
    "kept figures": "cached statistics",
    "labelling facts?": "provenance",
    "look(s|ed|ing)? into": "analyse",
    "mend(s|ed|ing)?": "fix",
    "pool points?": "embeddings",
    "shares of (the )?class(es)?|class shares": "class priors",
    "starts like|ledger lines|check ledger|descriptor values": "nothing: the product did not use them",
    "twins?": "near-duplicate",
    "ways? out": "export formats",
    r"(leave|leaves|left|leaving|set|sets|setting)( \w+){0,2}? aside": "ignored",
    r"(put|puts|putting)( \w+){0,2}? aside": "skipped",
    r"(take|takes|taken|taking|took)( \w+){0,3}? back": "undo, undone",
    # pages
    "(change|changes|changing) its mind": "predictions are still changing",
    "(earlier|later) names": "Previous, Next",
    "even so": "anyway",
    "if it stays": "if it happens again",
    # prose
    "(chosen|drawn|every open cell) by chance": "at random",
    "(is|are) not waited for": "does not delay",
    "as probable as": "with the probability of",
    "by (itself|themselves)": "automatically; alone",
    "by what is known": "as far as is known",
    "manieth": "every n-th",
    "none given: 0": "default:",
    "of (its|their|his|our|one's) own": "its own; separate",
    "such that": "so that",
    r"the \w+est first": "newest first, largest first",
    "whoever": "anyone who, the user who",
    # words of earlier module names
    "parts? them again": "separates them again",
    "head start": "probe initialisation",
    "photo cuts?": "head crops",
    "learned features": "features of a fine-tuned network",
    r"unlike \$?\{?\d": "similarity, as a number",
}
"""What must not occur, and what to write instead. `ways? out` also finds ways_out, waysOut and WaysOut."""

KEPT = (
    "asked_again",  # a table
    "kept_figures",  # a table
    "twin_of",  # a column of images, and a key of the API
    '"twins"',  # a key of `facelabel groups --json`
    "left_aside",  # a key of the API's import reports
    "even[-_]so",  # a key of the API, and an option of `facelabel splits`
    """["']doubtful["']""",  # a value of the API
    '"figures"',  # a key of the API
    """figures/|/ "figures"|"figures"\\)""",  # a folder of the trainer's reports
    "(?i)take[-_ ]?back",  # a command, a table, a path of the API
    "wrong, the surest first",  # a key of its faces.json
    "figures: (FiguresOut|metrics)|figures=_metrics|FiguresOut|honesty.FIGURES",  # the same key in code
)
"""Names that users and files rely on: formats, tables, the API and commands keep them."""


@cache
def words_by_file() -> dict[str, str]:
    """The text of every file in lower case, with the parts of names as words of their own."""
    texts = {}
    for root in SCANNED:
        folder = CHECKOUT / root
        for file in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
            name = file.relative_to(CHECKOUT).as_posix()
            if file.suffix in SUFFIXES and not any(name == log or name.startswith(f"{log}/") for log in LOGS):
                texts[name] = separate(file)
    return texts


def separate(file: Path) -> str:
    """The words of a file, without the names that are KEPT."""
    text = file.read_text(encoding="utf-8")
    for name in KEPT:
        text = re.sub(name, "", text)
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return re.sub(r"[_-]", " ", text).lower()


def places(words: str) -> list[str]:
    """Every place where words occur, also across the lines of a comment."""
    pattern = re.compile(r"\b(?:" + words.replace(" ", r"[\s#*/]+") + r")\b")
    lines = []
    for name, text in words_by_file().items():
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            lines.append(f"{name}:{line}")
    return lines


@pytest.mark.parametrize("words", GONE)
def test_a_word_that_was_replaced_does_not_come_back(words: str):
    assert places(words) == [], f"write {GONE[words]}"
