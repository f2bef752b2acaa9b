from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pycrdt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.core.replica import Replica, stretches
from server.core.update import GC, DeletedItem, Id, TextItem, Update, decode_update, utf16_length

PIECES = ("a", "word ", "a longer sentence here. ", "\n", "😀", "👩‍👩‍👧 family", "مرحبا ", "é", "naïve ", "𝒳𝒴")


def take(replica: Replica, data: bytes, author: str | None = None) -> None:
    """Integrate a whole update; authors are named by their client unless given."""
    update = decode_update(data)
    assert isinstance(update, Update)
    for struct in replica.ready(update.structs):
        name = author or f"p{struct.client}"
        match struct:
            case TextItem():
                if not replica.type_on(struct, name):
                    replica.insert(struct, name)
            case DeletedItem():
                replica.insert(struct, name)
            case GC():
                replica.collect(struct.client, struct.clock, struct.length)
            case _:
                raise AssertionError(struct)
    for deletion in update.deletions:
        gone = replica.delete(deletion.client, deletion.clock, deletion.length)
        replica.close_up(run for run, _ in gone)


class Writer:
    """A pycrdt document with one author, and everything it wrote."""

    def __init__(self, client: int) -> None:
        self.client = client
        self.doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc(client_id=client)
        self.text = self.doc.get("summary", type=pycrdt.Text)
        self.sent: list[bytes] = []
        self.seen = 0
        self._subscription = self.doc.observe(lambda event: self._written(event.update))
        self._receiving = False

    def _written(self, update: bytes) -> None:
        if not self._receiving:
            self.sent.append(update)

    def receive(self, update: bytes) -> None:
        self._receiving = True
        self.doc.apply_update(update)
        self._receiving = False

    def insert(self, place: float, piece: str) -> None:
        self.text.insert(self._index(place), piece)

    def delete(self, place: float, length: int) -> None:
        start = self._index(place)
        rest = str(self.text).encode()[start:].decode()[:length]
        if rest:
            del self.text[start : start + len(rest.encode())]

    def _index(self, place: float) -> int:
        """pycrdt counts in UTF-8 bytes; a place is a part of the whole, and no character is split."""
        text = str(self.text)
        return len(text[: round(place * len(text))].encode())


def count_by_client(update: bytes) -> Counter[str]:
    """Count standing units by client from a whole document's update, without the replica."""
    decoded = decode_update(update)
    assert isinstance(decoded, Update)
    units: Counter[str] = Counter()
    for struct in decoded.structs:
        if isinstance(struct, TextItem):
            gone = sum(
                max(0, min(d.clock + d.length, struct.clock + struct.length) - max(d.clock, struct.clock))
                for d in decoded.deletions
                if d.client == struct.client
            )
            units[f"p{struct.client}"] += struct.length - gone
    return units


def causal_order(logs: list[list[tuple[bytes, list[int]]]], rng: random.Random) -> Iterator[bytes]:
    """Give every update once, in a random order in which each comes after those its writer had seen."""
    done = [0] * len(logs)
    while any(done[i] < len(log) for i, log in enumerate(logs)):
        ready = [
            i
            for i, log in enumerate(logs)
            if done[i] < len(log) and all(done[j] >= n for j, n in enumerate(log[done[i]][1]))
        ]
        i = rng.choice(ready)
        yield logs[i][done[i]][0]
        done[i] += 1


step = st.tuples(
    st.integers(0, 2), st.sampled_from(("insert", "type", "delete", "sync")), st.floats(0, 1), st.sampled_from(PIECES),
    st.integers(1, 12),
)  # fmt: skip


