"""Apps that know nothing of us, each as it is, and under a strict policy: those of examples/, and with htag 1
the widgets of htbulma and htagui."""

from __future__ import annotations

import sys

from flask import Flask

from htagweb_flask import htag_blueprint
from tests.apps.web_kit import GENERATION
from tests.support import ROOT

EXAMPLES = ("counter:App", "generators:App", "moved:App", "two_apps:Dice", "two_apps:Likes",
            "showcase:App")  # fmt: skip
WIDGETS = ("tests.apps.widgets_bulma:Demo", "tests.apps.widgets_gui:Demo") if GENERATION == 1 else ()

sys.path += [f"{ROOT}/examples", f"{ROOT}/examples/demo"]
app = Flask(__name__)
app.config["HTAG_WORKERS"] = 1
for target in (*EXAMPLES, *WIDGETS):
    for csp in ("default", "strict"):
        attacked = csp == "strict" and target in WIDGETS
        shown = target.replace(":Demo", ":Attacked") if attacked else target
        name = target.replace(":", "-").replace(".", "-")
        app.register_blueprint(
            htag_blueprint(shown, name=f"{csp}-{name}", csp=csp), url_prefix=f"/{csp}/{target}"
        )
