"""Several people at one text, each with a pycrdt document of their own, for tests of what is made of their updates."""

from __future__ import annotations

from collections.abc import Callable

import pycrdt


class Writer:
    def __init__(self, client: int) -> None:
        self.client = client
        self.doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc(client_id=client)
        self.text = self.doc.get("summary", type=pycrdt.Text)
        self.away = False
        self.missed: list[bytes] = []

    def receive(self, update: bytes) -> None:
        if self.away:
            self.missed.append(update)
        else:
            self.doc.apply_update(update)

    def edit(self, start: int, deleted: str, inserted: str) -> bytes:
        """Replace text at an index in characters, in one transaction; give the update."""
        before = self.doc.get_state()
        index = len(str(self.text)[:start].encode())  # pycrdt counts in UTF-8 bytes
        with self.doc.transaction():
            if deleted:
                del self.text[index : index + len(deleted.encode())]
            if inserted:
                self.text.insert(index, inserted)
        return self.doc.get_update(before)


class Table:
    """``send`` is given (update, author, away_secs) for everything that reaches the server."""

    def __init__(self, send: Callable[[bytes, str, float | None], None], names: str = "mia tom zoe teacher") -> None:
        self.send = send
        self.writers = {name: Writer(100 + index) for index, name in enumerate(names.split())}

    @property
    def text(self) -> str:
        return str(next(writer for writer in self.writers.values() if not writer.away).text)

    def replace(self, name: str, old: str, new: str, start: int | None = None) -> None:
        """Replace the first ``old`` in ``name``'s copy; an empty one means to insert at ``start``, or at the end."""
        writer = self.writers[name]
        copy = str(writer.text)
        if start is None:
            start = copy.index(old) if old else len(copy)
        update = writer.edit(start, old, new)
        if not writer.away:
            self._send(name, update, None)

    def write(self, name: str, text: str, start: int | None = None) -> None:
        """Insert in one operation."""
        self.replace(name, "", text, start)

    def type(self, name: str, text: str, start: int | None = None) -> None:
        """Insert character by character."""
        start = len(str(self.writers[name].text)) if start is None else start
        for index, character in enumerate(text):
            self.write(name, character, start + index)

    def delete(self, name: str, text: str) -> None:
        self.replace(name, text, "")

    def leave(self, name: str) -> None:
        self.writers[name].away = True

    def come_back(self, name: str, away_secs: float) -> None:
        writer = self.writers[name]
        online = next(other for other in self.writers.values() if not other.away)
        update = writer.doc.get_update(online.doc.get_state())
        writer.away = False
        for missed in writer.missed:
            writer.receive(missed)
        writer.missed.clear()
        self._send(name, update, away_secs)

    def _send(self, name: str, update: bytes, away_secs: float | None) -> None:
        for other, writer in self.writers.items():
            if other != name:
                writer.receive(update)
        self.send(update, name, away_secs)