@settings(max_examples=150)
@given(st.lists(step, max_size=60), st.randoms(use_true_random=False))
def test_p8_equals_the_document_engine_whatever_the_order(
    steps: list[tuple[int, str, float, str, int]], rng: random.Random
) -> None:
    writers = [Writer(client) for client in (7, 3_000_000_001, 19)]
    logs: list[list[tuple[bytes, list[int]]]] = [[], [], []]
    seen = [[0, 0, 0] for _ in writers]
    for who, action, place, piece, number in steps:
        writer = writers[who]
        match action:
            case "insert":
                writer.insert(place, piece)
            case "type":
                for character in piece:
                    writer.insert(1.0, character)
            case "delete":
                writer.delete(place, number)
            case _:
                other = number % 3
                for j, length in enumerate(seen[other]):  # everything the other has seen, and has written
                    until = len(logs[other]) if j == other else length
                    for update, _ in logs[j][seen[who][j] : until]:
                        writer.receive(update)
                    seen[who][j] = max(seen[who][j], until)
        new = writer.sent[len(logs[who]) :]
        for update in new:
            logs[who].append((update, [*seen[who][:who], len(logs[who]), *seen[who][who + 1 :]]))
        seen[who][who] = len(logs[who])

    whole: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    text = whole.get("summary", type=pycrdt.Text)
    replicas = [Replica(), Replica()]
    for replica in replicas:
        order = list(causal_order(logs, rng))
        for index, update in enumerate(order):
            take(replica, update)
            if rng.random() < 0.2:
                take(replica, order[rng.randrange(index + 1)])  # sent again
            if replica is replicas[0]:
                whole.apply_update(update)
                assert replica.text() == str(text)
    merged = Replica()
    take(merged, whole.get_update())
    for replica in (*replicas, merged):
        assert replica.text() == str(text)
        assert +replica.standing == +count_by_client(whole.get_update())
        assert "".join(piece for _, piece in replica.passage()) == str(text)
        for characters in (1, 5, 1000):
            assert "".join(piece for _, piece in replica.ending(characters)) == str(text)[-characters:]
    for author, units in replicas[0].standing.items():
        assert units == sum(utf16_length(piece) for name, piece in replicas[0].passage() if name == author)


def test_equals_y_py() -> None:
    y_py = pytest.importorskip("y_py")
    rng = random.Random(4)
    docs = [y_py.YDoc(client_id=client) for client in (5, 900, 12)]
    texts = [doc.get_text("summary") for doc in docs]
    replica = Replica()
    for _ in range(120):
        for doc, text in zip(docs, texts, strict=True):
            before = y_py.encode_state_vector(doc)
            with doc.begin_transaction() as transaction:
                if len(text) > 4 and rng.random() < 0.3:
                    text.delete_range(transaction, rng.randrange(len(text) - 3), 3)
                else:
                    text.insert(transaction, rng.randint(0, len(text)), rng.choice(("x", "two", "three words here")))
            take(replica, y_py.encode_state_as_update(doc, before))
        if rng.random() < 0.3:
            for doc in docs:
                for other in docs:
                    y_py.apply_update(doc, y_py.encode_state_as_update(other, y_py.encode_state_vector(doc)))
    for other in docs:
        y_py.apply_update(docs[0], y_py.encode_state_as_update(other))
    assert replica.text() == str(texts[0])


def item(client: int, clock: int, text: str, origin: Id | None = None, right: Id | None = None) -> TextItem:
    return TextItem(client, clock, utf16_length(text), text, origin, right)


def test_typing_on_makes_one_run() -> None:
    replica = Replica()
    replica.insert(item(1, 0, "a"), "mia")
    assert replica.type_on(item(1, 1, "b", Id(1, 0)), "mia")
    assert [(run.clock, run.text) for run in replica.runs()] == [(0, "ab")]
    assert not replica.type_on(item(1, 2, "c", Id(1, 0)), "mia")  # elsewhere
    assert not replica.type_on(item(1, 2, "c", Id(1, 1)), "tom")  # another author's words go on here
    assert not replica.type_on(item(1, 1, "b", Id(1, 0)), "mia")  # sent again


@pytest.mark.parametrize(("mia", "tom"), [(1, 2), (2, 1)])
def test_typing_on_where_a_classmate_has_just_written_is_placed_as_yjs_places_it(mia: int, tom: int) -> None:
    writers = Writer(mia), Writer(tom)
    replica = Replica()

    def share(sender: Writer) -> None:
        for update in sender.sent:
            take(replica, update)
            for writer in writers:
                writer.receive(update)
        sender.sent.clear()

    first, second = writers
    second.insert(0, "T")
    share(second)
    first.insert(0, "a")
    share(first)
    second.insert(0.5, "q")  # between a and T, while Mia types on there
    first.insert(0.5, "b")
    share(second)
    share(first)
    assert replica.text() == str(first.text) == str(second.text)


