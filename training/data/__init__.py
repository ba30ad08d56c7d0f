"""From a folder of images to one array of pixels: lint -> decode -> split -> cache."""

from training.data.dataset import ImageSet, prepare
from training.data.errors import DataError
from training.data.report import LintReport

__all__ = ["DataError", "ImageSet", "LintReport", "prepare"]
