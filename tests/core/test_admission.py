from __future__ import annotations

import copy
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Text, TransactionEvent

from server.core.admission import UNLIMITED, Admitted, Holdings, Limits, Ranges
from server.core.update import (
    GC,
    DeletedItem,
    Deletion,
    Id,
    Skip,
    Struct,
    TextItem,
    Update,
    decode_update,
    encode_contents,
    encode_insert,
    utf16_length,
)
from server.core.wire import decode_state_vector
from server.errors import Forbidden, Malformed, Refused, TooLarge

LIMITS = Limits(max_update_bytes=1 << 20, max_document_units=1 << 20, max_history_units=1 << 22)


def contents(*structs: Struct, deletions: tuple[Deletion, ...] = ()) -> bytes:
    return encode_contents(Update(structs, deletions))


def document(text: str = "abcdef", client: int = 1, author: str = "ann") -> Holdings:
    holdings = Holdings()
    assert isinstance(holdings.admit(encode_insert(client, text), author, LIMITS), Admitted)
    return holdings


def admit(holdings: Holdings, update: bytes, author: str = "ann", limits: Limits = LIMITS) -> bool:
    """Require that the update is admitted; tell whether it is new."""
    admitted = holdings.admit(update, author, limits)
    assert isinstance(admitted, Admitted), admitted.reason
    assert admitted.update == decode_update(update)
    return admitted.is_new


def refuse(
    holdings: Holdings, update: bytes, author: str = "ann", limits: Limits = LIMITS
) -> tuple[type[Refused], str]:
    """Require that the update is refused and nothing is changed; tell as what, and why."""
    before = copy.deepcopy(holdings)
    refused = holdings.admit(update, author, limits)
    assert isinstance(refused, Refused)
    assert refused.__traceback__ is None
    assert holdings == before
    return type(refused), refused.reason


# --- ordinary updates


def test_typing_moves_the_clock_and_the_length() -> None:
    holdings = document("né")
    assert admit(holdings, contents(TextItem(1, 2, 1, "x", Id(1, 1))))
    assert admit(holdings, contents(TextItem(1, 3, 2, "😀", Id(1, 0), Id(1, 1))))
    assert holdings.clocks == {1: 5}
    assert holdings.owners == {1: "ann"}
    assert holdings.standing_units == holdings.history_units == 5
    assert holdings.state_vector() == b"\x01\x01\x05"


def test_deleting_shortens_the_text_and_not_its_history() -> None:
    holdings = document("abcdef")
    assert admit(holdings, contents(deletions=(Deletion(1, 1, 2),)), "ben")
    assert admit(holdings, contents(deletions=(Deletion(1, 2, 3), Deletion(1, 0, 1))), "ben")
    assert (holdings.standing_units, holdings.history_units) == (1, 6)
    assert list(holdings.deleted[1]) == [(0, 5)]


def test_what_was_sent_twice_is_not_new() -> None:
    holdings = document("abcdef")
    deletion = contents(deletions=(Deletion(1, 1, 2),))
    assert admit(holdings, deletion)
    before = copy.deepcopy(holdings)
    assert not admit(holdings, encode_insert(1, "abcdef"))
    assert not admit(holdings, deletion)
    assert not admit(holdings, contents())
    assert not admit(holdings, contents(DeletedItem(1, 0, 3, root="summary"), deletions=(Deletion(1, 1, 1),)))
    assert holdings == before


def test_a_client_may_send_back_what_others_wrote() -> None:
    holdings = document("abc")
    mine = TextItem(2, 0, 1, "x", Id(1, 2))
    assert admit(holdings, contents(TextItem(1, 0, 3, "abc", root="summary"), mine), "ben")
    assert holdings.owners == {1: "ann", 2: "ben"}


