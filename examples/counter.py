"""Two buttons and a number that survives F5, a restart of the server, and a change of worker.

Run it:   gunicorn -k gevent -w 4 counter:app
"""

from typing import Any

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint


class App(Tag.App):
    def init(self) -> None:
        # Attributes begin with "_" and "_" stands for "-": _data_test is the html attribute data-test.
        self.number = Tag.output(_data_test="value", _style="padding:1em")
        self += Tag.button("-", _onclick=self.less, _aria_label="one less", _data_test="less")
        self += self.number
        self += Tag.button("+", _onclick=self.more, _aria_label="one more", _data_test="more")
        self.show()

    def less(self, ev: Any) -> None:
        self.add_to_value(-1)

    def more(self, ev: Any) -> None:
        self.add_to_value(+1)

    def add_to_value(self, step: int) -> None:
        # `state` of the main tag is a dict that lives in the user's session. In another tag of the
        # page it is `self.root.state`.
        self.state["value"] = self.state.get("value", 0) + step
        self.show()

    def show(self) -> None:
        self.number.clear(str(self.state.get("value", 0)))  # only what changes is sent to the page


app = Flask(__name__)
app.register_blueprint(htag_blueprint(App))
