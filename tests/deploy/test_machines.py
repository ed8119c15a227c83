"""Several machines: two servers that share nothing but a key and Redis. What docs/deploy.md says of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proxies import Visitor, block, nginx
from tests.server.desk import QUICK, SOON, Anywhere, done, press, word
from tests.servers import Server, serve

STICKY = block("nginx", "ip_hash")
LOOSE = STICKY.replace("ip_hash;", "#", 1)


@pytest.fixture(scope="module")
def machines(redis_url: str) -> Iterator[tuple[Server, Server]]:
    env = {**QUICK, "REDIS": redis_url}
    target = "tests.apps.deployed:shared()"
    with (
        serve("gunicorn-gevent", target, workers=2, env=env, options=SOON) as one,
        serve("gunicorn-gevent", target, workers=2, env=env, options=SOON) as other,
    ):
        yield one, other


def proxied(text: str, machines: tuple[Server, Server]) -> str:
    """The block, in front of both."""
    for number, server in enumerate(machines, 1):
        assert f"10.0.0.{number}:8000" in text
        text = text.replace(f"10.0.0.{number}:8000", f"127.0.0.1:{server.port}")
    lines = "proxy_pass http://hello; proxy_set_header Host $http_host;"
    return f"{text}\nserver {{ listen 443; location / {{ {lines} }} }}"


def test_a_visitor_stays_with_a_machine(machines: tuple[Server, Server]) -> None:
    with nginx(proxied(STICKY, machines), 0, "http") as running:
        page = Visitor(running.url, keep_alive=False).open("/")
        with page.stream():
            for number in range(20):
                press(page, "hit", n=number)
            press(page, "tick", n=3)
            page.wait_for(lambda: done(page, "pushed") == [1, 2, 3])
        assert word(page, "numbers") == " ".join(map(str, range(20)))


def test_without_that_a_page_is_not_found(machines: tuple[Server, Server]) -> None:
    with nginx(proxied(LOOSE, machines), 0, "http") as running:
        page = Visitor(running.url, keep_alive=False).open("/")
        body = {"cursor": page.cursor, "wait": 0}
        assert {page.post("poll", body).status for _ in range(4)} == {200, 410}


def test_who_comes_to_another_machine_finds_the_state(machines: tuple[Server, Server]) -> None:
    one, other = machines
    page = Anywhere(one.url).open("/")
    press(page, "keep")
    press(page, "keep")
    user = Anywhere(other.url)
    user.cookies = page.user.cookies  # those of one browser
    again = user.open("/")
    assert word(again, "kept") == "kept 2"
    press(again, "keep")
    assert word(again, "kept") == "kept 3"
