"""Who may speak to an instance: a page of ours, from this site, of its session, while the instance lives."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http_client import Page
from tests.http_session import Answer, Headers
from tests.server.desk import Anywhere, message, number, press, word
from tests.servers import Server
from tests.support import GENERATION, wait_until

VERBS = ("call", "poll", "stream", "leave")


def post(page: Page, verb: str, headers: Headers | None = None, token: str | None = None) -> Answer:
    """What the page's script would send to *verb*, with other headers, or another token."""
    token = page.token if token is None else token
    body: Any = {"cursor": page.cursor}
    if verb == "call":
        body |= {"seq": page.seq + 1, "message": message(page, "hit", n=666)}
    if verb == "leave":
        body = token.encode()
    return page.user.request(
        "POST", page.urls[verb], body, {**page.headers(), "X-Htag": token, **(headers or {})}
    )


def unharmed(page: Page) -> None:
    """The instance has not heard of it, and serves its page."""
    assert word(page, "numbers") == ""
    press(page, "hit", n=1)
    assert word(page, "numbers") == "1"


def assert_refused(answer: Answer) -> None:
    assert (answer.status, answer.json()) == (403, {"error": "refused"})


def tampered(token: str) -> str:
    payload, _, signature = token.rpartition(".")
    return f"{payload}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


@pytest.mark.parametrize("verb", VERBS)
def test_without_the_token_nothing_goes(page: Page, verb: str) -> None:
    wrong = ["", "x", "a.b", "é", tampered(page.token), page.token[:-1], f"{page.token}x", "." * 5_000]
    for token in wrong:
        if verb == "leave" or token.isascii():
            assert_refused(post(page, verb, token=token))
    if verb != "leave":
        assert_refused(post(page, verb, {"X-Htag": None}))
    unharmed(page)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://evil.example", "Sec-Fetch-Site": None},
        {"Origin": "null", "Sec-Fetch-Site": None},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": None, "Sec-Fetch-Site": "cross-site"},
        {"Origin": None, "Sec-Fetch-Site": None},
        {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": None},
        {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": None},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "anything"},
    ],
    ids=lambda headers: " ".join(f"{name}={value}" for name, value in headers.items()),
)
def test_another_site_is_refused(page: Page, verb: str, headers: Headers) -> None:
    assert_refused(post(page, verb, headers))
    unharmed(page)


def test_a_browser_that_says_its_origin_alone_is_served(page: Page) -> None:
    """On plain http, browsers do not send Sec-Fetch-Site."""
    assert post(page, "call", {"Sec-Fetch-Site": None}).status == 200


@pytest.mark.parametrize("verb", VERBS)
def test_a_session_cannot_use_the_token_of_another(server: Server, verb: str) -> None:
    one, other = Anywhere(server.url).open("/"), Anywhere(server.url).open("/")
    assert_refused(post(one, verb, token=other.token))
    assert_refused(post(other, verb, token=one.token))
    stranger = Anywhere(server.url)
    headers = {**one.headers(), "Cookie": ""}
    body = one.token.encode() if verb == "leave" else {"cursor": one.cursor}
    assert_refused(stranger.request("POST", one.urls[verb], body, headers))
    unharmed(one)
    unharmed(other)


def test_a_token_is_for_one_app(server: Server) -> None:
    user = Anywhere(server.url)
    page, other = user.open("/"), user.open("/debug/")
    assert_refused(post(page, "call", token=other.token))
    unharmed(page)
    unharmed(other)


def test_the_ids_of_another_user_reach_nothing(server: Server) -> None:
    """Instances of a process share htag's tables: an id must be looked up in the caller's own tree."""
    one = Anywhere(server.url).open("/")
    other = Anywhere(server.url).open("/")
    while word(other, "pid") != word(one, "pid"):
        other = Anywhere(server.url).open("/")
    body = {"seq": 1, "cursor": other.cursor, "message": message(one, "hit", n=666)}
    answer = other.post("call", body)
    assert answer.status == (410 if GENERATION == 1 else 200)  # htag 2 resolves a call of a tag that is not
    one.poll()
    assert word(one, "numbers") == word(other, "numbers") == ""
    press(one, "hit", n=1)
    assert word(one, "numbers") == "1"


def test_the_page_of_a_dead_instance_is_gone(server: Server) -> None:
    """And does not meet an instance of the process that takes its place."""
    page = Anywhere(server.url).open("/")
    press(page, "hit", n=1)
    pid = number(page, "pid")
    assert pid in server.pool_processes()
    server.kill(pid)
    again = page.user.open("/")
    assert number(again, "pid") != pid
    for verb in ("call", "poll"):
        answer = post(page, verb)
        assert (answer.status, answer.json()) == (410, {"error": "gone"})
    with page.stream():
        wait_until(lambda: page.gone)
    assert post(page, "leave").status == 204
    unharmed(again)


def test_a_dead_process_is_gone_for_a_click_that_comes_first(server: Server) -> None:
    """No new page was asked for: the click itself finds out, and is not run anywhere."""
    page = Anywhere(server.url).open("/")
    server.kill(number(page, "pid"))
    assert post(page, "call").status == 410
    assert word(page.user.open("/"), "numbers") == ""


def test_a_get_changes_nothing(server: Server, page: Page) -> None:
    press(page, "hit", n=1)
    for url in page.urls.values():
        assert page.user.get(url).status in (404, 405)
    again = page.user.open("/")
    assert word(again, "numbers") == "1"


@pytest.mark.parametrize(
    "query", ["js=alert(1)", "_onload=alert(1)", "_style=x&js=alert(1)", "js=&_hr_=1&_onload=alert(1)"]
)
def test_no_query_puts_anything_into_the_page(server: Server, query: str) -> None:
    page = Anywhere(server.url).open(f"/greedy/?name=x&{query}")
    assert page.has("x")
    assert "alert(1)" not in page.html
    assert "onload" not in page.html


@pytest.mark.parametrize(
    "path",
    ["/os:system", "/_htag/os.path", "/tests.apps.desk:Desk", "/_htag/../tests.apps.moody:Moody", "/Desk"],
)
def test_no_url_names_what_is_run(server: Server, page: Page, path: str) -> None:
    assert page.user.get(path).status == 404
    assert page.user.request("POST", path, {}, page.headers()).status in (404, 405)
