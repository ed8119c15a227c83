"""For the tests in Chromium: this machine may be busy, so what is waited for may take its time."""

from __future__ import annotations

from playwright.sync_api import expect

expect.set_options(timeout=20_000)