def test_of_a_struct_that_is_partly_held_the_rest_is_new() -> None:
    holdings = document("abc")
    assert admit(holdings, encode_insert(1, "abcd"))
    assert admit(holdings, contents(DeletedItem(1, 2, 4, Id(1, 1))))
    assert (holdings.standing_units, holdings.history_units) == (4, 6)
    holdings = document("a😀")
    assert admit(holdings, encode_insert(1, "a😀b😀"))
    assert holdings == document("a😀b😀")


def test_deleted_and_collected_structs_are_ordinary() -> None:
    holdings = document("abc")
    assert admit(holdings, contents(DeletedItem(1, 3, 4, Id(1, 2)), GC(1, 7, 3), deletions=(Deletion(1, 3, 7),)))
    assert (holdings.standing_units, holdings.history_units) == (3, 10)
    assert list(holdings.deleted[1]) == [(3, 10)]


def test_sections_come_in_any_order() -> None:
    two = TextItem(2, 0, 1, "x", Id(1, 1))
    one = TextItem(1, 0, 2, "ab", root="summary")
    back = TextItem(1, 2, 1, "c", Id(2, 0))
    for structs in ((two, one, back), (one, back, two)):
        assert admit(Holdings(), contents(*structs))


def test_a_section_goes_only_as_far_as_another_needs_it() -> None:
    # 2 needs the first unit of 1, whose second needs 2, whose second needs that.
    one = (TextItem(1, 0, 1, "a", root="summary"), TextItem(1, 1, 1, "b", Id(2, 0)))
    two = (TextItem(2, 0, 1, "x", Id(1, 0)), TextItem(2, 1, 1, "y", Id(1, 1), Id(1, 0)))
    for structs in ((*one, *two), (*two, *one)):
        assert admit(Holdings(), contents(*structs))


# Written by yjs 13.6.33 on Node 20: client 1 inserts 'abc', client 2 takes it and inserts 'XY' at 1 and deletes at 0,
# while client 1 inserts '12' at 1; client 1 takes that, inserts '-' at 3 and deletes at 5: its encodeStateAsUpdate,
# "12X-Yc". Client 3 takes it, then offline inserts 'offline' at 2 and deletes at 0: encodeStateAsUpdate since then.
TWO_PEERS = bytes.fromhex(
    "02020200c4010001010158c402000101015905010001010773756d6d6172790181010001840101"
    "0163c401000101023132c402000201012d0101010002"
)
OFFLINE = bytes.fromhex("01010300c401040200076f66666c696e6501010200020301")


def test_a_whole_document_of_yjs_and_offline_edits_are_admitted() -> None:
    holdings = Holdings()
    assert admit(holdings, TWO_PEERS)
    assert (holdings.clocks, holdings.standing_units) == ({1: 6, 2: 2}, len("12X-Yc"))
    assert admit(holdings, OFFLINE, "ben")
    assert (holdings.owners[3], holdings.standing_units) == ("ben", len("2X") + len("-Yc") - 1 + len("offline") + 1)
    assert not admit(holdings, OFFLINE, "ben")


# --- refusals


