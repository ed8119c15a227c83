"""Who may speak to an instance: what is signed, and where a request comes from."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from cachelib import FileSystemCache
from flask import Blueprint, Flask, request, session
from flask_wtf import CSRFProtect
from itsdangerous import URLSafeSerializer

from htagweb_flask import htag_blueprint
from htagweb_flask.errors import Refused
from htagweb_flask.web.guard import (
    Ticket,
    check_origin,
    exempt_from_csrf,
    read_ticket,
    signer_of,
    strict_origin,
)
from htagweb_flask.web.keys import keys_of


def test_the_key_can_be_changed_while_pages_are_open(tmp_path: Path) -> None:
    old, new = "old-" * 8, "new-" * 8
    ticket = ["mount", "client", "link", "session", "version"]

    def signer(key: str, fallbacks: list[str] | None = None) -> URLSafeSerializer:
        flask_app = Flask(__name__)
        flask_app.config.update(SECRET_KEY=key, SECRET_KEY_FALLBACKS=fallbacks)
        return signer_of(keys_of(flask_app, str(tmp_path / "unused"), lenient=False))

    token = signer(old).dumps(ticket)
    assert read_ticket(signer(new, [old]), token) == Ticket(*ticket)
    assert signer(new, [old]).dumps(ticket) == signer(new).dumps(ticket)
    with pytest.raises(Refused):
        read_ticket(signer(new), token)
    with pytest.raises(Refused):
        read_ticket(signer(new, ["another"]), token)


@pytest.mark.parametrize("content", [None, 5, "text", ["too", "few"], list("abcdef"), {"mount": "a"}])
def test_what_was_signed_for_something_else_is_no_token(content: Any) -> None:
    with pytest.raises(Refused):
        read_ticket(
            URLSafeSerializer("key", salt="htagweb_flask.ticket"), URLSafeSerializer("key").dumps([1])
        )
    signer = URLSafeSerializer("key", salt="htagweb_flask.ticket")
    if content != "text":
        with pytest.raises(Refused):
            read_ticket(signer, signer.dumps(content))


def test_a_token_is_for_nothing_else_and_outlives_an_update(tmp_path: Path) -> None:
    """Pages that are open when a new version is installed go on."""
    flask_app = Flask(__name__)
    flask_app.secret_key = "k" * 32
    signer = signer_of(keys_of(flask_app, str(tmp_path / "unused"), lenient=False))
    token = "WyJtIiwiYyIsImwiLCJzIiwidiJd.k6ap8qL969SY5crEra8Dkf_DAQFGQthwvdPwZmKM0iQ"
    assert signer.dumps(list("mclsv")) == token
    assert read_ticket(signer, token) == Ticket(*"mclsv")
    with pytest.raises(Refused, match="^this request does not come from a page of ours$"):
        read_ticket(signer, URLSafeSerializer("k" * 32).dumps(list("mclsv")))


# ---- origins

HERE = "http://shop.test:8000"
TABLE: dict[str, tuple[dict[str, str], bool]] = {
    "nothing": ({}, False),
    "ours": ({"Origin": HERE}, True),
    "null": ({"Origin": "null"}, False),
    "empty": ({"Origin": ""}, False),
    "another port": ({"Origin": "http://shop.test:8001"}, False),
    "no port": ({"Origin": "http://shop.test"}, False),
    "another scheme": ({"Origin": "https://shop.test:8000"}, False),
    "a longer host": ({"Origin": "http://shop.test:8000.evil.test"}, False),
    "a longer port": ({"Origin": "http://shop.test:80000"}, False),
    "a prefix of the host": ({"Origin": "http://shop.tes"}, False),
    "a host that ends as ours": ({"Origin": "http://evil-shop.test:8000"}, False),
    "a subdomain": ({"Origin": "http://sub.shop.test:8000"}, False),
    "a path": ({"Origin": f"{HERE}/"}, False),
    "a user": ({"Origin": "http://shop.test:8000@evil.test"}, False),
    "two": ({"Origin": f"{HERE}, http://evil.test"}, False),
    "broken": ({"Origin": "http://["}, False),
    "no scheme": ({"Origin": "shop.test:8000"}, False),
    "same origin": ({"Sec-Fetch-Site": "same-origin"}, True),
    "same origin behind a proxy that hides the host": (
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://public.test"},
        True,
    ),
    "same site": ({"Sec-Fetch-Site": "same-site", "Origin": HERE}, False),
    "cross site": ({"Sec-Fetch-Site": "cross-site", "Origin": HERE}, False),
    "typed": ({"Sec-Fetch-Site": "none", "Origin": HERE}, False),
    "unknown word": ({"Sec-Fetch-Site": "Same-Origin", "Origin": HERE}, False),
    "empty word": ({"Sec-Fetch-Site": "", "Origin": HERE}, False),
    "allowed": ({"Origin": "https://friend.test"}, True),
    "allowed and cross site": ({"Origin": "https://friend.test", "Sec-Fetch-Site": "cross-site"}, True),
    "almost allowed": ({"Origin": "https://friend.test:444"}, False),
    "referer alone": ({"Referer": f"{HERE}/a/"}, False),
}


def judged(headers: dict[str, str], base: str = HERE, **environ: Any) -> bool:
    flask_app = Flask(__name__)
    with flask_app.test_request_context(
        "/", method="POST", base_url=base, headers=headers, environ_overrides=environ
    ):
        try:
            check_origin(request, ("https://friend.test",))
        except Refused:
            return False
        return True


@pytest.mark.parametrize("case", TABLE)
def test_only_pages_of_this_site_may_post(case: str) -> None:
    headers, expected = TABLE[case]
    assert judged(headers) is expected


@pytest.mark.parametrize(
    ("base", "origin", "expected"),
    [
        ("https://shop.test", "https://shop.test", True),
        ("https://shop.test", "http://shop.test", False),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000", True),
        ("http://127.0.0.1:5000", "http://localhost:5000", False),
        ("http://[::1]:5000", "http://[::1]:5000", True),
    ],
)
def test_the_site_is_scheme_host_and_port(base: str, origin: str, expected: bool) -> None:
    assert judged({"Origin": origin}, base) is expected


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ({"Origin": "http://evil.test", "Sec-Fetch-Site": "cross-site"}, "'http://evil.test'"),
        ({"Sec-Fetch-Site": "cross-site"}, "'cross-site'"),
        ({}, "None"),
    ],
)
def test_what_is_refused_is_told_with_its_cure(headers: dict[str, str], named: str, caplog: Any) -> None:
    context = Flask(__name__).test_request_context("/", method="POST", base_url=HERE, headers=headers)
    with context, pytest.raises(Refused, match="^this request comes from another site$"):
        check_origin(request, ())
    cure = "behind a proxy, use werkzeug's ProxyFix or set HTAG_ORIGINS"
    assert caplog.messages == [f"refused a request from {named} to {HERE}: {cure}"]


@pytest.mark.parametrize("case", TABLE)
def test_a_handshake_names_its_origin_itself(case: str, caplog: Any) -> None:
    """What a browser says of Sec-Fetch-Site is not enough: both sides have to mean the same site."""
    headers = TABLE[case][0]
    origin = headers.get("Origin", "")
    with Flask(__name__).test_request_context("/", method="POST", base_url=HERE, headers=headers):
        if origin in (HERE, "https://friend.test"):
            assert strict_origin(request, ("https://friend.test",)) == origin
            assert caplog.messages == []
            return
        with pytest.raises(Refused, match="^this request comes from another site$"):
            strict_origin(request, ("https://friend.test",))
    cure = "behind a proxy, use werkzeug's ProxyFix or set HTAG_ORIGINS"
    assert caplog.messages == [f"parano: a page is at {origin!r}, and this server at {HERE}: {cure}"]


def test_without_a_host_there_is_no_site() -> None:
    assert judged({"Origin": "http://"}, HTTP_HOST="", SERVER_NAME="") is False


# ---- a site with Flask-WTF


def test_flask_wtf_guards_the_site_and_our_own_token_its_pages(tmp_path: Path, caplog: Any) -> None:
    flask_app = Flask(__name__, instance_path=str(tmp_path))
    flask_app.config.update(SECRET_KEY="k" * 32, HTAG_DATA_DIR=str(tmp_path))
    outer = Blueprint("outer", __name__, url_prefix="/outer")
    outer.register_blueprint(htag_blueprint(Shop, name="inner"), url_prefix="/inner")
    flask_app.register_blueprint(outer)
    flask_app.register_blueprint(htag_blueprint(Shop, name="shop"), url_prefix="/shop")
    flask_app.add_url_rule("/form", view_func=lambda: "sent", methods=["POST"])
    CSRFProtect(flask_app)
    client = flask_app.test_client()
    with caplog.at_level(logging.INFO, "htagweb_flask"):
        assert client.post("/form").status_code == 400
    assert "exempt from CSRFProtect" in caplog.text
    for place in ("/shop", "/outer/inner"):
        for verb in ("call", "poll", "stream", "leave"):
            answer = client.post(f"{place}/_htag/{verb}", headers={"Origin": "http://localhost"})
            assert (answer.status_code, answer.json) == (
                403,
                {"error": "refused"},
            )  # by us, for want of a token


@pytest.mark.parametrize("extension", [None, object()])
def test_a_site_with_no_such_guard_is_left_alone(extension: Any, caplog: Any) -> None:
    flask_app = Flask(__name__)
    if extension:
        flask_app.extensions["csrf"] = extension
    with caplog.at_level(logging.INFO):
        exempt_from_csrf(flask_app, "shop.call")
    assert caplog.messages == []


def test_the_log_names_what_is_exempt(caplog: Any) -> None:
    flask_app = Flask(__name__)
    protection = CSRFProtect(flask_app)
    with caplog.at_level(logging.INFO):
        exempt_from_csrf(flask_app, "shop.call", "shop.poll")
    assert protection._exempt_views == {"shop.call", "shop.poll"}
    assert caplog.messages == [
        "exempt from CSRFProtect: shop.call, shop.poll, which want the token of their page"
    ]


class Shop:
    """Stands for an app."""


# ---- the cookie of the session


@pytest.mark.parametrize("kind", ["ours", "cookies", "flask-session"])
@pytest.mark.parametrize(
    ("base", "config", "wanted", "unwanted"),
    [
        ("http://localhost", {}, ["SameSite=Lax", "HttpOnly"], ["Secure"]),
        ("https://localhost", {}, ["SameSite=Lax", "HttpOnly", "Secure"], []),
        ("http://localhost", {"SESSION_COOKIE_SAMESITE": "Strict"}, ["SameSite=Strict"], ["Lax"]),
        ("http://localhost", {"SESSION_COOKIE_SECURE": True}, ["Secure", "SameSite=Lax"], []),
    ],
)
def test_the_cookie_stays_with_the_site(
    tmp_path: Path, kind: str, base: str, config: dict[str, Any], wanted: list[str], unwanted: list[str]
) -> None:
    flask_app = Flask(__name__, instance_path=str(tmp_path))
    flask_app.config.update(HTAG_DATA_DIR=str(tmp_path), **config)
    if kind != "ours":
        flask_app.config["SECRET_KEY"] = "k" * 32
    if kind == "flask-session":
        cache = FileSystemCache(str(tmp_path / "cache"))
        flask_app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=cache)
    flask_app.register_blueprint(htag_blueprint(Shop, name="shop"), url_prefix="/shop")

    @flask_app.get("/login")
    def login() -> str:
        session["user"] = "ann"
        return "ok"

    cookie = flask_app.test_client().get("/login", base_url=base).headers["Set-Cookie"]
    assert all(flag in cookie for flag in wanted)
    assert not any(flag in cookie for flag in unwanted)
