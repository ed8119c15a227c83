"""Pages behind the site's own checks: inside a view, by handle(), and inside a guarded blueprint."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.http_client import Page, Refused
from tests.server.desk import QUICK, SOON, Anywhere, message, press, word
from tests.server.test_mounting import assert_works
from tests.servers import Server, serve

VERBS = ("call", "poll", "stream", "leave")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve("gunicorn-gevent", "tests.apps.mounted:app", workers=2, env=QUICK, options=SOON) as running:
        yield running


def body(page: Page, verb: str) -> object:
    if verb == "leave":
        return page.token.encode()
    more = {"seq": 1, "message": message(page, "ring")} if verb == "call" else {}
    return {"cursor": page.cursor, **more}


def test_a_view_is_page_and_everything_behind_it(server: Server) -> None:
    page = Anywhere(server.url).open("/view/open")
    for url in page.urls.values():
        assert urlsplit(url).path == "/view/open"
    assert_works(page)
    assert page.leave().status == 204
    again = page.user.open("/view/open")
    assert word(again, "rings") == word(page, "rings")
    script = again.dom.find_all(tag="script", src="_htag=")[0].attributes["src"]
    assert page.user.get(script).headers["Content-Type"].startswith("text/javascript")


def test_a_query_reaches_the_app_and_not_its_urls(server: Server) -> None:
    page = Anywhere(server.url).open("/view/open?x=1&_htag=")
    assert_works(page)


def test_a_view_refuses_what_it_does_not_know(server: Server) -> None:
    page = Anywhere(server.url).open("/view/open")
    for verb in ("", "render", "exit", "call&_htag=poll2"):
        answer = page.user.request("POST", f"/view/open?_htag={verb}", body(page, "poll"), page.headers())
        assert answer.status in (400, 404)
    assert page.user.get("/view/open?_htag=call").status == 404
    assert page.user.request("POST", "/view/open", {}, page.headers()).status == 404


def test_a_view_that_takes_no_post_says_so(server: Server) -> None:
    answer = Anywhere(server.url).get("/reading")
    assert answer.status == 500
    assert 'the view of /reading must accept POST: methods=["GET", "POST"]' in server.log_text()


@pytest.mark.parametrize(("place", "status"), [("/guarded/", 401), ("/view/shut", 403)])
@pytest.mark.parametrize("verb", VERBS)
def test_a_guard_stands_before_the_page_and_all_that_it_does(
    server: Server, place: str, status: int, verb: str
) -> None:
    user = Anywhere(server.url)
    with pytest.raises(Refused) as refused:
        user.open(place)
    assert refused.value.status == status
    user.get("/enter")
    page = user.open(place)
    press(page, "ring")
    user.get("/quit")
    answer = user.request("POST", page.urls[verb], body(page, verb), page.headers())
    assert answer.status == status
    user.get("/enter")
    again = user.open(place)
    assert word(again, "rings") == "rings 1"
    assert_works(again)


def test_a_guard_refuses_another_user_with_a_token_that_leaked(server: Server) -> None:
    user, stranger = Anywhere(server.url), Anywhere(server.url)
    user.get("/enter")
    page = user.open("/guarded/")
    for verb in VERBS:
        assert stranger.request("POST", page.urls[verb], body(page, verb), page.headers()).status == 401
    stranger.get("/enter")
    for verb in VERBS:
        assert stranger.request("POST", page.urls[verb], body(page, verb), page.headers()).status == 403