@pytest.mark.parametrize(
    ("update", "author", "expected"),
    [
        (b"\x01", "ann", (Malformed, "truncated")),
        (contents(TextItem(1, 7, 1, "x", Id(1, 5))), "ann", (Malformed, "gap")),
        (contents(TextItem(9, 1, 1, "x", Id(1, 5))), "ann", (Malformed, "gap")),
        (contents(Skip(1, 6, 2), TextItem(1, 8, 1, "x", Id(1, 5))), "ann", (Malformed, "gap")),
        (contents(TextItem(1, 6, 1, "x", Id(1, 5))), "ben", (Forbidden, "foreign_client")),
        (contents(GC(1, 6, 1)), "ben", (Forbidden, "foreign_client")),
        (encode_insert(1, "abcdefg"), "ben", (Forbidden, "foreign_client")),
        (encode_insert(2, "x", root="notes"), "ann", (Malformed, "root")),
        (encode_insert(1, "a", root="notes"), "ann", (Malformed, "root")),
        (contents(TextItem(1, 6, 1, "x", Id(1, 6))), "ann", (Malformed, "unknown_origin")),
        (contents(TextItem(1, 6, 1, "x", Id(1, 5), Id(9, 0))), "ann", (Malformed, "unknown_origin")),
        (contents(TextItem(2, 0, 1, "x", Id(1, 6))), "ann", (Malformed, "unknown_origin")),
        (contents(TextItem(2, 0, 1, "x", Id(2, 0))), "ann", (Malformed, "unknown_origin")),
        (contents(TextItem(1, 0, 1, "a", Id(9, 0))), "ann", (Malformed, "unknown_origin")),  # held, and forged
        (contents(TextItem(1, 0, 7, "abcdefg", Id(1, 3))), "ann", (Malformed, "unknown_origin")),  # beside itself
        (contents(deletions=(Deletion(1, 5, 2),)), "ann", (Malformed, "unknown_deletion")),
        (contents(deletions=(Deletion(9, 0, 1),)), "ann", (Malformed, "unknown_deletion")),
        (
            contents(TextItem(1, 6, 1, "x", Id(1, 5)), deletions=(Deletion(1, 6, 2),)),
            "ann",
            (Malformed, "unknown_deletion"),
        ),
    ],
)
def test_what_does_not_fit_the_document_is_refused(
    update: bytes, author: str, expected: tuple[type[Refused], str]
) -> None:
    assert refuse(document("abcdef"), update, author) == expected


def test_formatting_is_refused() -> None:
    # yjs 13.6.33: format(0, 2, {bold: true}) in a text of client 9
    bold = bytes.fromhex("0102090346090004626f6c640474727565c60901090204626f6c64046e756c6c00")
    assert refuse(document("abc", 9), bold) == (Malformed, "content")


def test_items_that_wait_for_each_other_are_refused() -> None:
    circle = contents(TextItem(2, 0, 1, "x", Id(3, 0)), TextItem(3, 0, 1, "y", Id(2, 0)))
    assert refuse(document(), circle) == (Malformed, "unknown_origin")
    wider = contents(*(TextItem(client, 0, 1, "x", Id(client % 5 + 2, 0)) for client in range(2, 7)))
    assert refuse(document(), wider) == (Malformed, "unknown_origin")
    later = contents(
        TextItem(2, 0, 1, "x", Id(1, 0)), TextItem(2, 1, 1, "x", Id(3, 0)), TextItem(3, 0, 1, "y", Id(1, 0), Id(2, 1))
    )
    assert refuse(document(), later) == (Malformed, "unknown_origin")


def test_nothing_is_written_beside_what_was_collected() -> None:
    holdings = document("abc")
    beside = contents(TextItem(1, 5, 1, "x", Id(1, 2), Id(1, 4)))
    both = contents(GC(1, 3, 2), TextItem(1, 5, 1, "x", Id(1, 2), Id(1, 4)))
    assert refuse(holdings, both) == (Malformed, "unknown_origin")
    assert admit(holdings, contents(GC(1, 3, 2)))
    assert refuse(holdings, beside) == (Malformed, "unknown_origin")
    # Its first unit is held, as GC, and so the second would be put beside that.
    partly_held = (TextItem(1, 4, 2, "xy", Id(1, 2)), DeletedItem(1, 4, 2, Id(1, 2)))
    assert [refuse(holdings, contents(item)) for item in partly_held] == [(Malformed, "unknown_origin")] * 2
    assert admit(holdings, contents(TextItem(1, 5, 1, "x", Id(1, 2))))