def test_only_the_new_end_of_a_known_item_is_taken() -> None:
    replica = Replica()
    replica.insert(item(1, 0, "ab😀"), "mia")
    assert replica.insert(item(1, 0, "ab😀cd"), "mia") == 2
    assert replica.insert(item(1, 0, "ab😀cd"), "mia") == 0
    assert replica.text() == "ab😀cd"
    assert replica.standing["mia"] == 6


def test_a_parted_surrogate_pair_becomes_two_replacement_characters() -> None:
    replica = Replica()
    replica.insert(item(1, 0, "a😀b"), "mia")
    replica.insert(item(2, 0, "-", Id(1, 1), Id(1, 2)), "tom")
    assert replica.text() == "a\ufffd-\ufffdb"


def test_what_stands_beside_collected_units_has_no_place() -> None:
    replica = Replica()
    replica.collect(1, 0, 3)
    assert replica.insert(item(2, 0, "x", Id(1, 2)), "tom") == 0
    assert replica.insert(item(1, 1, "abc"), "mia") == 0  # its first two units are known to be collected
    assert replica.text() == ""
    assert (replica.known(1), replica.known(2)) == (4, 1)


def test_deletion_gives_what_stood() -> None:
    replica = Replica()
    replica.insert(item(1, 0, "abcdef"), "mia")
    assert [(run.author, text) for run, text in replica.delete(1, 1, 2)] == [("mia", "bc")]
    assert [(run.author, text) for run, text in replica.delete(1, 0, 6)] == [("mia", "a"), ("mia", "def")]
    assert replica.delete(1, 0, 9) == []
    assert replica.standing["mia"] == 0


def test_what_a_held_key_deletes_is_one_run() -> None:
    replica = Replica()
    replica.insert(item(1, 0, "abcdef"), "mia")
    replica.insert(item(2, 0, "xy", Id(1, 5)), "tom")
    for client, clock in [(1, 5), (1, 3), (2, 0), (1, 2), (1, 4), (1, 1), (2, 1)]:
        replica.close_up(run for run, _ in replica.delete(client, clock, 1))
    runs = []
    run = replica.first
    while run is not None:
        assert (run.left.right if run.left else replica.first) is run
        runs.append((run.client, run.clock, run.length, run.text))
        run = run.right
    assert runs == [(1, 0, 1, "a"), (1, 1, 5, ""), (2, 0, 2, "")]
    replica.insert(item(3, 0, "-", Id(1, 3), Id(1, 4)), "zoe")
    assert replica.insert(item(2, 2, "!", Id(2, 1)), "tom")
    assert replica.text() == "a-!"
    assert replica.ending(9) == [("mia", "a"), ("zoe", "-"), ("tom", "!")]


def test_p5_characters_are_ascribed_to_their_authors() -> None:
    replica = Replica()
    replica.insert(item(1, 0, "one😀two three"), "mia")
    replica.ascribe(replica.stretch(1, 0, 14), [("tom", "one😀"), ("zoe", "two "), ("mia", "three")])
    assert replica.passage() == [("tom", "one😀"), ("zoe", "two "), ("mia", "three")]
    assert replica.standing == {"tom": 5, "zoe": 4, "mia": 5}


def test_neighbours_look_past_deleted_text() -> None:
    replica = Replica()
    replica.insert(item(1, 0, "ab"), "mia")
    replica.insert(item(2, 0, "xy", Id(1, 1)), "tom")
    replica.insert(item(3, 0, "z", Id(2, 1)), "zoe")
    replica.delete(2, 0, 2)
    assert replica.unit_before(Id(2, 1)) == ("mia", "b")
    assert replica.unit_before(Id(1, 0)) == ("mia", "a")
    assert replica.author_after(Id(2, 0)) == "zoe"
    assert replica.author_after(None) is None
    assert replica.unit_before(None) is None


def test_stretches_are_parted_by_what_stands_between() -> None:
    replica = Replica()
    replica.insert(item(1, 0, "abcdef"), "mia")
    replica.delete(1, 1, 1)
    groups = stretches([*replica.stretch(1, 2, 1), *replica.stretch(1, 5, 1), *replica.stretch(1, 0, 1)])
    assert [[run.clock for run in group] for group in groups] == [[0, 2], [5]]
