"""The labelling web app and the dataset it keeps."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("facelabel")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0+unknown"
