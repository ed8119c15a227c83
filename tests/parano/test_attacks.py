"""What is not sealed, or was sealed for something else, is refused, and nothing has changed."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

import pytest

from htagweb_flask.errors import Altered
from htagweb_flask.noise import new_key
from htagweb_flask.seal import THIRD
from htagweb_flask.web.doctor import examine
from htagweb_flask.web.doctor.visitor import Visitor
from tests.apps.markers import SECRETS
from tests.http_client import Answer, User
from tests.http_sealed import OCTETS, Knock, SealedPage, enter
from tests.http_session import Refused
from tests.servers import Server
from tests.support import wait_until


@pytest.fixture
def tab(site: Server) -> SealedPage:
    return enter(User(site.url))


def refused(answer: Answer, status: int, code: str) -> None:
    """It says no, and nothing else."""
    assert (answer.status, answer.headers["X-Htag"], answer.body) == (status, code, b"")
    assert answer.headers["Cache-Control"] == "no-store"


def works(tab: SealedPage, count: int) -> None:
    """What was refused has changed nothing, and what comes next is done."""
    assert tab.count == f"{count}"
    tab.click("more")
    assert tab.count == f"{count + 1}"


@pytest.mark.parametrize("verb", ["call", "poll", "stream", "leave"])
def test_clear_text_is_refused(tab: SealedPage, verb: str) -> None:
    clear: dict[str, Any] = {"cursor": tab.cursor} if verb in ("poll", "stream") else tab.message("more")
    for headers in ({}, OCTETS):
        refused(tab.user.request("POST", tab.urls[verb], clear, {**tab.headers(), **headers}), 400, "altered")
    for body in (b"", b"{}", b"\x01", b"\x01\x02" + bytes(30), json.dumps(clear).encode().ljust(100)):
        refused(tab.send(verb, body), 400, "altered")
    works(tab, 0)


def test_there_is_no_way_back_to_clear_text(site: Server) -> None:
    """Not by the address, and not by what the browser says of itself."""
    user = User(site.url)
    shell = user.get("/").body
    assert all(secret.encode() not in shell for secret in SECRETS.values())
    for query in ("?parano=0", "?parano=false", "?_htag=page", "?n"):
        assert user.get(f"/{query}").body == shell
    for headers in (
        {"Accept": "application/json"},
        {"X-Htag": "x"},
        {"User-Agent": "curl"},
        {"Upgrade": "x"},
    ):
        assert user.get("/", headers).body == shell
    assert not user.cookies  # the shell is for everybody
    plain = user.open("/plain/")
    answer = user.post("/_htag/call", {"seq": 1, "cursor": 0, "message": {}}, {"X-Htag": plain.token})
    refused(answer, 403, "refused")
    assert (
        user.post("/plain/_htag/key", b"x" * 34).status == 404
    )  # nor does a page in clear turn into another


def test_every_part_of_a_record_is_vouched_for(site: Server) -> None:
    for at in (0, 1, 2, 3, 4, 10, 11, 12, 15, 16, -17, -16, -1):
        tab = enter(User(site.url))
        record = bytearray(tab.record(tab.message("more")))
        record[at] ^= 1 << random.randrange(8)
        answer = tab.send("call", bytes(record))
        if at != 11:  # another number may be that of a record that came before
            refused(answer, 400, "altered")
        assert answer.status in (400, 425)
        works(tab, 0)


def test_a_record_that_was_cut_or_extended_is_refused(tab: SealedPage) -> None:
    record = tab.record(tab.message("more"))
    for cut in (record[:-1], record[:12], record[:16], record[1:], record + b"\0", record + record):
        refused(tab.send("call", cut), 400, "altered")
    assert tab.send("call", record).status == 200  # it is still good
    tab.seq += 1
    works(tab, 1)


def test_too_many_altered_records_close_the_channel(tab: SealedPage) -> None:
    record = tab.record(tab.message("more"))
    for _ in range(16):
        refused(tab.send("call", record[:-1] + bytes([record[-1] ^ 1])), 400, "altered")
    refused(tab.send("call", record[:-1]), 410, "gone")
    refused(tab.send("call", record), 410, "gone")
    assert (
        enter(tab.user).count == "0"
    )  # a new page goes on, with the same instance


def test_a_record_is_accepted_once(tab: SealedPage) -> None:
    record = tab.record(tab.message("more"))
    assert tab.send("call", record).status == 200
    tab.seq += 1
    for _ in range(3):
        refused(tab.send("call", record), 425, "replayed")
    works(tab, 1)


def test_calls_are_not_done_in_another_order(tab: SealedPage) -> None:
    first, second = tab.message("more"), tab.message("later")
    second["seq"] += 1
    records = [tab.record(each) for each in (first, second)]
    refused(tab.send("call", records[1]), 409, "gap")
    assert tab.send("call", records[0]).status == 200
    refused(tab.send("call", records[1]), 425, "replayed")
    tab.seq += 1
    works(tab, 1)
    assert tab.find(tag="p", data_test="heard").text == "nothing"


def test_a_record_is_for_one_page(site: Server, tab: SealedPage) -> None:
    """Neither for another one of the user, nor for that of somebody else."""
    own, other = enter(tab.user), enter(User(site.url))
    for page in (own, other):
        record = tab.record(tab.message("more"))
        refused(page.send("call", record), 400, "altered")
        refused(page.send("poll", record), 400, "altered")
        assert page.send("leave", record).status in (400, 410)
    works(other, 0)
    works(tab, 0)


def test_a_record_is_for_one_thing(tab: SealedPage) -> None:
    for verb in ("poll", "stream"):
        refused(tab.send(verb, tab.record(tab.message("more"))), 400, "bad")
    refused(tab.send("call", tab.record({"cursor": 0, "wait": 0})), 400, "bad")
    works(tab, 0)


def test_the_answer_to_one_thing_is_not_taken_for_that_to_another(tab: SealedPage) -> None:
    poll, call = tab.record({"cursor": 0}), tab.record(tab.message("more"))
    answer = tab.send("poll", poll).body
    with pytest.raises(Altered):
        tab.side.open(answer, int.from_bytes(call[4:12], "big"))
    assert b'"payloads"' in tab.side.open(answer, int.from_bytes(poll[4:12], "big"))


def test_a_handshake_is_for_one_page(site: Server) -> None:
    user = User(site.url)
    knock = Knock(user)
    body, headers = knock.page(knock.key())
    assert knock.ask(body, headers).status == 200
    refused(knock.ask(body, headers), 425, "replayed")
    other = Knock(user)
    refused(other.ask(body, {**headers, "X-Htag": other.key().headers["X-Htag"]}), 400, "altered")


@pytest.mark.parametrize("at", [0, 40, THIRD - 1, THIRD, THIRD + 1, -1])
def test_the_end_of_a_handshake_cannot_be_altered(site: Server, at: int) -> None:
    knock = Knock(User(site.url))
    body, headers = knock.page(knock.key())
    altered = bytearray(body)
    altered[at] ^= 1
    refused(knock.ask(bytes(altered), headers), 400, "altered")
    assert knock.ask(body, headers).status in (410, 425)  # another handshake is needed


@pytest.mark.parametrize(
    "body", [b"", b"x", b"{}", b"\x01\x00" + bytes(32), b"\x01\x09" + b"x" * 32, b"\x02\x00" + b"x" * 32]
)
def test_what_begins_no_handshake_is_refused(site: Server, body: bytes) -> None:
    refused(User(site.url).post("/_htag/key", body, OCTETS), 400, "altered")


def test_a_page_at_another_address_agrees_on_nothing(site: Server) -> None:
    """Somebody's server in the middle may say what it likes of itself: the browser says where it is."""
    knock = Knock(User(site.url))
    answer = knock.key(origin="https://elsewhere.example")
    with pytest.raises(Altered):
        knock.page(answer)
    for headers in ({"Origin": "https://elsewhere.example"}, {"Origin": None}, {"Origin": "null"}):
        refused(knock.key(headers), 403, "refused")


