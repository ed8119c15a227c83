"""What an app keeps is there again, after F5, in a new instance, for views, for other apps."""

from __future__ import annotations

import pytest

from tests.http_client import Page, Refused
from tests.servers import Server
from tests.state.kit import (
    NOTES,
    OTHER,
    Anywhere,
    gate_waits,
    made,
    meanwhile,
    message,
    pid,
    press,
    said,
    seen,
    shown,
    sid,
    state,
    stored,
    together,
    told,
    visit,
    word,
)
from tests.support import GENERATION, wait_until


def test_state_survives_f5_and_a_new_instance(user: Anywhere) -> None:
    page = user.open("/")
    press(page, "put", key="name", value="ann")
    again = page.reload()
    assert made(again) == made(page)
    assert seen(again)[0]["name"] == "ann"
    fresh = user.open("/?another")
    assert made(fresh) != made(page)
    assert said(fresh)[0] == seen(fresh)[0] == {"name": "ann"}


def test_a_tab_of_its_own_finds_the_state_at_each_reload(user: Anywhere) -> None:
    page = user.open("/tab/")
    press(page, "put", key="name", value="ann")
    again = page.reload()
    assert made(again) != made(page)
    assert said(again)[0] == {"name": "ann"}


def test_a_value_that_was_changed_inside_is_kept(user: Anywhere) -> None:
    page = user.open("/")
    for value in ("first", "a", "b"):
        press(page, "inside", value=value)
    assert state(user) == {"list": {"items": ["a", "b"]}}
    assert said(user.open("/?another"))[0] == {"list": {"items": ["a", "b"]}}


def test_a_list_that_the_app_holds_on_to_stays_the_one_of_the_session(user: Anywhere) -> None:
    """Also when the page was made in a session that was there before, and while others change other keys."""
    user.open("/other/")
    page = user.open("/")
    press(page, "tell", value=1)
    press(page.reload(), "tell", value=2)
    visit(user, "/put", key="theirs", value="x")
    press(page.reload(), "tell", value=3)
    assert told(user) == [1, 2, 3]


def test_every_type_of_value_is_kept_as_it_is(user: Anywhere) -> None:
    page = user.open("/")
    press(page, "types")
    assert word(page) == "kept"
    assert visit(user, "/types") == "wrong []"
    visit(user, "/put", key="theirs", value="x")
    other = user.open("/other/")
    press(other, "types")
    assert word(other) == "wrong []"


def test_a_value_of_another_type_takes_the_place_of_one_that_looks_alike(user: Anywhere) -> None:
    page = user.open("/")
    for again in range(3):
        press(page, "retype")
        wanted = "[1, 2]" if again % 2 == 0 else "(1, 2)"
        assert visit(user, "/pair", app=NOTES) == f"{wanted} {wanted}"


def test_clear_empties_the_state_of_its_own_tag_only(user: Anywhere) -> None:
    page, other = user.open("/"), user.open("/other/")
    press(page, "put", key="mine", value=1)
    press(other, "put", key="theirs", value=1)
    press(page, "mark")
    visit(user, "/put", key="user", value="ann")
    press(page, "wipe")
    session = shown(user)
    assert NOTES not in session
    assert session[OTHER] == {"theirs": 1}
    assert session["tests.apps.state_notes.Part"] == {"marks": 1}
    assert session["user"] == "ann"


def test_a_key_that_was_deleted_stays_away(user: Anywhere) -> None:
    page = user.open("/")
    press(page, "put", key="a", value=1)
    press(page, "put", key="b", value=1)
    press(page, "drop", key="a")
    assert state(user) == {"b": 1}
    assert said(user.open("/?another"))[0] == {"b": 1}


def test_the_state_of_a_tag_inside_is_kept_as_well(user: Anywhere) -> None:
    page = user.open("/")
    press(page, "mark")
    press(page, "mark")
    assert word(page, "marks") == "marks 2"
    assert word(user.open("/?another"), "marks") == "marks 2"
    assert word(user.open("/other/"), "marks") == "marks 2"


# ---- views


def test_views_see_what_the_app_has_set_at_their_next_request(user: Anywhere) -> None:
    page = user.open("/")
    for value in range(5):
        press(page, "share", key="shared", value=value)
        assert shown(user)["shared"] == value
    press(page, "unshare", key="shared")
    assert "shared" not in shown(user)


def test_the_app_sees_what_views_have_set_at_its_next_interaction(user: Anywhere) -> None:
    page = user.open("/")
    for value in ("1", "2"):
        visit(user, "/put", key="theirs", value=value)
        assert seen(page)[1]["theirs"] == value
    visit(user, "/nest", value="a")
    visit(user, "/nest", value="b")
    assert seen(page)[1]["deep"] == {"list": ["a", "b"]}
    visit(user, "/put", key="theirs")
    assert "theirs" not in seen(page)[1]
    assert "theirs" not in said(page.reload())[1]


