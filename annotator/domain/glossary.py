"""The glossary: the tables of docs/words.md, which the page of words and the explanations of metrics read too."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_RULE = re.compile(r"\|[-| ]+\|")


@dataclass(frozen=True)
class Term:
    """A word of the glossary.

    Args:
        word: the word.
        meaning: what it means, in a phrase.
        sentence: of a metric: sentences with placeholders such as {value}, which a page fills with the number at hand;
            None: the word is no metric.
    """

    word: str
    meaning: str
    sentence: str | None = None


def parse_glossary(text: str) -> list[Term]:
    """Read the words of all Markdown tables in a text; a table with a third column lists metrics.

    Args:
        text: Markdown. The first row of each table is its heading; links and code marks are left out.
    """
    terms = []
    lines = text.splitlines()
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("|") and not _RULE.fullmatch(line) and not _RULE.fullmatch(below):
            word, meaning, *rest = (_plain(cell) for cell in line.strip("|").split("|"))
            terms.append(Term(word, meaning, rest[0] if rest else None))
    return terms


def _plain(cell: str) -> str:
    return _LINK.sub(r"\1", cell).replace("`", "").strip()