def test_handshakes_of_a_session_are_counted(site: Server) -> None:
    user = User(site.url)
    enter(user)
    answers = [Knock(user).key() for _ in range(14)]
    late = [answer for answer in answers if answer.status != 200]
    assert late
    for answer in late:
        refused(answer, 429, "many")
        assert answer.headers["Retry-After"] == "1"
    wait_until(lambda: Knock(user).key().status == 200, 10, "handshakes are possible again")


def test_a_stolen_cookie_opens_nothing(site: Server) -> None:
    tab, thief = enter(User(site.url)), User(site.url)
    for cookie in tab.user.cookies:
        thief.cookies.set_cookie(cookie)
    with pytest.raises(Refused) as refusal:
        enter(thief)
    refused(refusal.value.answer, 403, "foreign")
    works(tab, 0)
    assert enter(tab.user).count == "1"


def test_keys_are_neither_in_the_page_nor_made_from_the_cookie(site: Server) -> None:
    """Nor are those of two pages the same: of one user and one session, of two users."""
    user, other = User(site.url), User(site.url)
    tabs = [enter(user), enter(user), enter(other)]
    keys = [bytes(key) for tab in tabs for key in channel_keys(tab)]
    assert len(set(keys)) == 6
    seen = b"".join(tab.answer.body + tab.token.encode() for tab in tabs)
    for one in (user, other):
        seen += b"".join(f"{cookie.name}={cookie.value}".encode() for cookie in one.cookies)
        seen += one.get("/").body
    for key in keys:
        for form in (key, key[::-1], key.hex().encode(), base64.b64encode(key)[:40]):
            assert form not in seen