@pytest.mark.parametrize(
    "update",
    [
        bytes.fromhex("000101010201"),  # yjs 13.6.33, client 1: insert(0,'a😀b') delete(2,1)
        bytes.fromhex("01010104c401010102015800"),  # the same text, insert(2,'X')
        contents(deletions=(Deletion(1, 0, 2),)),
        contents(TextItem(1, 4, 1, "x", Id(1, 1))),
        contents(TextItem(1, 4, 1, "x", None, Id(1, 2))),
    ],
)
def test_a_character_is_not_split(update: bytes) -> None:
    assert refuse(document("a😀b"), update) == (Malformed, "split_character")


def test_a_character_is_not_split_in_the_update_that_brings_it() -> None:
    text = TextItem(1, 0, 4, "a😀b", root="summary")
    assert refuse(Holdings(), contents(text, TextItem(1, 4, 1, "x", Id(1, 1)))) == (Malformed, "split_character")
    assert refuse(Holdings(), contents(text, deletions=(Deletion(1, 2, 1),))) == (Malformed, "split_character")
    assert refuse(document("ab"), encode_insert(1, "a😀")) == (Malformed, "split_character")
    assert admit(Holdings(), contents(text, TextItem(1, 4, 1, "x", Id(1, 2), Id(1, 3)), deletions=(Deletion(1, 1, 2),)))


def test_a_whole_character_may_go_and_its_neighbours_be_used() -> None:
    holdings = document("a😀b")
    assert admit(holdings, contents(TextItem(1, 4, 1, "x", Id(1, 0), Id(1, 1))))
    assert admit(holdings, contents(TextItem(1, 5, 1, "y", Id(1, 2), Id(1, 3))))
    assert admit(holdings, contents(deletions=(Deletion(1, 1, 2),)))
    assert holdings.standing_units == 4


@pytest.mark.parametrize("through", ["a keystroke", "a merge"])
@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (replace(LIMITS, max_update_bytes=9), "update"),
        (replace(LIMITS, max_document_units=5), "document"),
        (replace(LIMITS, max_history_units=6), "history"),
    ],
)
def test_a_document_has_limits(limits: Limits, expected: str, through: str) -> None:
    holdings = document("abcdef")
    assert admit(holdings, contents(deletions=(Deletion(1, 0, 1),)))
    deletions = (Deletion(1, 0, 1),) if through == "a merge" else ()
    update = contents(TextItem(1, 6, 1, "x", Id(1, 5)), deletions=deletions)
    assert refuse(holdings, update, limits=limits) == (TooLarge, expected)
    assert admit(holdings, update)


def test_a_document_over_its_limits_may_still_be_shortened() -> None:
    tight = replace(LIMITS, max_document_units=2, max_history_units=2, max_clients=0)
    holdings = document("abcdef")
    assert admit(holdings, contents(deletions=(Deletion(1, 0, 1),)), limits=tight)
    assert not admit(holdings, encode_insert(1, "abcdef"), limits=tight)


def test_collected_units_count_as_history() -> None:
    assert refuse(document(), contents(GC(1, 6, 1 << 31))) == (TooLarge, "history")


def test_client_ids_are_limited() -> None:
    holdings = document("a", client=1)
    limits = replace(LIMITS, max_clients=2)
    assert admit(holdings, encode_insert(2, "b"), limits=limits)
    assert refuse(holdings, encode_insert(3, "c"), limits=limits) == (TooLarge, "clients")
    assert admit(holdings, contents(TextItem(2, 1, 1, "x", Id(2, 0))), limits=limits)


