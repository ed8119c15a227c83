"""Pages under the Content-Security-Policy of docs/csp.md: they work, and what it names is needed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from htagweb_flask.policy import policy_of
from htagweb_flask.web.doctor import OK, WARN, Visitor, examine
from tests.apps.web_csp import COLD, WARM
from tests.browser import Complaints
from tests.servers import Server
from tests.support import GENERATION, ROOT, wait_until
from tests.web.pages import click, connected, early, gunicorn, loaded, logged, part

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

    NewUser = Callable[..., BrowserContext]

BLOCK = re.compile(r"^## ([^\n]+)\n(?:(?!## )[^\n]*\n)*?```csp\n(.*?)^```", re.M | re.S)

WATCH = "addEventListener('securitypolicyviolation', (event) => violated(event.effectiveDirective))"


def documented() -> dict[str, str]:
    """The policies, by what they are for: Bare is an app without scripts and styles of its own."""
    text = (ROOT / "docs" / "csp.md").read_text(encoding="utf-8")
    found = {title: re.sub(r"\s*\n", " ", block).strip() for title, block in BLOCK.findall(text)}
    assert list(found) == ["htag 2, and htag 1 with scripts or styles", "htag 1 without scripts and styles"]
    rich, bare = found.values()
    return {"rich": rich, "bare": bare} if GENERATION == 1 else {"rich": rich}


POLICIES = documented()


def without_each() -> Iterator[tuple[str, str, str]]:
    """For each app its policy with one source less, and what is left out."""
    for path, policy in POLICIES.items():
        for directive in policy.split("; "):
            name, *sources = directive.split()
            for source in sources:
                left = [name, *(other for other in sources if other != source)]
                if source != "'none'":
                    less = policy.replace(directive, " ".join(left) if len(left) > 1 else "")
                    yield path, less, f"{name} {source}"


LESS = list(without_each())

IN_CLEAR = pytest.mark.clear("who is told of an error by script needs no style for its page")
SUPERFLUOUS = [
    pytest.param(*less, id=f"{less[0]} {less[2]}", marks=IN_CLEAR if "sha256" in less[2] else ())
    for less in LESS
]


@pytest.fixture(scope="module")
def site() -> Iterator[Server]:
    with gunicorn("tests.apps.web_csp:app") as server:
        yield server


class Guarded:
    """A page under a policy, and the directives that it has violated."""

    def __init__(self, new_user: NewUser, policy: str) -> None:
        self.context = new_user(extra_http_headers={"X-Policy": policy} if policy else {})
        self.violated: list[str] = []
        self.context.expose_function("violated", lambda directive: self.violated.append(directive))
        early(self.context, WATCH)
        self.page = self.context.new_page()

    def settled(self) -> list[str]:
        """What was violated so far: the events have had their time."""
        self.page.wait_for_timeout(100)
        return self.violated


def color(page: Page, name: str) -> str:
    found: str = part(page, name).evaluate("tag => getComputedStyle(tag).color")
    return found


def use(page: Page) -> None:
    """All that htag does."""
    shown = part(page, "shown")
    click(page, "steps")
    expect(shown).to_have_text("end")
    click(page, "tick")
    expect(shown).to_have_text("pushed")
    click(page, "script")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    part(page, "field").fill("abc")
    click(page, "send")
    expect(part(page, "sent")).to_have_text("ABC")
    expect(page).to_have_title("sent")
    click(page, "redraw")
    expect(page.locator("body")).to_have_attribute("title", "drawn")


def use_styles_and_scripts(page: Page) -> None:
    logged(page, "init")
    assert color(page, "styled") == WARM
    click(page, "restyle")
    expect(part(page, "styled")).to_have_css("color", COLD)
    click(page, "late")
    expect(part(page, "new")).to_have_css("color", COLD)
    assert color(page, "warm") == WARM
    logged(page, "init", "guest")
    if GENERATION == 2:
        assert page.evaluate("loaded") == 1


def see_an_error(page: Page, complaints: Complaints) -> None:
    complaints.allow("PYTHON ERROR")
    click(page, "fail")
    if GENERATION == 2:
        overlay = page.locator("htag-error")
        expect(overlay.locator(".dialog")).to_have_css("position", "relative")
        overlay.locator(".close").click()


@pytest.mark.parametrize("policy", ["", POLICIES["rich"]], ids=["without", "with"])
def test_pages_work_as_without_it(
    new_user: NewUser, site: Server, complaints: Complaints, policy: str
) -> None:
    guarded = Guarded(new_user, policy)
    page = guarded.page
    answer = page.goto(f"{site.url}/rich/")
    assert answer is not None
    assert answer.headers["content-security-policy"] == (policy or policy_of("default", ""))
    use(connected(page))
    use_styles_and_scripts(page)
    see_an_error(page, complaints)
    page.reload()
    connected(page)
    use(page)
    assert guarded.settled() == []


@pytest.mark.htag1
def test_pages_without_scripts_and_styles_need_less(
    new_user: NewUser, site: Server, complaints: Complaints
) -> None:
    guarded = Guarded(new_user, POLICIES["bare"])
    page = guarded.page
    page.goto(f"{site.url}/bare/")
    use(connected(page))
    see_an_error(page, complaints)
    assert guarded.settled() == []


@pytest.mark.parametrize("path", POLICIES)
def test_the_banner_is_styled(new_user: NewUser, site: Server, complaints: Complaints, path: str) -> None:
    complaints.allow("403", "410")
    guarded = Guarded(new_user, POLICIES[path])
    page = guarded.page
    page.goto(f"{site.url}/{path}/")
    connected(page)
    with page.expect_response("**/call"):
        click(page, "script")
    guarded.context.clear_cookies()
    click(page, "script")
    banner = page.locator(".htag-banner")
    expect(banner).to_contain_text("session has ended")
    expect(banner).to_have_css("position", "fixed")
    assert guarded.settled() == []


@pytest.mark.parametrize("path", POLICIES)
@pytest.mark.parametrize("app", ["broken", "debug"])
def test_error_pages_are_styled(
    new_user: NewUser, site: Server, complaints: Complaints, path: str, app: str
) -> None:
    complaints.allow("500")
    guarded = Guarded(new_user, POLICIES[path])
    guarded.page.goto(f"{site.url}/{app}/")
    expect(guarded.page).to_have_title("This app has an error")
    expect(guarded.page.locator("body")).to_have_css("max-width", "768px")
    assert guarded.settled() == []


PRESS = """() => ["steps", "script"].every((name) => {
  const button = document.querySelector(`[data-test=${name}]`);
  button?.click();
  return button;
})"""

FAILED = "document.title === 'This app has an error'"


@pytest.mark.parametrize(("path", "policy", "missing"), SUPERFLUOUS)
def test_nothing_in_it_is_superfluous(
    new_user: NewUser, site: Server, complaints: Complaints, path: str, policy: str, missing: str
) -> None:
    complaints.allow("")  # many, as it should be
    guarded = Guarded(new_user, policy)
    page = guarded.page
    for address, press in (("broken", FAILED), (path, PRESS)):
        page.goto(f"{site.url}/{address}/")
        # Without what it needs a page may not come so far.
        wait_until(lambda press=press: page.evaluate(press) or guarded.settled(), 20, address)
        guarded.settled()
    name = missing.split()[0]
    wait_until(guarded.settled, 20, "a violation")
    assert {violated.startswith(name) for violated in guarded.violated} == {True}


@pytest.mark.clear("no page is asked for")
def test_each_part_is_explained() -> None:
    text = (ROOT / "docs" / "csp.md").read_text(encoding="utf-8")
    for policy in POLICIES.values():
        for directive in re.sub(r"'sha256-[^']*'", "'sha256-…'", policy).split("; "):
            name, *sources = directive.split()
            for source in sources:
                assert f"\n| `{name} {source}` |" in text


@pytest.mark.clear("no page is asked for")
def test_the_strict_policy_is_written_down() -> None:
    text = (ROOT / "docs" / "csp.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```text\n(.*?)\n```", text, re.S)
    assert re.sub(r"\s*\n", " ", block) == policy_of("strict", "…")


#: What a script that was smuggled in might do, and the directive that hinders it.
ATTACKS = {
    "script-src-elem": "add('script', {src: other + '/x.js'})",
    "connect-src": "fetch(other).catch(() => 0)",
    "img-src": "add('img', {src: other + '/x.png?secret'})",
    "style-src-elem": "add('link', {rel: 'stylesheet', href: other + '/x.css'})",
    "font-src": "new FontFace('x', `url(${other}/x.woff)`).load().catch(() => 0)",
    "media-src": "add('audio', {src: other + '/x.mp3'})",
    "frame-src": "add('iframe', {src: other})",
    "object-src": "add('object', {data: other + '/x', type: 'text/html'})",
    "worker-src": "try { new Worker('data:,0').onerror = () => 0 } catch (error) {}",
    "base-uri": "add('base', {href: other})",
    "form-action": "add('form', {action: other, method: 'post'}).submit()",
}

ATTACK = """([code, other]) => {
  const add = (kind, its) => document.body.appendChild(Object.assign(document.createElement(kind), its));
  new Function('add', 'other', code)(add, other);
}"""


FRAME = """async (url) => {
  const frame = Object.assign(document.createElement('iframe'), {src: url});
  document.body.appendChild(frame);
  await new Promise((resolve) => (frame.onload = resolve));
}"""


@pytest.mark.parametrize("path", POLICIES)
def test_it_keeps_out_what_it_says(
    new_user: NewUser, site: Server, complaints: Complaints, path: str
) -> None:
    complaints.allow("")
    guarded = Guarded(new_user, POLICIES[path])
    guarded.page.goto(f"{site.url}/{path}/")
    loaded(guarded.page)
    for directive, code in ATTACKS.items():
        guarded.page.evaluate(ATTACK, [code, site.url.replace("127.0.0.1", "localhost")])
        wait_until(
            lambda wanted=directive: bool(guarded.settled()) and wanted in guarded.violated, 5, directive
        )
    assert guarded.page.evaluate("document.baseURI") == f"{site.url}/{path}/"


@pytest.mark.parametrize("path", POLICIES)
def test_it_is_not_shown_in_frames(
    new_user: NewUser, site: Server, complaints: Complaints, path: str
) -> None:
    complaints.allow("frame-ancestors")
    for policy in ("", POLICIES[path]):
        page = new_user(extra_http_headers={"X-Policy": policy} if policy else {}).new_page()
        page.route("**/framing", lambda route: route.fulfill(content_type="text/html", body="<p>me"))
        page.goto(f"{site.url}/framing")
        page.evaluate(FRAME, f"{site.url}/{path}/")
        shown = page.frame_locator("iframe").locator("[data-test=shown]")
        expect(shown).to_have_count(0 if policy else 1)
    assert any("frame-ancestors 'none'" in text for text in complaints.all)


def told(site: Server, path: str, policy: str) -> list[tuple[str, str]]:
    """What the doctor says of a policy."""
    found = examine(Visitor(f"{site.url}/{path}/", {"X-Policy": policy} if policy else {}))
    first = itertools.takewhile(lambda finding: finding.name != "urls", found)
    return [(finding.level, finding.text) for finding in first if finding.name == "policy"]


@pytest.mark.clear("nobody sees from outside what is in a sealed page")
def test_the_doctor_knows_what_is_needed(site: Server) -> None:
    for path, policy in POLICIES.items():
        assert [level for level, _ in told(site, path, policy)] == [OK]
    for path, policy, missing in LESS:
        name, source = missing.split()
        ((level, text),) = told(site, path, policy)
        assert level == (WARN if name.startswith(("script-src", "connect-src")) else OK), missing
        assert level == OK or source in text
    assert told(site, "rich", "") == []  # ours, which breaks nothing
    assert [level for level, _ in told(site, "strict", "")] == [OK]
    ((level, text),) = told(site, "rich", "script-src 'self' 'unsafe-inline' 'unsafe-eval' 'nonce-abc'")
    assert (level, "turns 'unsafe-inline' off" in text) == (WARN, True)
    assert [level for level, _ in told(site, "rich", "default-src 'none', default-src *")] == [WARN]
    assert [level for level, _ in told(site, "rich", "object-src 'none'")] == [OK]
