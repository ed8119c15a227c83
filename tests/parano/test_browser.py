"""What a proxy between Chromium and the server sees, keeps, and may change: nothing that is said."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.apps.markers import MUCH, SECRETS
from tests.browser import Complaints
from tests.proxies import block, nginx
from tests.proxy import Proxy
from tests.server.desk import QUICK, SOON
from tests.servers import Server, serve
from tests.support import wait_until
from tests.web.pages import click, connected, held, log, part

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Route

HOST = "http://192.0.2.7"
"""An address of nobody (RFC 5737): the browser is given the recorder as its proxy. So this is plain http by
address, where browsers have no WebCrypto."""

ALTERED = "Something between this browser and the server alters what is sent"
UPLOAD = "0123456789abcdef" * 20_000


class Recorder(Proxy):
    """Keeps all that passes by."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.seen = bytearray()

    def passed(self, data: bytes, down: bool) -> bytes:
        self.seen += data
        return data


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve(
        "gunicorn-gevent", "tests.apps.sealed:proxied()", workers=2, env=QUICK, options=SOON
    ) as running:
        yield running


@pytest.fixture
def recorder(server: Server) -> Iterator[Recorder]:
    with Recorder(server.port) as relay:
        yield relay


@pytest.fixture
def plain(new_user: Callable[..., BrowserContext], recorder: Recorder, complaints: Complaints) -> Page:
    """On plain http, by address, through the recorder."""
    complaints.allow("robots.txt", "net::ERR_", "PYTHON ERROR")  # the recorder ends before the page
    page = new_user(proxy={"server": recorder.url}).new_page()
    page.goto(f"{HOST}/robots.txt")
    assert page.evaluate("[crypto.subtle === undefined, isSecureContext]") == [True, False]
    recorder.seen.clear()
    return page


def forms(text: str) -> set[bytes]:
    """A text as it may stand in what was recorded."""
    raw = text.encode()
    inside = {base64.b64encode(b"x" * shift + raw)[4 : 4 + len(raw)] for shift in (0, 1, 2)}
    return {raw, raw.hex().encode(), quote(text).encode(), raw[::-1], *(part[4:-4] for part in inside)}


def say_all(page: Page) -> None:
    """Every secret is said, in every way that there is."""
    connected(page)
    expect(page).to_have_title(SECRETS["title"])
    expect(part(page, "page")).to_have_text(SECRETS["page"])
    expect(part(page, "name")).to_have_text(SECRETS["query"])
    click(page, "more")
    expect(part(page, "count")).to_have_text("1")
    wait_until(lambda: log(page), 20, "the answer")
    assert log(page) == [f"{SECRETS['answer']} 1"]
    for text in (SECRETS["click"], SECRETS["upload"] + UPLOAD):
        part(page, "text").fill(text)
        click(page, "send")
        expect(part(page, "heard")).to_have_text(f"{len(text)} {text[:60]}")
    click(page, "later")
    expect(part(page, "heard")).to_have_text(SECRETS["push"])
    click(page, "fail")


def assert_nothing_seen(recorder: Recorder) -> None:
    wait_until(lambda: len(re.findall(rb"_htag[/=]call HTTP", recorder.seen)) >= 5, 20, "all calls")
    seen = bytes(recorder.seen)
    assert len(seen) > len(UPLOAD)
    found = [name for name, text in SECRETS.items() if any(form in seen for form in forms(text))]
    assert found == []
    for start in (UPLOAD[:64].encode(), base64.b64encode(UPLOAD[:66].encode())[4:60]):
        assert start not in seen


@pytest.mark.parametrize("path", ["/", "/longpoll/", "/none/", "/handled"])
def test_on_plain_http_by_address_a_proxy_sees_nothing(plain: Page, recorder: Recorder, path: str) -> None:
    plain.goto(f"{HOST}{path}#?name={SECRETS['query']}")
    if path == "/none/":  # what is pushed there comes with the next answer
        connected(plain)
        click(plain, "more")
        expect(part(plain, "count")).to_have_text("1")
    else:
        say_all(plain)
    page_bytes = bytes(recorder.seen)
    if path == "/none/":
        assert not [name for name, text in SECRETS.items() if any(form in page_bytes for form in forms(text))]
    else:
        assert_nothing_seen(recorder)
    assert b"text/event-stream" in page_bytes or path != "/"
    leaves = page_bytes.count(b"/_htag/leave") + page_bytes.count(b"_htag=leave")
    plain.goto("about:blank")
    wait_until(lambda: recorder.seen.count(b"leave HTTP/1.1") > leaves, 20, "the page says that it is closed")


