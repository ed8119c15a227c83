"""Apps that know nothing of us, each as it is, and under a strict policy."""

from __future__ import annotations

import sys

from flask import Flask

from htagweb_flask import htag_blueprint
from tests.apps.unaware import EXAMPLES, WIDGETS
from tests.support import ROOT

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
