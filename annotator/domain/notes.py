"""Notes that people write beside an image: plain text of a limited length."""

from __future__ import annotations

import unicodedata

from annotator.errors import FacelabelError

MAX_NOTE = 500


def clean_note(text: str, *, needed: bool = True) -> str:
    """Clean a note: plain text, in which new lines and tabs are the only control characters.

    Args:
        text: the note.
        needed: whether it must have a character.

    Raises:
        FacelabelError: if the note is empty although it is needed, too long, or not plain text.
    """
    note = unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()
    if len(note) > MAX_NOTE or (needed and not note):
        fewest = 1 if needed else 0
        raise FacelabelError(
            "bad_note", f"A note needs {fewest} to {MAX_NOTE} characters.", do="Send a note of that length."
        )
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in note if character not in "\n\t"):
        raise FacelabelError("bad_note", "A note cannot hold control characters.", do="Send plain text.")
    return note