@pytest.mark.parametrize(
    "hostile",
    [
        # Each of 30,000 clients needs the next one; the last needs nothing.
        lambda: contents(
            *(TextItem(c, 0, 1, "x", Id(c + 1, 0)) for c in range(30_000)),
            TextItem(30_000, 0, 1, "x", None, Id(1_000_000, 0)),
        ),
        # Two clients that need each other by turns.
        lambda: contents(
            TextItem(7, 0, 1, "x", Id(1_000_000, 0)),
            *(TextItem(7, i, 1, "x", Id(8, i - 1)) for i in range(1, 20_000)),
            *(TextItem(8, i, 1, "x", Id(7, i)) for i in range(20_000)),
        ),
        # Every other character is deleted, the last one first.
        lambda: contents(deletions=tuple(Deletion(1_000_000, i, 1) for i in range(199_998, 0, -2))),
    ],
)
def test_a_hostile_update_takes_time_in_proportion_to_its_size(hostile: Callable[[], bytes]) -> None:
    holdings = document("x" * 200_000, client=1_000_000)
    update = hostile()
    started = time.process_time()
    admit(holdings, update, limits=replace(LIMITS, max_clients=1 << 20))
    assert time.process_time() - started < 2.0  # some 0.3 s; a quadratic way would take minutes


# --- restored, closed


def test_where_nobody_may_write_only_what_is_held_is_admitted() -> None:
    holdings = document("abcdef")
    for update in (contents(TextItem(1, 6, 1, "x", Id(1, 5))), contents(deletions=(Deletion(1, 0, 1),))):
        before = copy.deepcopy(holdings)
        refused = holdings.admit(update, "ann", LIMITS, writable=False)
        assert isinstance(refused, Forbidden)
        assert refused.reason == "locked"
        assert holdings == before
    for update in (encode_insert(1, "abcdef"), contents()):
        assert isinstance(holdings.admit(update, "ann", LIMITS, writable=False), Admitted)


def test_restored_holdings_know_whose_each_client_id_is() -> None:
    restored = Holdings.restore(TWO_PEERS, {1: "ann", 2: "ben", 3: "cem"}, LIMITS)
    assert (restored.clocks, restored.standing_units) == ({1: 6, 2: 2}, len("12X-Yc"))
    assert refuse(restored, contents(TextItem(2, 2, 1, "x", Id(2, 1))), "ann") == (Forbidden, "foreign_client")
    assert refuse(restored, encode_insert(3, "x"), "ann") == (Forbidden, "foreign_client")
    assert refuse(restored, contents(TextItem(3, 1, 1, "x", Id(2, 1))), "cem") == (Malformed, "gap")
    assert admit(restored, contents(TextItem(3, 0, 1, "x", Id(2, 1))), "cem")


def test_what_was_durable_is_admitted_again_after_a_limit_was_lowered() -> None:
    assert admit(Holdings(), encode_insert(1, "x" * 5_000_000), limits=UNLIMITED)
    assert refuse(Holdings(), contents(GC(1, 0, 2**32 - 1), GC(2, 0, 2)), limits=UNLIMITED) == (TooLarge, "history")


def test_an_update_that_is_not_whole_restores_nothing() -> None:
    with pytest.raises(Malformed):
        Holdings.restore(b"\x01", {}, LIMITS)
    with pytest.raises(Malformed):
        Holdings.restore(OFFLINE, {}, LIMITS)


# --- ranges


@given(st.lists(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=25), max_size=6))
def test_ranges_are_a_set(batches: list[list[tuple[int, int]]]) -> None:
    ranges, model = Ranges(), set[int]()
    for batch in batches:
        added = [(start, start + size) for start, size in batch]
        clocks = {clock for start, end in added for clock in range(start, end)}
        units, lacking = ranges.difference(Ranges.of(added))
        assert units == len(clocks - model)
        assert {clock for start, end in lacking for clock in range(start, end)} >= clocks - model
        ranges.update(lacking)
        model |= clocks
        assert {clock for start, end in ranges for clock in range(start, end)} == model
        assert all(before < after for before, after in zip(ranges.ends, ranges.starts[1:], strict=False))
        assert [clock in ranges for clock in range(70)] == [clock in model for clock in range(70)]
        assert all(ranges.overlap(a, a + 7) == len(model & set(range(a, a + 7))) for a in range(70))


# --- real peers