@pytest.mark.parametrize("where", ["plain", "page"])
def test_three_megabytes_go_up_and_come_down(
    request: pytest.FixtureRequest, server: Server, where: str
) -> None:
    """Where browsers have no WebCrypto, and where they have it. In the time for which anything is waited."""
    page: Page = request.getfixturevalue(where)
    page.goto(HOST if where == "plain" else server.url)
    connected(page)
    page.evaluate(f"document.querySelector('textarea').value = 'u'.repeat({MUCH})")
    click(page, "send")
    expect(part(page, "heard")).to_have_text(f"{MUCH} {'u' * 60}")
    click(page, "much")
    wait_until(lambda: len(part(page, "letters").inner_text()) == MUCH, 20, "three megabytes")
    click(page, "more")
    expect(part(page, "count")).to_have_text("1")


def test_on_https_a_proxy_that_ends_tls_sees_nothing(
    new_user: Callable[..., BrowserContext], recorder: Recorder, complaints: Complaints
) -> None:
    complaints.allow("net::ERR_", "PYTHON ERROR")
    with nginx(block("nginx", "listen 443"), recorder.port) as proxy:
        page = new_user(ignore_https_errors=True).new_page()
        page.goto(f"{proxy.url}/#?name={SECRETS['query']}")
        assert page.evaluate("Boolean(crypto.subtle)")
        say_all(page)
        assert_nothing_seen(recorder)
        page.goto("about:blank")


def test_the_plain_app_is_what_a_proxy_would_see(plain: Page, recorder: Recorder) -> None:
    """The recorder does find what is not sealed."""
    plain.goto(f"{HOST}/clear/#?name=x")
    connected(plain)
    assert any(form in bytes(recorder.seen) for form in forms(SECRETS["page"]))


def flipped(body: bytes) -> bytes:
    return body[:-1] + bytes([body[-1] ^ 1])


def alter(page: Page, verb: str, answers: bool) -> None:
    """From now on what the page sends to *verb*, or what it is answered, is changed in one bit."""

    def change(route: Route) -> None:
        if answers:
            response = route.fetch()
            route.fulfill(response=response, body=flipped(response.body()))
        else:
            route.continue_(post_data=flipped(route.request.post_data_buffer or b"xx"))

    page.route(f"**/_htag/{verb}", change)


@pytest.mark.parametrize("answers", [True, False], ids=["answer", "request"])
@pytest.mark.parametrize("verb", ["key", "page", "call"])
def test_a_page_that_is_altered_on_the_way_stops_and_says_so(
    page: Page, server: Server, complaints: Complaints, verb: str, answers: bool
) -> None:
    complaints.allow("status of 400", "COM ERROR")
    posts: list[str] = []
    if verb == "call":
        connected_at(page, f"{server.url}/longpoll/")
    alter(page, verb, answers)
    if verb == "call":
        click(page, "more")
        expect(page.get_by_role("status").filter(has_text=ALTERED)).to_be_visible()
        assert page.evaluate("htagweb.status()") == "ended"
        page.on("request", lambda request: posts.append(request.url))
        click(page, "more")  # nothing more is sent
    else:
        page.goto(f"{server.url}/longpoll/")
        expect(page.get_by_role("status").filter(has_text=ALTERED)).to_be_visible()
        page.on("request", lambda request: posts.append(request.url))
    expect(page.get_by_role("button", name="Reload")).to_be_visible()
    page.wait_for_timeout(300)  # there is nothing to wait for: nothing happens
    assert posts == []


def connected_at(page: Page, url: str) -> None:
    page.goto(url)
    connected(page)