def channel_keys(tab: SealedPage) -> list[bytearray]:
    channel = tab.side.channel  # type: ignore[attr-defined]
    return [key for way in (channel._says, channel._hears) for key in way._keys.values()]


def test_who_is_first_has_the_session(site: Server) -> None:
    """As docs/parano.md says: a cookie that was stolen before any sealed page was open is good for one."""
    user, thief = User(site.url), User(site.url)
    assert Knock(user).key().status == 200
    for cookie in user.cookies:
        thief.cookies.set_cookie(cookie)
    enter(thief)
    with pytest.raises(Refused) as refusal:
        enter(user)
    refused(refusal.value.answer, 403, "foreign")  # and the user is told


def test_who_has_lost_its_key_begins_a_new_session(site: Server) -> None:
    user = User(site.url)
    tab = enter(user)
    tab.click("more")
    former = {cookie.name: cookie for cookie in user.cookies}
    knock = Knock(user)
    assert user.post(knock.place["key"], b"", {**OCTETS, "X-Htag": "forget"}).status == 204
    assert not user.cookies
    assert enter(user, identity=new_key()).count == "0"
    for cookie in former.values():
        user.cookies.set_cookie(cookie)
    assert enter(user).count == "1"  # it is there for whom it belongs to


def test_a_channel_ends_with_its_session(site: Server) -> None:
    user = User(site.url)
    tab = enter(user)
    tab.click("more")
    user.get("/logout")
    answer = tab.send("call", tab.record(tab.message("more")))
    assert answer.status in (403, 410)
    assert answer.body == b""
    assert enter(user, identity=new_key()).count == "0"  # and no key of it counts


def test_a_closed_page_has_no_channel(tab: SealedPage) -> None:
    assert tab.post("leave", {}).status == 204
    refused(tab.send("call", tab.record(tab.message("more"))), 410, "gone")


def test_what_apps_fail_with_is_sealed(site: Server) -> None:
    for path, trace in (("/debug/", True), ("/broken/", False)):
        knock = Knock(User(site.url), path)
        answer = knock.ask(*knock.page(knock.key()))
        assert answer.status == 200
        assert SECRETS["trace"].encode() not in answer.body
        said = knock.said(answer)
        assert (SECRETS["trace"] in said["error"]) is trace
        assert (SECRETS["trace"] in said["trace"]) is trace
        assert trace or "at reference" in said["error"]


def test_an_app_sees_nothing_of_all_this(site: Server) -> None:
    user = User(site.url)
    for path in ("/", "/handled"):
        for _ in range(2):  # also when the session has the key of the browser
            tab = enter(user, path, "name=Ada")
            assert "_htag" not in tab.find(tag="p", data_test="keys").text
            assert tab.find(tag="p", data_test="name").text == "Ada"
    tab.click("more")
    assert tab.count == "1"


def test_the_doctor_knows_a_sealed_page(site: Server) -> None:
    (finding,) = examine(Visitor(f"{site.url}/"))
    assert (finding.name, finding.level) == ("page", "warn")
    assert "parano" in finding.text
