"""A list to add to, tick and delete from."""

from typing import Any

from htag import Tag

from .card import Card
from .compat import on_submit, on_tick, run_js, text


class Todo(Card):
    name = "todo"
    kind = "state + events"
    title = "To do"
    note = "Each entry is a component with its own callbacks."

    def content(self) -> list[Any]:
        field = Tag.input(
            _type="text",
            _name="task",
            _required=True,
            _maxlength=80,
            _autocomplete="off",
            _oninput="",  # htag 2 would send each key: "Add" sends it all
            _placeholder="What is next?",
            _aria_label="New task",
            _data_test="todo-field",
        )
        self.form = Tag.form([field, Tag.button("Add", _class="main", _data_test="todo-add")], _class="line")
        on_submit(self.form, self.append)
        self.entries = Tag.ul(_class="entries", _data_test="todo-list")
        self.summary = Tag.span(_class="soft", _aria_live="polite", _data_test="todo-summary")
        sweep = Tag.button("Clear done", _onclick=self.sweep, _class="quiet", _data_test="todo-sweep")
        self.show()
        return [self.form, self.entries, Tag.div([self.summary, sweep], _class="line")]

    @property
    def tasks(self) -> list[dict[str, Any]]:
        return self.saved.get("tasks", [])

    def save(self, tasks: list[dict[str, Any]]) -> None:
        self.saved["tasks"] = tasks

    def append(self, values: dict[str, str]) -> None:
        name = values.get("task", "").strip()
        if name:
            key = max((task["key"] for task in self.tasks), default=0) + 1
            self.save([*self.tasks, {"key": key, "name": name, "done": False}])
            self.show()
        run_js(self.form, "self.reset()")

    def tick(self, key: int, done: bool) -> None:
        self.save([{**task, "done": done} if task["key"] == key else task for task in self.tasks])
        self.count()

    def delete(self, key: int) -> None:
        self.save([task for task in self.tasks if task["key"] != key])
        self.show()

    def sweep(self, ev: Any) -> None:
        self.save([task for task in self.tasks if not task["done"]])
        self.show()

    def show(self) -> None:
        self.entries.clear([Entry(task, self) for task in self.tasks])
        self.count()

    def count(self) -> None:
        done = sum(task["done"] for task in self.tasks)
        total = len(self.tasks)
        self.summary.clear(f"{done} of {total} done" if total else "Nothing to do. Enjoy the day.")


class Entry(Tag.li):
    def init(self, task: dict[str, Any], todo: Todo) -> None:
        self.key, self.todo = task["key"], todo
        self.box = Tag.input(_type="checkbox", _checked=task["done"], _data_test="todo-tick")
        on_tick(self.box, self.tick)
        self["data-test"] = "todo-entry"
        self += Tag.label([self.box, Tag.span(text(task["name"]), _data_test="todo-name")])
        self += Tag.button(
            "×",
            _onclick=self.delete,
            _class="delete",
            _aria_label=f"Delete {task['name']}",
            _data_test="todo-delete",
        )

    def tick(self, done: bool) -> None:
        self.box["checked"] = done
        self.todo.tick(self.key, done)

    def delete(self, ev: Any) -> None:
        self.todo.delete(self.key)
