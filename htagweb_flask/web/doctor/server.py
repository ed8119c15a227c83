"""How the server behind a page does: all its processes, many pages, large bodies, long answers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from .page import FAIL, OK, WARN, Finding, Page

__all__ = ["body", "crowd", "poll", "workers"]

CROWD = 8
"""Pages that are open at the same time, for the look at what else the server can do meanwhile."""

ALONE = (
    "processes have not the same key, sessions or pool: set SECRET_KEY; no SESSION_TYPE in the memory of a "
    "process; uWSGI: master = true; several machines: sticky sessions"
)

LARGE = 2 * 1024 * 1024
"""Bytes of a body that nginx refuses unless it was told otherwise."""


def workers(page: Page) -> Iterator[Finding]:
    """Whether each process knows what the others know."""
    seen = Counter(page.poll().status for _ in range(12))
    if set(seen) == {200}:
        yield Finding("workers", OK, "12 requests on new connections have found the page")
        return
    cures = {
        403: ALONE,
        410: ALONE,
        429: "exempt the blueprint from the limit of requests",
    }
    worst = max(seen, key=lambda status: (status != 200, seen[status]))
    text = ", ".join(f"{count} × {status}" for status, count in sorted(seen.items()))
    yield Finding(
        "workers", FAIL, f"12 equal requests: {text}", cures.get(worst, "look into the server's log")
    )


def crowd(page: Page) -> Iterator[Finding]:
    """Whether the server answers while other pages are open."""
    if page.transport == "none":
        return
    waiting = []
    try:
        for _ in range(CROWD):
            other = page.another()
            if other:
                other.poll()  # it may have news, which would end the wait
                url, body = other.boot["urls"]["poll"], other.where(4)
                waiting.append(page.visitor.begin("POST", url, body, other.headers()))
        seconds = page.poll().seconds
    finally:
        for connection in waiting:
            connection.close()
    text = f"with {len(waiting)} other pages open, an answer took {seconds:.2f} s"
    if seconds > 1.5:
        cure = "more threads than open pages (gunicorn --threads), or gunicorn -k gevent; or transport='none'"
        yield Finding("crowd", WARN, text, cure)
        time.sleep(max(0.0, 4 - seconds))  # what holds the server up now must not count in the next checks
    else:
        yield Finding("crowd", OK, text)


def poll(page: Page) -> Iterator[Finding]:
    """Whether an answer may take its time."""
    if page.transport == "none":
        yield Finding("poll", OK, "this page asks for nothing by itself (transport='none')")
        return
    wait = 20 if page.long else 2
    page.poll()
    answer = page.poll(wait=wait)
    text = f"answered after {answer.seconds:.1f} s of {wait}, status {answer.status}"
    if answer.status == 200 and answer.ours:
        yield Finding("poll", OK, text)
    elif answer.status == 200:
        yield Finding("poll", FAIL, f"{text}, but by something on the way", "what answers in HTML here?")
    else:
        yield Finding("poll", FAIL, text, "the proxy must wait for 25 seconds and more")


def body(page: Page) -> Iterator[Finding]:
    """A large call that no app would take."""
    size = f"{LARGE // 1024 // 1024} MiB"
    try:
        answer = page.visitor.ask("POST", page.boot["urls"]["call"], b" " * LARGE, page.headers())
        if answer.ours:
            text = f"{size} arrive" if answer.status == 400 else f"the app takes less than {size}"
            yield Finding("body", OK, text)
            return
        text = f"{size} are answered with status {answer.status} on the way"
    except ConnectionError:
        text = f"{size} are cut on the way"
    yield Finding("body", WARN, text, "nginx: client_max_body_size 16m; Apache: LimitRequestBody 0")
