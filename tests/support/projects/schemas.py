"""The default schema, and edited versions of it."""

from dataclasses import replace

from annotator.domain.schema import Schema, parse_schema
from annotator.domain.schema_text import format_schema
from annotator.resources import resource

DEFAULT_SCHEMA = resource("attributes.toml").read_text(encoding="utf-8")
UNGUIDED_SCHEMA = format_schema(
    Schema(tuple(replace(a, guideline="", examples=()) for a in parse_schema(DEFAULT_SCHEMA).attributes)),
    DEFAULT_SCHEMA,
)
"""The default schema without guidelines and examples, into which tests write theirs."""
SUNGLASSES = '{ code = 2, name = "sunglasses" }'
MERGED_VALUE = DEFAULT_SCHEMA.replace(SUNGLASSES, '{ code = 2, name = "sunglasses", replaced_by = [1] }')
SPLIT_VALUE = DEFAULT_SCHEMA.replace(
    SUNGLASSES,
    '{ code = 2, name = "sunglasses", replaced_by = [3, 4] }, { code = 3, name = "dark" }, { code = 4, name = "tinted" }',
)
RENAMED_ATTRIBUTE = DEFAULT_SCHEMA.replace(
    'name = "glasses"\ntitle', 'name = "eyewear"\nwas = "glasses"\ntitle', 1
)
WITH_GENDER_AND_RATING = (
    DEFAULT_SCHEMA
    + """
[[attribute]]
name = "gender"
title = "Gender"
key = "s"
values = [{ code = 0, name = "male" }, { code = 1, name = "female" }]

[[attribute]]
name = "rating"
title = "Rating"
key = "r"
values = [{ code = 0, name = "1" }, { code = 1, name = "2" }, { code = 2, name = "3" }]
"""
)
"""The names of the ratings are also codes of other ratings."""
