"""As much of a document as the tests need: elements with attributes and text, found by what a user sees.

No browser: it runs no script. It knows the few rules of HTML that htag's pages depend on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

__all__ = ["Element", "parse"]

VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)


class Element:
    """An element; text is kept as strings among its children."""

    def __init__(
        self, tag: str, attributes: dict[str, str] | None = None, parent: Element | None = None
    ) -> None:
        self.tag, self.attributes, self.parent = tag, attributes or {}, parent
        self.children: list[Element | str] = []

    def __repr__(self) -> str:
        attributes = "".join(f" {name}={value!r}" for name, value in self.attributes.items())
        return f"<{self.tag}{attributes}>{self.text[:60]}"

    @property
    def text(self) -> str:
        """What can be read in it; scripts and styles cannot."""
        if self.tag in ("script", "style"):
            return ""
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    @property
    def source(self) -> str:
        """The text of a script or style."""
        return "".join(child for child in self.children if isinstance(child, str))

    def walk(self) -> Iterator[Element]:
        """This element and all below it, in the order of the document."""
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.walk()

    def by_id(self, wanted: str) -> Element | None:
        """The element of that id, or of that htag id."""
        for name in ("id", "data-htag-id"):
            for element in self.walk():
                if element.attributes.get(name) == wanted:
                    return element
        return None

    def find_all(
        self, text: str | None = None, *, tag: str | None = None, **attributes: str
    ) -> list[Element]:
        """The innermost elements whose text and attributes (class_ for class) match these expressions."""
        found = []
        for element in self.walk():
            if tag is not None and element.tag != tag:
                continue
            if text is not None and not re.search(text, element.text):
                continue
            if all(element._matches(name, pattern) for name, pattern in attributes.items()):
                found.append(element)
        # With a text, the ancestors match as well, and mean nothing.
        outer = {id(above) for one in found for above in one._ancestors()} if text is not None else set()
        return [one for one in found if id(one) not in outer]

    def _matches(self, name: str, pattern: str) -> bool:
        value = self.attributes.get(name.rstrip("_").replace("_", "-"))
        return value is not None and re.search(pattern, value) is not None

    def _ancestors(self) -> Iterator[Element]:
        above = self.parent
        while above is not None:
            yield above
            above = above.parent

    def replace(self, html: str) -> None:
        """What assigning outerHTML does."""
        assert self.parent is not None
        new = parse(html).children
        for child in new:
            if isinstance(child, Element):
                child.parent = self.parent
        place = next(index for index, child in enumerate(self.parent.children) if child is self)
        self.parent.children[place : place + 1] = new

    def append(self, html: str) -> None:
        """What insertAdjacentHTML("beforeend") does."""
        for child in parse(html).children:
            if isinstance(child, Element):
                child.parent = self
            self.children.append(child)


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = self.here = Element("#document")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self.here)
        self.here.children.append(element)
        if tag not in VOID:
            self.here = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        element: Element | None = self.here
        while element is not None and element.tag != tag:
            element = element.parent
        if element is not None and element.parent is not None and tag not in VOID:
            self.here = element.parent

    def handle_data(self, data: str) -> None:
        self.here.children.append(data)


def parse(html: str) -> Element:
    """The document, or fragment, as an element that holds its top elements."""
    builder = _Builder()
    builder.feed(html)
    builder.close()
    return builder.root