def test_an_app_and_views_that_count_together_lose_no_count(user: Anywhere) -> None:
    """One after the other, each sees what the one before has done: two apps, in two processes, and a view."""
    page, other = user.open("/"), user.open("/other/")
    for number in range(1, 22, 3):
        press(page, "tally")
        assert word(page) == f"count {number}"
        press(other, "tally")
        assert word(other) == f"count {number + 1}"
        assert visit(user, "/tally") == f"{number + 2}"


def test_a_view_that_is_slow_takes_nothing_back(server: Server, user: Anywhere) -> None:
    page = user.open("/")
    press(page, "put", key="before", value=1)
    gate = f"slow-{sid(user)}"
    with meanwhile(lambda: visit(user, "/hold", gate=gate, key="mine")):
        wait_until(lambda: gate_waits(server, gate))
        press(page, "put", key="during", value=1)
        press(page, "drop", key="before")
        visit(user, "/put", key="theirs", value="x")
        visit(Anywhere(server.url), "/open_gate", gate=gate)
    session = shown(user)
    assert session[NOTES] == {"during": 1}
    assert (session["mine"], session["theirs"]) == ("late", "x")
    assert seen(page) == (session[NOTES], session)


def test_a_login_during_an_interaction_is_not_overwritten(user: Anywhere) -> None:
    page = user.open("/")
    press(page, "put", key="before", value=1)
    gate = f"login-{sid(user)}"
    batch = page.call(message(page, "hold", gate=gate, key="after"))
    assert batch["done"] is False
    visit(user, "/login", user="ann")
    visit(user, "/open_gate", gate=gate)
    page.wait_for(lambda: page.poll(1) and word(page) == "held after")
    wait_until(stored(user, "after"))
    session = shown(user)
    assert session["user"] == "ann"
    assert session[NOTES] == {"before": 1, "after": "held"}
    assert seen(page)[1]["user"] == "ann"


@pytest.mark.parametrize("transport", ["stream", "polling"])
def test_what_is_held_open_takes_nothing_back(user: Anywhere, transport: str) -> None:
    page = user.open("/")
    with getattr(page, transport)():
        for number in range(3):
            visit(user, "/put", key=f"view-{number}", value="x")
            press(page, "put", key=f"app-{number}", value=number)
    page.leave()
    session = shown(user)
    assert {f"view-{number}" for number in range(3)} <= set(session)
    assert session[NOTES] == {f"app-{number}": number for number in range(3)}


# ---- tasks


def test_what_a_task_keeps_is_stored_within_a_second_with_a_page_and_with_none(user: Anywhere) -> None:
    page = user.open("/")
    with page.stream():
        press(page, "work", label="shown", n=3, pause=0.01)
        wait_until(stored(user, "shown-2"), 4)
    press(page, "work", label="alone", n=3, pause=0.2)
    page.leave()
    wait_until(stored(user, "alone-2"), 4)
    assert {f"alone-{number}" for number in range(3)} <= set(state(user))
    assert made(user.open("/")) == made(page)


def test_a_task_goes_on_with_the_session_after_a_login_with_a_new_id(user: Anywhere) -> None:
    page = user.open("/")
    press(page, "work", label="task", n=0, pause=0.05)
    wait_until(stored(user, "task-0"), 4)
    before = sid(user)
    visit(user, "/login", user="ann", how="new")
    assert sid(user) != before
    first = state(user)["task-0"]
    wait_until(lambda: state(user)["task-0"] > first, 4)
    assert shown(user)["user"] == "ann"
    assert made(page.reload()) == made(page)
    visit(user, "/logout")


# ---- two apps


def test_two_apps_of_a_user_that_write_at_the_same_time_lose_nothing(user: Anywhere) -> None:
    page, other = user.open("/"), user.open("/other/")

    def fill(tab: Page, button: str) -> None:
        for number in range(20):
            press(tab, button, key=f"{button}-{number}", value=number)

    together([lambda: fill(page, "put"), lambda: fill(other, "put")])
    assert state(user) == state(user, OTHER) == {f"put-{number}": number for number in range(20)}


def test_two_mounts_of_one_app_share_its_state_key_by_key(user: Anywhere) -> None:
    """They are two apps, in two processes, with one state; a tag of both is in the same case."""
    tabs = [user.open(path) for path in ("/", "/none/", "/tab/")]

    def fill(name: int, tab: Page) -> None:
        for number in range(15):
            press(tab, "put", key=f"{name}-{number}", value=number)
            press(tab, "part", key=f"{name}-{number}", value=number)

    together([lambda name=name, tab=tab: fill(name, tab) for name, tab in enumerate(tabs)])
    wanted = {f"{name}-{number}": number for name in range(3) for number in range(15)}
    assert state(user) == wanted
    assert state(user, "tests.apps.state_notes.Part") == wanted
    for tab in tabs:
        assert seen(tab)[0] == wanted


# ---- login and logout


