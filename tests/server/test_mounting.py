"""A page works wherever it is mounted: it is there with one request, and all its urls lead back to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.http_client import Page
from tests.server.desk import QUICK, SOON, Anywhere, number, press, word
from tests.servers import Server, serve

PLACES = ["", "/a/b", "/users/ann", "/users/é b", "/outer/3/bell", "/tabs", "/again"]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve("gunicorn-gevent", "tests.apps.mounted:app", env=QUICK, options=SOON) as running:
        yield running


@pytest.fixture(scope="module")
def below() -> Iterator[Server]:
    """The same site as a part of another one, by SCRIPT_NAME."""
    with serve("gunicorn-gevent", "tests.apps.mounted:below", workers=2, env=QUICK, options=SOON) as running:
        yield running


@pytest.fixture(scope="module")
def proxied() -> Iterator[Server]:
    """The same site behind a proxy that it trusts."""
    with serve(
        "gunicorn-gevent", "tests.apps.mounted:proxied", workers=2, env=QUICK, options=SOON
    ) as running:
        yield running


def assert_works(page: Page) -> None:
    """A click, and a push by each way."""
    for collector in (page.stream(), page.polling()):
        rings = number(page, "rings") + 1
        with collector:
            press(page, "ring")
            assert word(page, "rings") == f"rings {rings}"
            page.wait_for(lambda rings=rings: word(page, "late") == f"late {rings}")
    page.assert_nothing_lost()


def quoted(path: str) -> str:
    return path.replace(" ", "%20").replace("é", "%C3%A9")


@pytest.mark.parametrize("slash", ["/", ""])
@pytest.mark.parametrize("place", PLACES)
def test_a_page_is_there_with_one_request_and_works(server: Server, place: str, slash: str) -> None:
    user = Anywhere(server.url)
    answer = user.get(quoted(f"{place}{slash}") or "/")
    assert answer.status == 200  # not a redirect, with slash or without
    page = user.open(quoted(f"{place}{slash}") or "/")
    assert_works(page)


@pytest.mark.parametrize("place", PLACES)
def test_all_urls_stay_below_the_place(server: Server, place: str) -> None:
    page = Anywhere(server.url).open(quoted(f"{place}/"))
    for url in page.urls.values():
        assert urlsplit(url).path.startswith(f"{quoted(place)}/_htag/")
    links = re.findall(r'(?:href|src)="([^"]*)"', page.html)
    assert [link for link in links if "://" in link] == []
    (script,) = [link for link in links if link.endswith(".js")]
    answer = page.user.get(script)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert "immutable" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("slash", ["/", ""])
@pytest.mark.parametrize("place", PLACES)
def test_below_a_script_name(below: Server, place: str, slash: str) -> None:
    page = Anywhere(below.url).open(quoted(f"/sub/path{place}{slash}"))
    assert page.url.endswith(quoted(f"/sub/path{place}{slash}"))
    for url in page.urls.values():
        assert urlsplit(url).path.startswith(f"/sub/path{quoted(place)}/_htag/")
    assert_works(page)


class Visitor(Anywhere):
    """A browser that sees the site as https://site.example/pre/fix, by a proxy that strips the prefix."""

    def __init__(self, url: str) -> None:
        forwarded = {"For": "192.0.2.7", "Proto": "https", "Host": "site.example", "Prefix": "/pre/fix"}
        super().__init__(url, headers={f"X-Forwarded-{name}": value for name, value in forwarded.items()})
        # Its browser speaks https: a secure cookie comes back, whatever the proxy speaks to the server.
        self.cookies = CookieJar(DefaultCookiePolicy(secure_protocols=("http", "https")))

    @property
    def origin(self) -> str:
        return "https://site.example"

    def open(self, path: str = "/", headers: Any = None) -> Page:
        page = super().open(path, headers)
        for verb, url in page.urls.items():
            assert urlsplit(url).path.startswith("/pre/fix/")
            page.urls[verb] = url.replace("/pre/fix", "", 1)
        return page


@pytest.mark.parametrize("place", PLACES)
def test_behind_a_proxy(proxied: Server, place: str) -> None:
    page = Visitor(proxied.url).open(quoted(f"{place}/"))
    assert_works(page)
    page = Visitor(proxied.url).open(quoted(f"{place}/"))
    page.user.headers["X-Forwarded-Host"] = "other.example"
    headers = {"Sec-Fetch-Site": None}  # as from a browser that only says its origin
    assert page.post("poll", {"cursor": 0}, headers).status == 403


def test_a_proxy_that_is_not_trusted_changes_nothing(server: Server) -> None:
    page = Anywhere(
        server.url, headers={"X-Forwarded-Prefix": "/x", "X-Forwarded-Host": "evil.example"}
    ).open("/")
    assert "/x/" not in page.urls["call"]
    assert "evil" not in page.html
    assert_works(page)


def test_two_mounts_of_one_class_are_two_apps_with_their_own_options(server: Server) -> None:
    user = Anywhere(server.url)
    page, other = user.open("/"), user.open("/a/b")
    press(page, "ring")
    assert word(other, "rings") == "rings 0"
    assert word(user.open("/"), "rings") == "rings 1"
    assert word(user.open("/a/b/"), "rings") == "rings 0"
    assert number(page, "pid") != number(other, "pid")
    tab = user.open("/tabs")
    press(tab, "ring")
    assert word(user.open("/tabs"), "rings") == "rings 0"  # an instance for each page load
    assert (page.boot["transport"], tab.boot["transport"]) == ("sse", "longpoll")


def test_a_blueprint_that_is_registered_twice_is_two_apps(server: Server) -> None:
    user = Anywhere(server.url)
    page, other = user.open("/once"), user.open("/again")
    press(page, "ring")
    press(page, "ring")
    assert word(user.open("/again"), "rings") == "rings 0"
    press(other, "ring")
    assert word(user.open("/once"), "rings") == "rings 2"


def test_the_value_in_a_prefix_stays_with_the_page(server: Server) -> None:
    user = Anywhere(server.url)
    for name in ("ann", "bob"):
        page = user.open(f"/users/{name}/")
        assert page.boot["urls"]["call"] == f"/users/{name}/_htag/call"


@pytest.mark.parametrize(
    "path", ["/_htag/", "/_htag/call/", "/_htag/render", "/nowhere/_htag/call", "/a/_htag/call"]
)
def test_other_paths_are_not_found(server: Server, path: str) -> None:
    page = Anywhere(server.url).open("/")
    assert page.user.request("POST", path, {"cursor": 1}, page.headers()).status in (404, 405)
