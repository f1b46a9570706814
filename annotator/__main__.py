"""`python -m annotator` is the command `facelabel`."""

from annotator.cli import main

main()
