"""The configurations of docs/deploy.md, as they stand there, in front of gunicorn: page, clicks, pushes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.http_client import Answer, Page, Refused
from tests.http_session import Headers
from tests.proxies import Running, Visitor, apache, block, nginx
from tests.server.desk import QUICK, SOON, done, press, together, word
from tests.servers import Server, serve
from tests.support import wait_until

KINDS = ("nginx", "apache")
RUN: dict[str, Callable[..., AbstractContextManager[Running]]] = {"nginx": nginx, "apache": apache}
WHOLE = {"nginx": "listen 443", "apache": "<VirtualHost"}
"""What the whole block of each holds."""

PLAIN = "server { listen 443; location / { proxy_pass http://127.0.0.1:8000; } }"
"""nginx without a single line more than it needs."""


class Browser(Visitor):
    """A new connection for each request, and nothing said but the origin: what https does by itself is not
    what makes it work."""

    def __init__(self, url: str) -> None:
        super().__init__(url, keep_alive=False)
        self.callees: Counter[str] = Counter()

    def request(self, method: str, path: str, body: Any = None, headers: Headers | None = None) -> Answer:
        answer = super().request(method, path, body, headers)
        if path.endswith("/call"):
            self.callees[answer.headers["X-Worker"]] += 1
        return answer

    def same_origin(self) -> dict[str, str]:
        return {name: value for name, value in super().same_origin().items() if name != "Sec-Fetch-Site"}


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("streams") / "streams"


@pytest.fixture(scope="module")
def server(streams: Path) -> Iterator[Server]:
    env = {**QUICK, "STREAMS": str(streams)}
    with serve("gunicorn-gevent", "tests.apps.deployed:app", env=env, options=SOON) as running:
        yield running


@pytest.fixture(scope="module", params=KINDS)
def proxy(server: Server, request: pytest.FixtureRequest) -> Iterator[Running]:
    kind = request.param
    with RUN[kind](block(kind, WHOLE[kind]), server.port) as running:
        yield running


@pytest.fixture
def page(proxy: Running) -> Page:
    return Browser(proxy.url).open("/")


def test_clicks_on_several_workers(page: Page) -> None:
    user = page.user
    assert isinstance(user, Browser)
    pages, numbers = [page, *(user.open("/") for _ in range(5))], iter(range(1000))

    def several() -> bool:
        """Apache keeps its connections to gunicorn: clicks one after the other may all go by the same."""
        together(partial(press, each, "hit", n=next(numbers)) for each in pages)
        return len(user.callees) > 1

    wait_until(several, 30, "clicks are answered by more than one worker")
    wanted = list(range(next(numbers)))
    with page.polling(5):
        page.wait_for(lambda: sorted(map(int, word(page, "numbers").split())) == wanted)


def test_pushes_come_when_they_are_made(page: Page) -> None:
    with page.stream() as stream:
        press(page, "tick", n=10)
        page.wait_for(lambda: done(page, "pushed") == list(range(1, 11)))
    batches = [at for at, source, _ in page.batches if source == "stream"]
    assert [name for _, name in stream.events][:1] == ["hello"]
    assert len(batches) > 2  # not all at once
    assert stream.connections == 1
    page.assert_nothing_lost()


def test_the_first_event_does_not_wait_for_more(page: Page) -> None:
    before = time.monotonic()
    with page.stream() as stream:
        pass  # its block is entered when the first event is there
    assert stream.events[0][0] - before < 10  # a beat, which might push it out of a buffer, comes after 15
    assert stream.headers is not None
    assert stream.headers["Content-Length"] is None
    assert stream.headers["Content-Encoding"] is None


def test_pushes_by_polls(page: Page) -> None:
    with page.polling(5):
        press(page, "tick", n=5)
        page.wait_for(lambda: done(page, "pushed") == [1, 2, 3, 4, 5])
    page.assert_nothing_lost()


def test_the_server_notices_that_a_page_is_gone(page: Page, streams: Path) -> None:
    with page.stream():
        assert f"open {page.token}\n" in streams.read_text()

    def closed() -> bool:
        press(page, "tick", n=2)  # who writes sees that nobody reads
        return f"closed {page.token}\n" in streams.read_text()

    wait_until(closed, 10, "the stream is closed", every=0.2)


def test_bodies_up_to_the_limit(page: Page) -> None:
    press(page, "take", text="x" * 3_000_000)
    assert word(page) == "took 3000000"
    page.seq += 1  # what is too large is not tried again
    body = b'{"seq":%d,"cursor":0,"message":"%s"}' % (page.seq, b"x" * (17 * 1024 * 1024))
    assert page.post("call", body).status == 413


def test_the_cookie_is_for_https_alone(page: Page) -> None:
    (cookie,) = page.user.cookies
    told = page.answer.headers["Set-Cookie"]
    assert cookie.secure
    assert "HttpOnly" in told
    assert "SameSite=Lax" in told


@pytest.mark.parametrize(
    ("origin", "status"),
    [("{}", 200), ("http://{host}", 403), ("https://example.com", 403), ("https://127.0.0.1", 403)],
)
def test_the_origin_is_the_one_that_the_browser_sees(page: Page, origin: str, status: int) -> None:
    public = page.user.origin
    given = origin.format(public, host=public.partition("//")[2])
    assert page.post("poll", {"cursor": page.cursor, "wait": 0}, {"Origin": given}).status == status


def test_a_visitor_cannot_forge_what_the_proxy_says(page: Page) -> None:
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "X-Forwarded-Prefix": "/x"}
    fresh = Browser(page.user.base)
    again = fresh.open("/", forged)
    assert "evil" not in again.html
    assert again.boot["urls"]["call"] == "/_htag/call"
    assert again.post("poll", {"cursor": again.cursor, "wait": 0}, forged).status == 200


# ---- below a prefix


@pytest.fixture(scope="module")
def below(streams: Path) -> Iterator[Server]:
    with serve("gunicorn-gevent", "tests.apps.deployed:prefixed()", env=QUICK, options=SOON) as running:
        yield running


def in_place(kind: str) -> str:
    """The whole block, with the part for a prefix in place of its own."""
    whole, part = block(kind, WHOLE[kind]), block(kind, "X-Forwarded-Prefix")
    if kind == "nginx":
        before, _, rest = whole.partition("    location / {")
        return f"{before}{part}{rest.partition('}')[2]}"
    return whole.replace("    ProxyPass / http://127.0.0.1:8000/ ttl=1\n", part)


def assert_works(page: Page) -> None:
    with page.stream():
        press(page, "hit", n=7)
        press(page, "tick", n=3)
        page.wait_for(lambda: done(page, "pushed") == [1, 2, 3])
    assert word(page, "numbers") == "7"
    page.assert_nothing_lost()


@pytest.mark.parametrize("kind", KINDS)
def test_below_a_prefix(below: Server, kind: str) -> None:
    with RUN[kind](in_place(kind), below.port) as running:
        page = Browser(running.url).open("/desk/")
        assert page.boot["urls"]["call"] == "/desk/_htag/call"
        script = page.find(tag="script", src="htagweb-").attributes["src"]
        assert script.startswith("/desk/_htag/")
        assert page.user.get(script).status == 200
        assert_works(page)


def test_below_a_prefix_that_the_proxy_leaves_on(live: Callable[..., Server]) -> None:
    """gunicorn is told of it by SCRIPT_NAME."""
    whole = block("nginx", WHOLE["nginx"])
    env = {**QUICK, "SCRIPT_NAME": "/desk"}
    server = live("gunicorn-gevent", "tests.apps.deployed:app", workers=2, env=env, options=SOON)
    with nginx(whole, server.port) as running:
        page = Browser(running.url).open("/desk/")
        assert page.boot["urls"]["call"] == "/desk/_htag/call"
        assert_works(page)


# ---- nginx as it comes


@pytest.fixture(scope="module")
def simple() -> Iterator[Server]:
    with serve("gunicorn-gevent", "tests.apps.deployed:bare()", env=QUICK, options=SOON) as running:
        yield running


def test_nginx_with_nothing_but_proxy_pass(simple: Server) -> None:
    with nginx(PLAIN, simple.port, "http") as running:
        page = Visitor(running.url, keep_alive=False).open("/")
        with page.stream() as stream:
            for number in range(50):
                press(page, "hit", n=number)
            press(page, "tick", n=50)
            page.wait_for(lambda: len(done(page, "pushed")) >= 50)
            assert len([name for _, name in stream.events if name == "batch"]) > 5
    assert done(page, "did") == list(range(50))
    assert done(page, "pushed") == list(range(1, 51))
    page.assert_nothing_lost()


def test_on_plain_http_the_name_must_be_known(simple: Server) -> None:
    """A browser says less there: no Sec-Fetch-Site."""
    with nginx(PLAIN, simple.port, "http") as running:
        page = Browser(running.url).open("/")
        with pytest.raises(Refused) as refused:
            press(page, "hit", n=1)
        assert refused.value.status == 403
    known = PLAIN.replace("}", "proxy_set_header Host $http_host; }", 1)
    with nginx(known, simple.port, "http") as running:
        assert_works(Browser(running.url).open("/"))


def test_on_plain_http_the_name_may_be_set(live: Callable[..., Server]) -> None:
    env = {**QUICK, "HTAG_ORIGINS": "http://other.example"}
    server = live("gunicorn-gevent", "tests.apps.deployed:bare()", workers=2, env=env, options=SOON)
    with nginx(PLAIN, server.port, "http") as running:
        page = Browser(running.url).open("/")
        headers = {"Origin": "http://other.example"}
        body = {"cursor": page.cursor, "wait": 0}
        assert page.post("poll", body, headers).status == 200
        assert page.post("poll", body).status == 403
