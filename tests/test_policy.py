"""The option ``csp``: what it takes, and the header that comes of it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, Response

from htagweb_flask import htag_blueprint
from htagweb_flask.errors import ConfigError
from htagweb_flask.policy import DEFAULT, STRICT, is_strict, policy_of, read_policy


def test_each_kind_has_its_header() -> None:
    assert policy_of("default", "") == "base-uri 'self'; frame-ancestors 'self'"
    assert policy_of("none", "") == ""
    assert "script-src 'nonce-abc';" in policy_of("strict", "abc")
    assert "nonce" not in policy_of("strict", "abc").replace("script-src 'nonce-abc'", "")
    assert [is_strict(text) for text in ("strict", "strict; img-src *", "default", "none")] == [
        True,
        True,
        False,
        False,
    ]


def test_sources_are_added() -> None:
    text = policy_of(
        read_policy("strict; img-src https://a.test *.b.test; object-src 'self'; worker-src blob:"), "x"
    )
    assert "img-src 'self' data: blob: https://a.test *.b.test;" in text
    assert "object-src 'self';" in text
    assert text.endswith("; worker-src blob:")
    assert policy_of("default; frame-ancestors https://a.test;", "").endswith(
        "frame-ancestors 'self' https://a.test"
    )
    assert (STRICT["img-src"], DEFAULT["frame-ancestors"]) == (["'self'", "data:", "blob:"], ["'self'"])


@pytest.mark.parametrize(
    "value",
    [
        "",
        "off",
        "strictly",
        "none; img-src *",
        "strict img-src *",
        "default; IMG *",
        "default; img-src a,b",
        5,
        None,
    ],
)
def test_what_is_no_policy_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="begins with|is no directive"):
        read_policy(value)


def test_no_value_makes_another_header() -> None:
    with pytest.raises(ValueError, match="is no directive"):
        read_policy("default; img-src x\u00e9")
    assert "\n" not in policy_of(read_policy("default; img-src a\nb"), "")


def test_strict_does_not_go_with_parano() -> None:
    flask_app = Flask(__name__)
    flask_app.testing = True
    flask_app.register_blueprint(htag_blueprint("tests.apps.desk:Desk", csp="strict", parano=True))
    with pytest.raises(ConfigError, match='csp="default"'):
        flask_app.test_client().get("/")


def test_a_header_of_the_site_takes_the_place_of_ours(tmp_path: Any) -> None:
    flask_app = Flask(__name__)
    flask_app.config["HTAG_DATA_DIR"] = str(tmp_path)
    flask_app.register_blueprint(htag_blueprint("tests.apps.desk:Desk"))
    head = flask_app.test_client().head("/")
    assert head.headers["Content-Security-Policy"] == policy_of("default", "")
    assert head.headers["Referrer-Policy"] == "same-origin"

    site = Flask(__name__)
    site.config["HTAG_DATA_DIR"] = str(tmp_path)
    site.register_blueprint(htag_blueprint("tests.apps.desk:Desk"))

    @site.after_request
    def own(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = "img-src 'none'"
        return response

    assert site.test_client().head("/").headers.get_all("Content-Security-Policy") == ["img-src 'none'"]
