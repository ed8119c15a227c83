"""The names of apps that know nothing of us: those of examples/, and with htag 1 the widgets of htbulma and
htagui."""

from __future__ import annotations

from tests.apps.web_kit import GENERATION

EXAMPLES = ("counter:App", "generators:App", "moved:App", "two_apps:Dice", "two_apps:Likes",
            "showcase:App")  # fmt: skip
WIDGETS = (
    tuple(f"tests.apps.widgets_{library}:{page}" for library in ("bulma", "gui") for page in ("Demo", "More"))
    if GENERATION == 1
    else ()
)
