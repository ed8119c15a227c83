"""What the app of the tests of parano says, and nobody on the way may see."""

from __future__ import annotations

SECRETS = {
    name: f"secret-of-the-{name}-7531"
    for name in ("title", "page", "query", "click", "answer", "push", "upload", "trace", "state")
}

MUCH = 3_000_000  # letters of a large answer
