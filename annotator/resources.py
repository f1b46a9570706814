"""The places of files that are not Python: templates, static files, migrations.

In a checkout they are at the top level, in an installed wheel inside this package.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """Return the path of the folder `templates`, `static` or `alembic`, or of a file such as `attributes.toml` or `docs/words.md`."""
    installed = _PACKAGE / name
    return installed if installed.exists() else _PACKAGE.parent / name
