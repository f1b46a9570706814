"""The default schema, and changes of it."""

from annotator.resources import resource

DEFAULT = resource("attributes.toml").read_text(encoding="utf-8")
SUN = '{ code = 2, name = "sunglasses" }'
MERGED = DEFAULT.replace(SUN, '{ code = 2, name = "sunglasses", replaced_by = [1] }')
SPLIT = DEFAULT.replace(
    SUN,
    '{ code = 2, name = "sunglasses", replaced_by = [3, 4] }, { code = 3, name = "dark" }, { code = 4, name = "tinted" }',
)
RENAMED = DEFAULT.replace('name = "glasses"\ntitle', 'name = "eyewear"\nwas = "glasses"\ntitle', 1)
