"""Where the files that are not Python are: templates, static files, migrations.

In a checkout they stand at the top level, in an installed wheel inside this package.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """The folder `templates`, `static` or `alembic`, or the file `attributes.toml`."""
    installed = _PACKAGE / name
    return installed if installed.exists() else _PACKAGE.parent / name