@dataclass
class Peer:
    name: str
    doc: Doc[Text]
    text: Text
    outbox: list[bytes] = field(default_factory=list)
    received: int = 0

    @classmethod
    def join(cls, name: str, client: int) -> Peer:
        doc = Doc[Text](client_id=client)
        peer = cls(name, doc, doc.get("summary", type=Text))
        return peer

    def edit(self, change: Callable[[], None]) -> None:
        """Make one local change; what it sends goes into the outbox."""

        def collect(event: TransactionEvent) -> None:
            self.outbox.append(event.update)

        subscription = self.doc.observe(collect)
        change()
        self.doc.unobserve(subscription)

    def at(self, where: float) -> int:
        """Find a place between two characters, as pycrdt counts: in bytes of UTF-8."""
        text = str(self.text)
        return len(text[: round(where * len(text))].encode())

    def insert(self, where: float, words: str) -> None:
        self.edit(lambda: self.text.insert(self.at(where), words))

    def delete(self, one: float, other: float) -> None:
        start, end = sorted((self.at(one), self.at(other)))
        if start < end:
            self.edit(lambda: self.text.__delitem__(slice(start, end)))


class Room:
    """A server that admits, keeps a log and an engine's document, and peers on lines of every quality."""

    def __init__(self) -> None:
        self.holdings = Holdings()
        self.general = Holdings()
        self.doc = Doc[Text]()
        self.text = self.doc.get("summary", type=Text)
        self.log: list[tuple[bytes, str]] = []
        self.peers = [
            Peer.join("ann", 7),
            Peer.join("ben", 3000000001),
            Peer.join("cem", 2**52 + 5),
            Peer.join("ann", 9),
        ]

    def take(self, update: bytes, author: str) -> None:
        is_new = admit(self.holdings, update, author)
        decoded = decode_update(update)
        assert isinstance(decoded, Update)
        assert self.general._admit_any(decoded, author, LIMITS) == is_new
        assert self.general == self.holdings
        before = str(self.text)
        self.doc.apply_update(update)
        if is_new:
            self.log.append((update, author))
        else:
            assert str(self.text) == before
        assert self.holdings.standing_units == utf16_length(str(self.text))
        assert self.holdings.clocks == decode_state_vector(self.doc.get_state())

    def send(self, peer: Peer) -> None:
        for update in peer.outbox:
            self.take(update, peer.name)
        peer.outbox.clear()

    def reconnect(self, peer: Peer, since: bytes) -> None:
        """The handshake: everything since a state vector instead of what was not sent."""
        peer.outbox.clear()
        self.take(peer.doc.get_update(since), peer.name)

    def receive(self, peer: Peer, number: int) -> None:
        for update, _ in self.log[peer.received : peer.received + number]:
            peer.doc.apply_update(update)
            peer.received += 1


words = st.sampled_from(["a", "bc", "é", "😀", "שלום", "x😀y", "\0", "\ufffd", "👩‍👩‍👧", "a longer sentence, pasted. "])
wheres = st.floats(0, 1)
steps = st.one_of(
    st.tuples(st.just("insert"), wheres, words),
    st.tuples(st.just("insert"), wheres, words),
    st.tuples(st.just("delete"), wheres, wheres),
    st.tuples(st.sampled_from(["send", "send", "offline", "from the start", "resend"]), wheres, words),
    st.tuples(st.just("receive"), wheres, words),
)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 3), steps), min_size=5, max_size=60))
def test_what_real_peers_send_in_causal_order_is_admitted(
    script: list[tuple[int, tuple[str, float, str | float]]],
) -> None:
    room = Room()
    for who, (step, where, detail) in script:
        peer = room.peers[who]
        match step:
            case "insert":
                assert isinstance(detail, str)
                peer.insert(where, detail)
            case "delete":
                assert isinstance(detail, float)
                peer.delete(where, detail)
            case "send":
                room.send(peer)
            case "offline":
                room.reconnect(peer, room.holdings.state_vector())
            case "from the start":
                room.reconnect(peer, b"\x00")
            case "resend" if room.log:
                room.take(room.log[round(where * (len(room.log) - 1))][0], peer.name)
            case "receive":
                room.receive(peer, round(where * len(room.log)))
    for peer in room.peers:
        room.send(peer)
    for peer in room.peers:
        room.receive(peer, len(room.log))
        assert str(peer.text) == str(room.text)
    replayed = Holdings()
    for update, author in room.log:
        assert admit(replayed, update, author)
    assert replayed == room.holdings
    restored = Holdings.restore(room.doc.get_update(), room.holdings.owners, LIMITS)
    restored.second_halves = room.holdings.second_halves  # those of deleted characters are gone with their text
    assert restored == room.holdings