@pytest.mark.parametrize("kind", ["altered", "in clear", "another one's"])
def test_what_is_pushed_by_somebody_else_is_not_shown(page: Page, server: Server, kind: str) -> None:
    """Neither an event that was changed, nor one in clear, nor one that was meant as another answer."""
    answers: list[bytes] = []
    streams: list[Route] = []
    page.on("response", lambda response: answers.append(response.body()) if "/call" in response.url else None)
    page.route("**/_htag/stream", lambda route: streams.append(route))
    page.goto(server.url)
    click(page, "more")
    expect(part(page, "count")).to_have_text("1")
    wait_until(lambda: page.evaluate("1") and answers and streams, 20, "the answer")
    data = {"altered": flipped(answers[0]), "another one's": answers[0]}.get(kind)
    event = b'"%s"' % base64.b64encode(data) if data else b'{"first":2,"payloads":[{"exit":true}]}'
    body = b"event: hello\ndata: {}\n\nevent: batch\ndata: %s\n\n" % event
    streams[-1].fulfill(body=body, content_type="text/event-stream")
    expect(page.get_by_role("status").filter(has_text=ALTERED)).to_be_visible()
    assert page.evaluate("htagweb.status()") == "ended"
    expect(part(page, "count")).to_have_text("1")


def test_a_script_that_was_changed_on_the_way_is_not_run(
    page: Page, server: Server, complaints: Complaints
) -> None:
    complaints.allow(
        "integrity", "htag: ", "/ws", "404"
    )  # without ours, htag's own client looks for its server
    page.route(
        "**/_htag/parano-*",
        lambda route: route.fulfill(body="window.evil = 1", content_type="text/javascript"),
    )
    page.goto(server.url)
    assert page.evaluate("window.evil") is None
    page.unroute("**/_htag/parano-*")
    page.route(
        "**/_htag/htagweb-*",
        lambda route: route.fulfill(body="window.evil = 1", content_type="text/javascript"),
    )
    page.goto(server.url)
    expect(part(page, "page")).to_be_visible()
    assert page.evaluate("window.evil") is None


def test_another_browser_with_the_cookie_is_told_and_can_begin_anew(
    new_user: Callable[..., BrowserContext], server: Server, complaints: Complaints
) -> None:
    complaints.allow("status of 403")
    own, other = new_user(), new_user()
    page = own.new_page()
    connected_at(page, server.url)
    click(page, "more")
    expect(part(page, "count")).to_have_text("1")
    other.add_cookies(own.cookies())  # type: ignore[arg-type]
    thief = other.new_page()
    thief.goto(server.url)
    expect(thief.get_by_text("Your session belongs to another browser")).to_be_visible()
    thief.get_by_role("button", name="Begin a new session").click()
    connected(thief)
    expect(part(thief, "count")).to_have_text("0")
    page.reload()
    connected(page)
    expect(part(page, "count")).to_have_text("1")


def test_tabs_that_a_new_user_opens_at_once_have_one_session(
    context: BrowserContext, server: Server, complaints: Complaints
) -> None:
    complaints.allow("status of 403")  # of those that are given up
    pages = [context.new_page() for _ in range(4)]
    with ExitStack() as later:
        ready = [later.enter_context(held(page, "page")) for page in pages]
        with ExitStack() as stack:
            for page in pages:
                asked = stack.enter_context(held(page, "key"))
                page.goto(server.url)
                asked()
        for its_keys_are_there in ready:  # each was given a session, of which the browser has kept one
            its_keys_are_there()
    for page in pages:
        connected(page)
    click(pages[0], "more")
    for page in pages:
        expect(part(page, "count")).to_have_text("1")


@pytest.mark.parametrize(("path", "told"), [("/debug/", SECRETS["trace"]), ("/broken/", "at reference")])
def test_an_app_that_fails_says_so_in_the_page(page: Page, server: Server, path: str, told: str) -> None:
    page.goto(f"{server.url}{path}")
    expect(page.get_by_role("heading", name="This app has an error")).to_be_visible()
    expect(page).to_have_title("This app has an error")
    expect(page.locator("body")).to_contain_text(told)
    expect(page.get_by_role("button", name="Reload")).to_be_visible()


def test_a_browser_that_cannot_keep_its_key_is_not_locked_out(page: Page, server: Server) -> None:
    """Its session is then that of the cookie, as without parano."""
    page.add_init_script("indexedDB.open = () => { throw new Error('not here'); }")
    connected_at(page, server.url)
    click(page, "more")
    expect(part(page, "count")).to_have_text("1")
    page.reload()
    connected(page)
    expect(part(page, "count")).to_have_text("1")
