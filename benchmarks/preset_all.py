"""The default preset on real faces with all labelled images of the people who are not set aside: hours of processor time."""

from benchmarks.preset import trained
from benchmarks.support.report import Figures, Size


def measure(size: Size) -> Figures:
    return {"preset default, all images": trained(size, None)}
