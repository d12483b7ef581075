"""Sample documents of an invented company, for the demo and the tests."""

from importer.demo.letter import DemoError
from importer.demo.samples import Sample, write_samples

__all__ = ["DemoError", "Sample", "write_samples"]
