"""Every example, as its reader will run it: gunicorn with four gevent workers, and a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import Complaints
from tests.servers import Server
from tests.support import ROOT, wait_until
from tests.web.pages import click, connected, gunicorn, part, texts

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page


@pytest.fixture
def example() -> Iterator[Callable[..., Server]]:
    """Serves the example of that name, with these environment variables."""
    with ExitStack() as stack:
        yield lambda name, **env: stack.enter_context(
            gunicorn(f"{name}:app", cwd=ROOT / "examples", HTAG_WORKERS="2", **env)
        )


def test_hello_says_hello(page: Page, example: Callable[..., Server]) -> None:
    page.goto(example("hello").url)
    expect(page.get_by_text("hello world", exact=True)).to_be_visible()
    assert page.title() == "App"
    connected(page)


def test_the_counter_counts_and_keeps_its_value_over_f5(
    page: Page, example: Callable[..., Server], new_user: Callable[..., BrowserContext]
) -> None:
    url = example("counter").url
    page.goto(url)
    value = part(page, "value")
    expect(value).to_have_text("0")
    for shown in ("1", "2", "3"):
        click(page, "more")
        expect(value).to_have_text(shown)
    click(page, "less")
    expect(value).to_have_text("2")
    page.reload()
    expect(value).to_have_text("2")
    click(page, "more")
    expect(value).to_have_text("3")
    stranger = new_user().new_page()
    stranger.goto(url)
    expect(part(stranger, "value")).to_have_text("0")


def test_the_clock_moves_each_second_although_nobody_clicks(
    page: Page, example: Callable[..., Server]
) -> None:
    page.goto(example("push_clock").url)
    shown = texts(page, "clock")
    times = wait_until(lambda: shown() if len(shown()) >= 4 else [], 20, "four ticks")
    seconds = [int(text[-2:]) for text in times]
    steps = [(after - before) % 60 for before, after in zip(seconds, seconds[1:], strict=False)]
    assert all(step in (1, 2) for step in steps), times  # 2 when it slept a little longer than a second


@pytest.mark.parametrize(("button", "verb"), [("count", "counted"), ("download", "downloaded")])
def test_each_step_of_a_generator_is_shown(
    page: Page, example: Callable[..., Server], button: str, verb: str
) -> None:
    page.goto(example("generators").url)
    shown = texts(page, "step")
    click(page, button)
    expect(part(page, "step")).to_have_text(verb)
    assert shown() == [*(f"{verb} {percent} %" for percent in range(0, 100, 20)), verb]
    assert part(page, "bar").get_attribute("value") == "100"


def test_two_apps_and_a_view_share_a_site(page: Page, example: Callable[..., Server]) -> None:
    url = example("two_apps").url
    page.goto(url)
    page.get_by_text("Dice").click()
    face = part(page, "face")
    expect(face).to_have_text("?")
    click(page, "roll")
    expect(face).not_to_have_text("?")
    assert face.inner_text() in "123456"

    page.get_by_text("back").click()
    page.get_by_text("Likes").click()
    likes = part(page, "likes")
    for number in ("1", "2"):
        click(page, "like")
        expect(likes).to_have_text(number)
    page.goto(f"{url}/one/")
    expect(face).not_to_have_text("?")  # the instance is still there
    page.goto(f"{url}/two/")
    expect(likes).to_have_text("2")

    answer = page.goto(f"{url}/health")
    assert answer is not None
    assert answer.json() == {"status": "ok"}


@pytest.mark.parametrize(("kind", "survives"), [("files", True), ("redis", True), ("memory", False)])
def test_sessions_survive_what_they_say(
    page: Page,
    example: Callable[..., Server],
    new_user: Callable[..., BrowserContext],
    request: pytest.FixtureRequest,
    complaints: Complaints,
    kind: str,
    survives: bool,
) -> None:
    complaints.allow("ERR_INCOMPLETE_CHUNKED_ENCODING")  # a worker that is busy may have to be killed
    env = {} if kind == "files" else {"SESSIONS": kind}
    if kind == "redis":
        env["REDIS_URL"] = request.getfixturevalue("redis_url")
    server = example("sessions", **env)
    value, listed = part(page, "value"), page.get_by_text("sessions.App")
    page.goto(server.url)
    expect(part(page, "survives")).to_contain_text(f"Sessions: {kind}.")
    for shown in ("1", "2", "3"):
        click(page, "count")
        expect(value).to_have_text(shown)
    page.get_by_role("link").click()
    expect(listed).to_have_text("sessions.App: {'value': 3}")
    page.get_by_role("link", name="back").click()
    expect(value).to_have_text("3")
    stranger = new_user().new_page()
    stranger.goto(server.url)
    expect(part(stranger, "value")).to_have_text("0")
    stranger.goto("about:blank")

    before = set(server.worker_pids())
    server.hup()  # new web workers, and the same pool
    wait_until(lambda: len(set(server.worker_pids()) - before) == 4 == len(server.worker_pids()))
    page.reload()
    expect(value).to_have_text("3")

    page.goto("about:blank")
    server.stop()
    server.start()
    page.goto(server.url)
    expect(value).to_have_text("3" if survives else "0")
    click(page, "count")
    expect(value).to_have_text("4" if survives else "1")


@pytest.mark.clear("it shows both ways itself")
def test_what_is_sealed_passes_by_unread(page: Page, example: Callable[..., Server]) -> None:
    page.goto(example("parano").url)
    inner, passed = page.frame_locator("iframe[name=app]"), page.frame_locator("iframe[src=seen]")
    for kind, visible in (("sealed", False), ("in clear", True)):
        page.get_by_role("link", name=kind).click()
        expect(inner.locator("[data-test=said]")).to_have_text("Hello Ada, this is between us.")
        inner.locator("[data-test=tell]").click()
        expect(inner.locator("[data-test=said]")).to_have_text("The key is under the mat.")
        expect(passed.locator("pre")).to_contain_text(f"/{kind.removeprefix('in ')}/_htag/call")
        if visible:
            expect(passed.locator("pre")).to_contain_text("under the mat")
        else:
            assert "mat" not in passed.locator("pre").inner_text()