@settings(max_examples=150)
@given(st.data())
def test_a_refused_update_changes_nothing(data: st.DataObject) -> None:
    holdings = document("a😀bcdef")
    admit(holdings, contents(TextItem(2, 0, 3, "xyz", Id(1, 3))), "ben")
    ids = st.builds(Id, st.sampled_from([1, 2, 3, 9]), st.integers(0, 9)) | st.none()
    structs: list[Struct] = []
    for client in data.draw(st.permutations([1, 2, 3]))[: data.draw(st.integers(0, 3))]:
        clock = data.draw(st.integers(0, 9))
        for word in data.draw(st.lists(st.sampled_from(["", "p", "q😀"]), min_size=1, max_size=3)):
            origin, right, root = (
                data.draw(ids),
                data.draw(ids),
                data.draw(st.sampled_from(["summary"] * 5 + ["notes"])),
            )
            item = TextItem(client, clock, utf16_length(word), word, origin, right, None if origin or right else root)
            structs.append(item if word else GC(client, clock, 2))
            clock += structs[-1].length
    deletions = data.draw(st.lists(st.builds(Deletion, st.just(1), st.integers(0, 9), st.integers(1, 3)), max_size=3))
    update = contents(*structs, deletions=tuple(deletions))
    author = data.draw(st.sampled_from(["ann", "ben"]))
    before = copy.deepcopy(holdings)
    if isinstance(holdings.admit(update, author, LIMITS), Refused):
        assert holdings == before


@settings(max_examples=300)
@given(st.data())
def test_keys_take_the_fast_way_to_the_same_end(data: st.DataObject) -> None:
    fast = document("a😀bcdef")
    admit(fast, contents(TextItem(2, 0, 3, "xyz", Id(1, 3))), "ben")
    if data.draw(st.booleans()):
        admit(fast, contents(GC(3, 0, 2)), "cem")
    general = copy.deepcopy(fast)
    ids = st.builds(Id, st.sampled_from([1, 2, 3]), st.integers(0, 9)) | st.none()
    for _ in range(data.draw(st.integers(1, 8))):
        client = data.draw(st.sampled_from([1, 2, 2, 9]))
        if data.draw(st.booleans()):
            update = Update((), (Deletion(client, data.draw(st.integers(0, 9)), data.draw(st.integers(1, 4))),))
        else:
            clock = fast.clocks.get(client, 0) + data.draw(st.sampled_from([0, 0, 0, 1, -1]))
            text = data.draw(st.sampled_from(["p", "q😀", "é", "long"]))
            origin, right = data.draw(st.tuples(ids, ids).filter(any))
            update = Update((TextItem(client, max(0, clock), utf16_length(text), text, origin, right),), ())
        author = data.draw(st.sampled_from(["ann", "ben"]))
        limits = data.draw(st.sampled_from([LIMITS, Limits(1 << 20, 12, 1 << 20), Limits(1 << 20, 1 << 20, 15)]))
        before = copy.deepcopy(fast)
        if fast._admit_keystroke(update, author, limits):
            assert general._admit_any(update, author, limits)
        else:
            assert fast == before
            for holdings in (fast, general):
                with suppress(Refused):
                    holdings._admit_any(update, author, limits)
        assert fast == general
