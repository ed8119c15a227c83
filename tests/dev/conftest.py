"""The patience of the tests in Chromium is that of tests/web."""

from tests.web import conftest  # noqa: F401
