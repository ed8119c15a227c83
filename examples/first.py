from htag import Tag

STYLE = """
body { font: 3rem system-ui; text-align: center; background: #eef2ff; color: #312e81 }
button { font: 1.5rem system-ui; padding: .5em 1em; border: 0; border-radius: .5em; background: #c7d2fe }
"""


class App(Tag.App):
    statics = [Tag.style(STYLE)]

    def init(self):
        self.count = Tag.p(str(self.state.get("count", 0)))
        self += self.count
        self += Tag.button("one more", _onclick=self.more)

    def more(self, ev):
        self.state["count"] = self.state.get("count", 0) + 1  # kept in the user's session
        self.count.clear(str(self.state["count"]))
