"""Tokens, at the endpoints of a Flask app without a pool behind it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, current_app, session

from htagweb_flask import htag_blueprint
from htagweb_flask.brokers.base import Broker, Slot, Watch
from htagweb_flask.protocol import (
    Batch,
    Current,
    Delta,
    Done,
    Interact,
    Leave,
    Message,
    Page,
    Patched,
    Poll,
    Render,
)


class Shop:
    """Stands for an app."""


class FakePool(Broker):
    """Answers everything, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Message] = []
        self.told: list[Message] = []

    def call(self, slot: Slot, message: Message, timeout: float, watch: Watch | None = None) -> Message:
        self.asked.append(message)
        if isinstance(message, Render):
            return Page(message.boot["token"].encode())  # type: ignore[union-attr]
        return Batch(b"", 0) if isinstance(message, Interact | Poll) else Done()

    def tell(self, slot: Slot, message: Message) -> None:
        self.told.append(message)

    def pool(self, message: Message, timeout: float, start: bool = True) -> Message:
        self.told.append(message)
        return Done()


def site(folder: Path, **config: Any) -> tuple[Flask, FakePool]:
    """A Flask app with two mounts of a shop, and the pool it believes in."""
    flask_app = Flask(__name__, instance_path=str(folder))
    flask_app.config.update(HTAG_DATA_DIR=str(folder / "data"), HTAG_RUN_DIR=str(folder / "run"), **config)
    flask_app.register_blueprint(htag_blueprint(Shop, name="a"), url_prefix="/a")
    flask_app.register_blueprint(htag_blueprint(Shop, name="b"), url_prefix="/b")
    flask_app.add_url_rule("/renew", view_func=renew)
    flask_app.add_url_rule("/leave", view_func=leave)
    pool = FakePool()
    flask_app.extensions["htag"].broker = pool
    flask_app.extensions["htag"].collector = type("NoCollector", (), {"start": lambda self: None})()
    return flask_app, pool


def renew() -> str:
    """What a site does at a login, against session fixation."""
    interface: Any = current_app.session_interface
    interface.regenerate(session)
    return "ok"


def leave() -> str:
    """What a site does at a logout."""
    session.clear()
    return "bye"


ORIGIN = {"Origin": "http://localhost"}


def call(client: Any, token: str, path: str = "/a", **headers: str) -> int:
    """The status of an interaction."""
    body = b'{"seq":1,"cursor":0,"message":{}}'
    status: int = client.post(
        f"{path}/_htag/call", data=body, headers={**ORIGIN, "X-Htag": token, **headers}
    ).status_code
    return status


@pytest.fixture(params=["files", "cookies"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Flask, FakePool]:
    return site(tmp_path, **({} if request.param == "files" else {"SECRET_KEY": "k" * 32}))


def test_the_token_of_a_page_opens_what_the_page_needs(shop: tuple[Flask, FakePool]) -> None:
    flask_app, pool = shop
    browser = flask_app.test_client()
    token = browser.get("/a/").text
    assert call(browser, token) == 200
    body = {"cursor": 0, "wait": 0}
    assert browser.post("/a/_htag/poll", json=body, headers={**ORIGIN, "X-Htag": token}).status_code == 200
    assert browser.post("/a/_htag/leave", data=token, headers=ORIGIN).status_code == 204
    kinds = [type(message) for message in pool.asked]
    assert kinds == [Render, Interact, Poll, Leave]
    assert len({message.client for message in pool.asked}) == 1  # type: ignore[union-attr]


@pytest.mark.parametrize("verb", ["call", "poll", "stream", "leave"])
@pytest.mark.parametrize("token", ["", "x", "WyJhIl0.x", "é", "null", "W10", "a" * 10_000])
def test_without_a_token_of_ours_nothing_reaches_the_pool(
    shop: tuple[Flask, FakePool], verb: str, token: str
) -> None:
    flask_app, pool = shop
    browser = flask_app.test_client()
    browser.get("/a/")
    del pool.asked[:]
    headers = {**ORIGIN, "X-Htag": token.encode().decode("latin-1")}
    body = token.encode() if verb == "leave" else b'{"cursor":0}'
    answer = browser.post(f"/a/_htag/{verb}", data=body, headers=headers)
    assert (answer.status_code, answer.json) == (403, {"error": "refused"})
    assert pool.asked == []


def test_a_token_is_for_its_mount(shop: tuple[Flask, FakePool]) -> None:
    browser = shop[0].test_client()
    token = browser.get("/a/").text
    assert call(browser, token, "/b") == 403
    assert call(browser, browser.get("/b/").text, "/b") == 200


def test_a_token_is_for_its_session(shop: tuple[Flask, FakePool]) -> None:
    mine, yours, nobody = (shop[0].test_client() for _ in range(3))
    token = mine.get("/a/").text
    yours.get("/a/")
    assert call(yours, token) == 403
    assert call(nobody, token) == 403
    assert call(mine, token) == 200


def sid_of(browser: Any) -> str:
    cookie = browser.get_cookie("session")
    assert cookie is not None
    found: str = cookie.value
    return found


def test_a_page_survives_a_change_of_the_session_s_id(tmp_path: Path) -> None:
    flask_app, pool = site(tmp_path)
    browser = flask_app.test_client()
    token = browser.get("/a/").text
    before = sid_of(browser)
    assert browser.get("/renew").text == "ok"
    after = sid_of(browser)
    assert before != after
    (told,) = pool.told
    assert isinstance(told, Patched)
    assert (told.sid, told.delta) == (after, Delta({}, []))
    assert call(browser, token) == 200


def test_who_has_the_former_id_of_a_session_can_do_nothing_to_it(tmp_path: Path) -> None:
    flask_app, pool = site(tmp_path)
    browser, thief = flask_app.test_client(), flask_app.test_client()
    token = browser.get("/a/").text
    before = sid_of(browser)
    browser.get("/renew")
    del pool.asked[:], pool.told[:]
    thief.set_cookie("session", before)
    assert call(thief, token) == 410
    assert all(isinstance(asked, Current) for asked in pool.asked)  # who is it now? nothing is done
    assert [told.sid for told in pool.told] == [before]  # type: ignore[attr-defined]
    assert call(browser, token) == 200


def test_a_logout_ends_the_instances_whatever_the_id_of_their_session(tmp_path: Path) -> None:
    flask_app, pool = site(tmp_path)
    browser = flask_app.test_client()
    token = browser.get("/a/").text
    assert browser.get("/leave").text == "bye"
    (told,) = pool.told
    assert isinstance(told, Patched)
    assert (told.sid, told.delta) == ("", None)
    assert call(browser, token) == 403


def test_a_changed_token_is_refused(shop: tuple[Flask, FakePool]) -> None:
    browser = shop[0].test_client()
    token = browser.get("/a/").text
    for index in range(0, len(token), 3):
        other = "A" if token[index] != "A" else "B"
        changed = token[:index] + other + token[index + 1 :]
        # The last character of a base64 text may carry bits that mean nothing.
        assert index >= len(token) - 2 or call(browser, changed) == 403


def test_a_foreign_page_reaches_nothing_even_with_a_token(tmp_path: Path) -> None:
    flask_app, pool = site(tmp_path, HTAG_ORIGINS="https://friend.test")
    browser = flask_app.test_client()
    token = browser.get("/a/").text
    del pool.asked[:]
    judge: Callable[..., int] = lambda **headers: call(browser, token, **headers)  # noqa: E731
    assert judge(Origin="http://evil.test") == 403
    assert judge(Origin="null") == 403
    assert pool.asked == []
    assert judge(Origin="https://friend.test") == 200
