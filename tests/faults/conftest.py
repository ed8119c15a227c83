"""Fixtures of the tests of faults."""

from tests.server.conftest import short_folder  # noqa: F401
