"""What comes over HTTP from somebody who has no page, or another site's."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.kit import TRACES, attack, click, log, quick, refused, undone, victim
from tests.http_session import Session
from tests.server.desk import QUICK
from tests.servers import Server, serve

VERBS = ("call", "poll", "stream", "leave")
ELSEWHERE = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("how", ["another site", "no token", "no cookie", "another app", "null origin"])
def test_only_a_page_of_ours_may_post(server: Server, verb: str, how: str) -> None:
    page = victim(server.url)
    headers: dict[str, Any] = {
        "another site": ELSEWHERE,
        "no token": {"X-Htag": None},
        "no cookie": {"Cookie": ""},
        "another app": {"X-Htag": page.user.open("/other/").token},
        "null origin": {"Origin": "null", "Sec-Fetch-Site": None},
    }[how]
    token = headers.get("X-Htag", page.token) or ""
    body: Any = token.encode() if verb == "leave" else {"cursor": 0}
    if verb == "call":
        body |= {"seq": 1, "message": click(page, "look")}
    with quick():
        refused(page.post(verb, body, headers), 403, "refused")
    undone(page)


def test_a_session_id_that_somebody_chose_is_nobody(server: Server) -> None:
    user = Session(server.url)
    for chosen in ("chosen-by-attacker", "../../../../tmp/x", "a" * 3000, "%2e%2e%2fx", '"x"'):
        answer = user.get("/", {"Cookie": f"session={chosen}"})
        assert answer.status == 200
        (cookie,) = answer.headers.get_all("Set-Cookie") or []
        assert not cookie.startswith(f"session={chosen};")
        for flag in ("HttpOnly", "SameSite=Lax", "Path=/"):
            assert flag in cookie


def test_a_header_that_anybody_can_send_changes_nothing(server: Server) -> None:
    forged = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "/evil"}
    answer = Session(server.url).get("/", forged)
    assert "evil" not in answer.text
    assert "SameSite=Lax" in answer.headers["Set-Cookie"]
    page = victim(server.url)
    refused(
        attack(page, click(page, "look"), Origin="http://evil.example", **{"Sec-Fetch-Site": None}, **forged),
        403,
        "refused",
    )


@pytest.mark.parametrize("isolation", ["shared"], indirect=True)
def test_visits_make_no_processes(server: Server) -> None:
    victim(server.url)
    before = set(server.pool_processes())
    for number in range(40):
        assert Session(server.url).get("/", {"Cookie": f"session=made-up-{number}"}).status == 200
    assert set(server.pool_processes()) == before


@pytest.mark.parametrize(
    "path",
    ["/_/os.system", "/_/os:system", "/_htag/os", "/tests.apps.attacked:Vault", "/..%2f..%2fetc/passwd"],
)
def test_no_url_names_code_or_files(server: Server, path: str) -> None:
    user = Session(server.url)
    for answer in (user.get(path), user.post(path, b"{}")):
        assert answer.status in (404, 405)
        assert not any(trace in answer.body for trace in TRACES)


@pytest.mark.parametrize("path", ["/broken/", "/torn/", "/broken/?n=%3Cimg%20src=x%20onerror=alert(1)%3E"])
def test_an_error_of_the_app_tells_nothing(server: Server, path: str) -> None:
    with quick():
        answer = Session(server.url).get(path)
    assert answer.status == 500
    assert b"alert(1)" not in answer.body
    assert not any(trace in answer.body for trace in TRACES)


def test_an_error_of_a_handler_shows_no_trace(server: Server) -> None:
    page = victim(server.url)
    answer = attack(page, click(page, "fail"))
    assert answer.status == 200
    assert b"Traceback" not in answer.body
    assert b"attacked.py" not in answer.body
    undone(page)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{", b"\xff\xfe", b'{"seq":1}', b'{"seq":1,"cursor":0,"message":{"id":NaN}}',
        b'{"seq":1,"cursor":0,"message":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"seq":1,"cursor":0,"message":' + b'{"a":' * 50 + b"1" + b"}" * 51,
        b'{"seq":1,"cursor":0,"message":[' + b"1," * 200_000 + b"1]}",
        b'{"seq":1,"cursor":0,"message":{},"more":1}',
        b'{"seq":-1,"cursor":0,"message":{}}',
        b'{"seq":1,"cursor":0,"at":-5,"message":{}}',
        b'{"seq":1,"cursor":0,"message":' + b"9" * 1_000_000 + b"}",
    ],
    ids=lambda body: f"{body[:40]!r} of {len(body)}",
)  # fmt: skip
def test_what_is_no_message_is_refused(server: Server, body: bytes) -> None:
    page = victim(server.url)
    with quick():
        refused(page.post("call", body), 400, "bad")
    assert log(page.user.open("/")) == "look"


def test_a_flood_of_clicks_is_put_off_and_lost_by_nobody(server: Server) -> None:
    """HTAG_MAX_RATE is 20 here: 40 at once, then 20 in a second, which any machine can do."""
    page = victim(server.url)
    message, answers = click(page, "look"), []
    for _ in range(400):
        answer = page.post("call", {"seq": page.seq + 1, "cursor": page.cursor, "message": message})
        answers.append(answer)
        if answer.status == 429:
            break
        assert answer.status == 200
        page.seq += 1
    refused(answers[-1], 429, "many")
    assert answers[-1].headers["Retry-After"] == "1"
    page.call(message)  # as the page does: later, the same number
    assert log(page).split() == ["look"] * (page.seq)


# ---- what others of the machine can plant


def test_a_pickle_in_a_session_file_runs_nothing(server: Server, data_dir: Path, tmp_path: Path) -> None:
    page = victim(server.url)
    page.user.get("/set/mine")
    marker = tmp_path / "marker"

    class Bomb:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(marker),)

    for path in (data_dir / "sessions").rglob("*"):
        if path.is_file() and b"mine" in path.read_bytes():
            path.write_bytes(pickle.dumps(Bomb()))
    assert page.user.get("/keys").json() == {"keys": []}
    assert page.user.get("/").status == 200
    assert not marker.exists()


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_number_in_a_file_is_no_reason_to_end_a_process(bystander: subprocess.Popen[bytes]) -> None:
    """As others do, who look for what they have left behind."""
    with tempfile.TemporaryDirectory(prefix="htagweb") as folder:
        for name in ("PID", "pid", "pool.pid", "Vault/PID"):
            path = Path(folder) / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(str(bystander.pid))
        with serve("waitress", "tests.apps.attacked:app", threads=4, env=QUICK) as another:
            assert log(victim(another.url)) == "look"
    assert bystander.poll() is None


def test_requests_of_one_session_lose_nothing_of_each_other(server: Server) -> None:
    user = Session(server.url)
    user.get("/set/start")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: user.get(f"/set/key{number}"), range(40)))
    found = set(user.get("/keys").json()["keys"])
    assert found == {"first", "start", *(f"key{number}" for number in range(40))}


def test_every_answer_to_a_page_is_for_nobody_else(server: Server) -> None:
    page = victim(server.url)
    assert page.answer.headers["Cache-Control"] == "no-store"
    assert "Cookie" in page.answer.headers["Vary"]
    answer = attack(page, click(page, "look"))
    assert answer.headers["Cache-Control"] == "no-store"
    assert json.loads(answer.body)["done"] is True
