"""Words that mean the same in names of attributes and values. Proposals use them, for a person to check; exact matches do not."""

from __future__ import annotations

SYNONYMS = {
    # people
    "f": "female", "woman": "female", "women": "female", "girl": "female", "lady": "female",
    "m": "male", "man": "male", "men": "male", "boy": "male", "sex": "gender",
    # what they wear
    "eyeglasses": "glasses", "spectacles": "glasses", "specs": "glasses", "eyewear": "glasses",
    "shades": "sunglasses", "sunglass": "sunglasses", "moustache": "mustache", "cap": "hat", "headwear": "hat",
    # colours
    "grey": "gray", "colour": "color", "colours": "color", "blonde": "blond", "brunette": "brown", "ginger": "red",
    # words without meaning
    "wearing": "", "wears": "", "has": "", "with": "", "a": "", "an": "", "the": "", "or": "", "and": "", "is": "",
    # the months: a spreadsheet turns the range 4-6 into the date 06-Apr
    "jan": "1", "feb": "2", "mar": "3", "apr": "4", "may": "5", "jun": "6", "jul": "7", "aug": "8", "sep": "9",
    "oct": "10", "nov": "11", "dec": "12",
}  # fmt: skip
"""The word that each word is replaced by before two names are compared; "" drops it."""
