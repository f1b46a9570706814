"""Folders that tests read: the checkout and the development data beside it."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SHARED_DATA = CHECKOUT.parent / "shared" / "data"
"""Real images and labels for development; tests that need them have the marker `shared`."""