def test_who_logs_in_by_a_view_is_known_to_the_app_and_a_logout_ends_it(user: Anywhere) -> None:
    page = user.open("/")
    visit(user, "/login", user="ann")
    assert said(page.reload())[1].get("user") is None, "the tree is the same: it shows what it has drawn"
    assert seen(page := page.reload())[1]["user"] == "ann"
    tab = user.open("/")
    with tab.stream() as stream:
        cookies = f"session={sid(user)}"
        visit(user, "/logout")
        wait_until(lambda: tab.gone, 5, "the stream says that the instance is gone")
        assert stream.events[-1][1] == "gone"
    with pytest.raises(Refused) as refused:
        page.call(message(page, "see"), headers={"Cookie": cookies})
    assert refused.value.status == 410
    with pytest.raises(Refused) as refused:
        page.call(message(page, "see"))
    assert refused.value.status == 403
    fresh = user.open("/")
    assert made(fresh) != made(page)
    assert said(fresh) == ({}, {"told by Notes": []})


def test_an_open_page_goes_on_after_a_login_with_a_new_id(user: Anywhere) -> None:
    page = user.open("/")
    press(page, "put", key="cart", value=1)
    with page.stream():
        visit(user, "/login", user="ann", how="new")
        assert seen(page)[1]["user"] == "ann"
        press(page, "put", key="more", value=1)
    again = page.reload()
    assert made(again) == made(page)
    assert state(user) == {"cart": 1, "more": 1}


def test_a_click_that_was_sent_before_the_browser_had_the_new_id_is_done(user: Anywhere) -> None:
    """By whichever web process: most of them have never heard of either id."""
    page = user.open("/")
    former = list(user.cookies)
    visit(user, "/login", user="ann", how="new")
    latter = list(user.cookies)
    for cookie in former:
        user.cookies.set_cookie(cookie)
    for number in range(12):
        press(page, "put", key=f"late-{number}", value=number)
    for cookie in latter:
        user.cookies.set_cookie(cookie)
    assert state(user) == {f"late-{number}": number for number in range(12)}
    assert shown(user)["user"] == "ann"


def test_an_interaction_that_ends_after_a_login_with_a_new_id_is_stored_there(
    server: Server, user: Anywhere
) -> None:
    page = user.open("/none/")
    gate = f"renew-{sid(user)}"
    with meanwhile(lambda: page.call(message(page, "hold", gate=gate, key="held"))) as answers:
        wait_until(lambda: gate_waits(server, gate))
        visit(user, "/login", user="ann", how="new")
        visit(user, "/open_gate", gate=gate)
    assert answers[0]["done"] is True
    assert state(user) == {"held": "held"}
    assert shown(user)["user"] == "ann"


def test_who_empties_the_session_at_a_login_does_not_find_the_instance_of_the_former_user(
    user: Anywhere,
) -> None:
    """As Flask's own tutorial does: session.clear(), then session["user"]."""
    page = user.open("/")
    press(page, "put", key="secret", value="of ann")
    visit(user, "/login", user="bob", how="clear")
    assert shown(user) == {"user": "bob"}
    with pytest.raises(Refused) as refused:
        press(page, "see")
    assert refused.value.status == 410
    fresh = user.open("/")
    assert made(fresh) != made(page)
    assert said(fresh)[0] == {}
    assert said(fresh)[1]["user"] == "bob"


# ---- mistakes


def test_a_value_that_cannot_be_kept_is_an_error_where_it_is_set(server: Server, user: Anywhere) -> None:
    page = user.open("/")
    press(page, "put", key="good", value=1)
    press(page, "bad")
    assert page.errors, "the page is told"
    wait_until(lambda: "tag.state['wrong']: a value of type 'object' cannot be kept" in server.log_text())
    press(page, "put", key="good", value=2)
    assert state(user) == {"good": 2}


def test_a_value_that_was_spoiled_later_holds_back_no_other(server: Server, user: Anywhere) -> None:
    page = user.open("/")
    press(page, "bad_inside")
    press(page, "put", key="good", value=2)
    assert state(user)["good"] == 2
    again = page.reload()
    assert made(again) == made(page)
    wait_until(lambda: "['inside'] is not stored: a value of type 'object'" in server.log_text())


def test_a_megabyte_of_state_works_and_too_much_is_an_error_with_the_name_of_its_key(
    server: Server, user: Anywhere
) -> None:
    page = user.open("/")
    press(page, "big", size=1_000_000)
    assert word(page) == "big 1000000"
    assert len(state(user)["big"]) == 1_000_000
    press(page, "put", key="more", value=1)
    press(page, "big", size=9_000_000)
    assert word(page) == "big 1000000"
    wait_until(lambda: "tag.state['big']: 9000005 bytes are over the limit" in server.log_text())
    assert len(seen(user.open("/?another"))[0]["big"]) == 1_000_000
    assert state(user)["more"] == 1


# ---- what init is given


def test_the_query_reaches_init(user: Anywhere) -> None:
    assert word(user.open("/?x&y=z"), "args") == '[["x"], {"y": "z"}]'


@pytest.mark.htag2
def test_a_new_instance_that_is_asked_for_finds_the_session(user: Anywhere) -> None:
    page = user.open("/")
    press(page, "put", key="a", value=1)
    fresh = user.open("/?n")
    assert made(fresh) != made(page)
    assert said(fresh)[0] == {"a": 1}


def test_the_generation_under_test_is_the_one_that_answers(user: Anywhere) -> None:
    page = user.open("/")
    assert page.generation == GENERATION
    assert pid(page) not in user.workers
