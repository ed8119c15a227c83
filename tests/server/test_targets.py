"""Every way to say which app is meant is served by the pool, and a wrong one is refused with the cure."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from htagweb_flask import ConfigError, Htag, handle, htag_blueprint
from tests.apps.desk import Desk
from tests.apps.mounted import Bell
from tests.server.desk import QUICK, SOON, Anywhere, press, word
from tests.servers import Server, serve

APP = """
from htag import Tag

class App(Tag.App):
    def init(self):
        self.count = 0
        self.shown = Tag.p({text!r}, _class="word")
        self += self.shown
        self += Tag.button("go", _onclick=self.go)

    def go(self, ev):
        self.count += 1
        self.shown.clear(f"{{self.count}} of {text}")
"""

SITE = """
from flask import Flask
from htagweb_flask import handle, htag_blueprint
import shop
import shop.pages
from shop.pages import App
from shop import Outer

app = Flask(__name__)
TARGETS = {
    "class": App, "module": shop.pages, "package": shop, "colon": "shop.pages:App", "dot": "shop.pages.App",
    "name": "shop.pages", "late": "shop.late:App", "nested": Outer.Inner, "nested_text": "shop:Outer.Inner",
}
for name, target in TARGETS.items():
    app.register_blueprint(htag_blueprint(target), url_prefix=f"/{name}")

@app.route("/view/<name>", methods=["GET", "POST"])
def view(name):
    return handle(TARGETS[name])

@app.get("/names")
def names():
    return sorted(app.blueprints)
"""

SCRIPT = """
import socket, sys
from flask import Flask
from htagweb_flask import htag_blueprint
{app}

if __name__ == "__main__":
    app = Flask(__name__)
    app.register_blueprint(htag_blueprint(App))
    if {kind!r} == "waitress":
        import waitress
        waitress.serve(app, sockets=[socket.socket(fileno=int(sys.argv[1]))])
    else:
        from werkzeug.serving import make_server
        make_server("127.0.0.1", 0, app, threaded=True, fd=int(sys.argv[1])).serve_forever()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("site")
    package = path / "shop"
    package.mkdir()
    nested = "".join(
        f"    {line}\n" for line in APP.format(text="nested").replace("App(", "Inner(", 1).splitlines()
    )
    nested = nested.replace("    from htag import Tag\n", "")
    (package / "__init__.py").write_text(f"{APP.format(text='package')}\nclass Outer:\n{nested}")
    (package / "pages.py").write_text(APP.format(text="pages"))
    (package / "late.py").write_text(APP.format(text="late"))
    (path / "shop_site.py").write_text(SITE)
    return path


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    """Its modules are found by the current folder alone, as gunicorn has it on its path."""
    env = {**QUICK, "HTAG_WORKERS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    with serve("gunicorn-gevent", "shop_site:app", workers=2, cwd=folder, env=env, options=SOON) as running:
        yield running


TARGETS = {
    "class": "pages",
    "module": "pages",
    "package": "package",
    "colon": "pages",
    "dot": "pages",
    "name": "pages",
    "late": "late",
    "nested": "nested",
    "nested_text": "nested",
}


@pytest.mark.parametrize("place", ["/{}/", "/view/{}"])
@pytest.mark.parametrize("name", TARGETS)
def test_a_target_is_served(server: Server, name: str, place: str) -> None:
    page = Anywhere(server.url).open(place.format(name))
    assert word(page) == TARGETS[name]
    press(page, "go")
    press(page, "go")
    assert word(page) == f"2 of {TARGETS[name]}"


def test_blueprints_of_one_class_have_names_of_their_own(server: Server) -> None:
    names = Anywhere(server.url).get("/names").json()
    assert len(names) == len(TARGETS)
    assert "app" in names


class Script(Server):
    """A server that is started by running a script."""

    def _command(self, fd: int) -> list[str]:
        return [sys.executable, self.target, str(fd)]


@pytest.mark.parametrize("name", ["app.py", "my-site.py"])
@pytest.mark.parametrize("kind", ["waitress", "werkzeug"])
def test_a_class_of_the_script_that_is_run(tmp_path: Path, kind: str, name: str) -> None:
    (tmp_path / name).write_text(SCRIPT.format(app=APP.format(text="script"), kind=kind))
    env = {**QUICK, "PYTHONPATH": str(Path(__file__).parents[2])}
    script = Script(kind, name, cwd=tmp_path, env=env)
    with contextlib.ExitStack() as stack:
        stack.callback(script.remove)
        stack.callback(script.stop)
        script.start()
        page = Anywhere(script.url).open("/")
        assert page.title == "App"
        press(page, "go")
        assert word(page) == "1 of script"


def test_nothing_is_started_or_written_by_a_registration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even with the settings of a site that will never be served."""
    monkeypatch.setenv("HTAG_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("HTAG_DATA_DIR", str(tmp_path / "data"))

    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("a process is started")

    monkeypatch.setattr("subprocess.Popen", forbidden)
    flask_app = Flask(__name__, instance_path=str(tmp_path / "instance"))
    flask_app.register_blueprint(htag_blueprint(Desk), url_prefix="/one")
    flask_app.register_blueprint(htag_blueprint(Bell), url_prefix="/two")
    flask_app.register_blueprint(htag_blueprint(Bell), url_prefix="/three")
    assert len(flask_app.blueprints) == 3
    assert list(tmp_path.iterdir()) == []


def local_class() -> type:
    class App(Desk):
        pass

    return App


WRONG = {
    "unknown module": ("nowhere.to_be_found:App", "no module 'nowhere.to_be_found' on sys.path"),
    "unknown package": ("nowhere:App", "no module 'nowhere' on sys.path"),
    "a sentence": ("not an app!", 'write "package.module:Class"'),
    "nothing": ("", 'write "package.module:Class"'),
    "a relative name": (".pages:App", "write it in full"),
    "a local class": (local_class(), "move the class to the top level of its module"),
    "an object": (object(), "give a Tag class"),
    "none": (None, "give a Tag class"),
    "a module without App": (contextlib, 'name the class, as in "contextlib:MyApp"'),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_target_is_refused_where_it_is_written(name: str) -> None:
    target, cure = WRONG[name]
    with pytest.raises(ConfigError) as refused:
        htag_blueprint(target)
    assert cure in str(refused.value)
    flask_app = Flask(__name__)
    with flask_app.test_request_context("/"), pytest.raises(ConfigError):
        handle(target)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"colour": "red"}, "unknown option 'colour': there are scope, "),
        ({"scope": "galaxy"}, "scope: 'galaxy' is not one of session, tab"),
        ({"workers": 0}, "workers: 0 is below 1"),
        ({"debug": "perhaps"}, "debug: 'perhaps' is neither true nor false"),
        ({"transport": "pigeon"}, "not one of auto, sse, longpoll, none"),
        ({"broker": "tcp"}, "unknown option 'broker'"),
    ],
)
def test_a_wrong_option_is_refused_where_it_is_written(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        htag_blueprint(Desk, **options)
    assert told in str(refused.value)


def test_an_extension_is_initialised_once() -> None:
    flask_app = Flask(__name__)
    Htag(flask_app)
    with pytest.raises(ConfigError, match="twice"):
        Htag().init_app(flask_app)
