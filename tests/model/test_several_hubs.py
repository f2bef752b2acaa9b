"""Several processes admit to one journal: whatever the order, they and every fold come to the same document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pycrdt
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from server.core import events
from server.core.admission import Holdings
from server.core.participation import Participation
from server.core.replay import Replay
from server.core.update import (
    GC,
    Deletion,
    Id,
    Struct,
    TextItem,
    Update,
    decode_update,
    encode_contents,
    encode_insert,
    utf16_length,
)
from server.core.wire import SyncStep2, decode_message, decode_state_vector
from server.errors import Malformed, Refused
from server.hub.company import Pace
from server.hub.rooms import LiveRoom
from server.metrics import Metrics
from server.settings import Limits

ROOM = "oaks"
HUBS = st.integers(0, 1)
AUTHORS = ("ann", "ben", "cem")
WORDS = st.sampled_from(["a", "bc", "😀", "x😀y", "é", "a longer sentence, pasted. "])
WHERE = st.floats(0, 1)
MISSING = {"gap", "unknown_origin", "unknown_deletion"}

Journal = list[tuple[str, bytes]]


class Hub:
    """One process's copy of a room, and what it has given to the journal that is not in it yet."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.room = LiveRoom(Limits(), Metrics(), Pace(1.0), lambda: None)
        self.under_way: list[tuple[str, bytes]] = []
        self.received = 0

    def admit(self, author: str, update: bytes, failed: Callable[[Refused], None] = lambda refused: None) -> bool:
        admitted = self.room.admit(update, author, failed, writable=True)
        if isinstance(admitted, Refused) and admitted.reason in MISSING:
            self.receive(len(self.journal))  # the barrier
            admitted = self.room.admit(update, author, failed, writable=True)
        if isinstance(admitted, Refused):
            return False
        if admitted.is_new:
            self.under_way.append((author, update))
        return True

    def land(self, number: int) -> None:
        """Let the journal have some of it."""
        self.journal += self.under_way[:number]
        del self.under_way[:number]

    def receive(self, number: int) -> None:
        entries = self.journal[self.received : self.received + number]
        self.received += len(entries)
        self.room.apply(entries)

    def fail(self) -> list[tuple[str, bytes]]:
        """Lose the journal: nobody knows what of this is in it."""
        unknown, self.under_way = self.under_way, []
        for _, update in unknown:
            self.room.forget(update)
        return unknown

    def owners(self) -> dict[int, str]:
        return self.room.owners

    def holdings(self) -> Holdings:
        return without_empty(self.room._holdings())


def without_empty(holdings: Holdings) -> Holdings:
    """An update whose second halves were all known leaves an empty list, one that is made anew does not."""
    filled = {client: clocks for client, clocks in holdings.second_halves.items() if clocks}
    return replace(holdings, second_halves=filled)


class Hubs(RuleBasedStateMachine):
    """What is common to honest and to forged text."""

    def __init__(self) -> None:
        super().__init__()
        self.journal: Journal = []
        self.hubs = [Hub(self.journal), Hub(self.journal)]
        self.late: list[tuple[str, bytes]] = []

    @rule(hub=HUBS, number=st.integers(1, 4))
    def land(self, hub: int, number: int) -> None:
        self.hubs[hub].land(number)

    @rule(hub=HUBS, number=st.integers(1, 6))
    def receive(self, hub: int, number: int) -> None:
        self.hubs[hub].receive(number)

    @rule(hub=HUBS, lost=st.booleans())
    def lose_the_journal(self, hub: int, lost: bool) -> None:
        unknown = self.hubs[hub].fail()
        if not lost:
            self.late += unknown

    @precondition(lambda self: self.late)
    @rule(number=st.integers(1, 3))
    def land_late(self, number: int) -> None:
        """What was not known to be durable is."""
        self.journal += self.late[:number]
        del self.late[:number]

    def settle(self) -> list[Hub]:
        """Let everything land and be received; give both hubs, and one that begins from the journal."""
        for hub in self.hubs:
            hub.land(len(hub.under_way))
        self.journal += self.late
        self.hubs.append(Hub(self.journal))
        for hub in self.hubs:
            hub.receive(len(self.journal))
            assert not hub.room._pending
        return self.hubs

    def fold(self) -> tuple[Participation, Replay]:
        participation, replay = Participation("lesson"), Replay(0)
        participation.apply(events.LessonCreated("Acorns", "ABC234"), 0)
        participation.apply(events.RoomAdded(ROOM, "Oaks"), 0)
        for author, body in self.journal:
            participation.apply(events.DocumentUpdated(ROOM, author, body), 0)
            update = decode_update(body)
            assert isinstance(update, Update)
            replay.take(update, author, 0)
        return participation, replay

    def everyone_agrees(self) -> tuple[Participation, Replay]:
        hubs = self.settle()
        participation, replay = self.fold()
        folded = without_empty(participation._room(ROOM).holdings)
        assert without_empty(replay._holdings) == folded
        for hub in hubs:
            assert hub.holdings() == folded
            assert hub.owners() == folded.owners
            assert decode_state_vector(hub.room.state_vector) == folded.clocks
        return participation, replay


class Forgers(Hubs):
    """Three authors who send anything to any process, most of it about the same few units."""

    @rule(hub=HUBS, author=st.sampled_from(AUTHORS), client=st.integers(1, 3), word=WORDS)
    def begin(self, hub: int, author: str, client: int, word: str) -> None:
        self.hubs[hub].admit(author, encode_insert(client, word))

    @rule(data=st.data(), hub=HUBS, author=st.sampled_from(AUTHORS))
    def send(self, data: st.DataObject, hub: int, author: str) -> None:
        held = self.hubs[hub].holdings().clocks
        clocks = {client: held.get(client, 0) for client in (1, 2, 3)}
        known = [client for client, clock in clocks.items() if clock]
        ids = st.sampled_from(known).flatmap(lambda c: st.builds(Id, st.just(c), st.integers(0, clocks[c])))
        places = st.none() | ids if known else st.none()
        structs: list[Struct] = []
        for client in data.draw(st.permutations([1, 2, 3]))[: data.draw(st.integers(0, 2))]:
            clock = max(0, clocks[client] - data.draw(st.sampled_from([0, 0, 0, 1, 2])))
            word = data.draw(st.sampled_from(["p", "q😀", "rst", ""]))
            origin, right = data.draw(places), data.draw(places)
            item = TextItem(
                client, clock, utf16_length(word), word, origin, right, None if origin or right else "summary"
            )
            structs.append(item if word else GC(client, clock, 2))
        deletions = tuple(
            Deletion(client, data.draw(st.integers(0, clocks[client])), data.draw(st.integers(1, 3)))
            for client in (data.draw(st.lists(st.sampled_from(known), max_size=2, unique=True)) if known else ())
        )
        self.hubs[hub].admit(author, encode_contents(Update(tuple(structs), deletions)))

    @precondition(lambda self: self.journal)
    @rule(data=st.data(), hub=HUBS, author=st.sampled_from(AUTHORS))
    def repeat(self, data: st.DataObject, hub: int, author: str) -> None:
        """Send what somebody sent, to some process."""
        waiting = self.hubs[1 - hub].under_way
        _, update = data.draw(st.sampled_from([*self.journal, *waiting]))
        self.hubs[hub].admit(author, update)

    def teardown(self) -> None:
        # Not the texts: neighbours that never stood side by side may be told so, and are then placed by what came when.
        self.everyone_agrees()


class Pupil:
    """A page with a document of its own, connected to one process after the other."""

    def __init__(self, author: str, client: int) -> None:
        self.author = author
        self.client = client
        self.hub = 0
        self.begin()

    def begin(self) -> None:
        self.doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc(client_id=self.client)
        self.text = self.doc.get("summary", type=pycrdt.Text)
        self.refused: list[Refused] = []

    def at(self, where: float) -> int:
        text = str(self.text)
        return len(text[: round(where * len(text))].encode())


class Pupils(Hubs):
    """Ann on two devices, Ben, and Cem, who takes Ann's client id when he can."""

    def __init__(self) -> None:
        super().__init__()
        self.pupils = [Pupil("ann", 7), Pupil("ann", 8), Pupil("ben", 9), Pupil("cem", 7)]

    @rule(who=st.integers(0, 3), where=WHERE, word=WORDS)
    def write(self, who: int, where: float, word: str) -> None:
        pupil = self.pupils[who]
        before = pupil.doc.get_state()
        pupil.text.insert(pupil.at(where), word)
        self.send(pupil, pupil.doc.get_update(before))

    @rule(who=st.integers(0, 3), one=WHERE, other=WHERE)
    def delete(self, who: int, one: float, other: float) -> None:
        pupil = self.pupils[who]
        start, end = sorted((pupil.at(one), pupil.at(other)))
        if start < end:
            before = pupil.doc.get_state()
            del pupil.text[start:end]
            self.send(pupil, pupil.doc.get_update(before))

    @rule(who=st.integers(0, 3))
    def hear(self, who: int) -> None:
        """Receive what the room has."""
        pupil = self.pupils[who]
        self.hear_of(pupil)

    @rule(who=st.integers(0, 3))
    def hear_from_another_page(self, who: int) -> None:
        """Two pages of one browser tell each other, each connected to another process."""
        pupil, other = self.pupils[who], self.pupils[1 - who if who < 2 else who]
        self.take(pupil, other.doc.get_update(pupil.doc.get_state()))

    @rule(who=st.integers(0, 3), hub=HUBS)
    def connect(self, who: int, hub: int) -> None:
        pupil = self.pupils[who]
        pupil.hub = hub
        self.hear_of(pupil)
        self.send(pupil, pupil.doc.get_update(self.hubs[hub].room.state_vector))

    def send(self, pupil: Pupil, update: bytes) -> None:
        if not self.hubs[pupil.hub].admit(pupil.author, update, pupil.refused.append):
            self.start_again(pupil)

    def hear_of(self, pupil: Pupil) -> None:
        if pupil.refused:
            self.start_again(pupil)
        frame = self.hubs[pupil.hub].room.update_since(pupil.doc.get_state())
        message = decode_message(frame)
        assert isinstance(message, SyncStep2)
        self.take(pupil, message.update)

    def take(self, pupil: Pupil, update: bytes) -> None:
        try:
            pupil.doc.apply_update(update)
        except BaseException as panic:
            # A page with its own words under a number that is another's by now: the engine of this one cannot cope.
            if type(panic).__name__ != "PanicException":
                raise
            self.start_again(pupil)

    def start_again(self, pupil: Pupil) -> None:
        """A page whose text was refused opens the room's true text, under a new client id."""
        pupil.client += 100
        pupil.begin()

    def teardown(self) -> None:
        participation, replay = self.everyone_agrees()
        text = participation.text(ROOM)
        assert replay.text() == text
        for hub in self.hubs:
            assert hub.room.text == text
            assert {refused.reason for pupil in self.pupils for refused in pupil.refused} <= {"another_was_first"}


many = settings(max_examples=120, stateful_step_count=50)
Forgers.TestCase.settings = many
Pupils.TestCase.settings = many

TestForgers = pytest.mark.model(Forgers.TestCase)
TestPupils = pytest.mark.model(Pupils.TestCase)


def test_who_is_first_in_the_journal_has_the_client_id_everywhere() -> None:
    journal: Journal = []
    here, there = Hub(journal), Hub(journal)
    lost: list[Refused] = []
    assert here.admit("ann", encode_insert(7, "Ann's"), lost.append)
    assert there.admit("ben", encode_insert(7, "Ben's text"), lost.append)
    there.land(1)
    here.land(1)
    for hub in (here, there):
        hub.receive(2)
        assert (hub.room.text, hub.room.owners) == ("Ben's text", {7: "ben"})
    assert [refused.reason for refused in lost] == ["another_was_first"]


def test_the_same_bytes_of_two_authors_are_not_the_same_update() -> None:
    journal: Journal = []
    here, there = Hub(journal), Hub(journal)
    lost: list[Refused] = []
    assert here.admit("ann", encode_insert(7, "a"), lost.append)
    assert there.admit("ben", encode_insert(7, "a"))
    there.land(1)
    here.land(1)
    for hub in (here, there):
        hub.receive(2)
        assert hub.room.owners == {7: "ben"}
    assert [refused.reason for refused in lost] == ["another_was_first"]


def test_a_page_that_moves_brings_what_its_last_process_has_not_stored_yet() -> None:
    journal: Journal = []
    here, there = Hub(journal), Hub(journal)
    lost: list[Refused] = []
    ann = Pupil("ann", 7)
    ann.text.insert(0, "An acorn")
    assert here.admit("ann", ann.doc.get_update(), lost.append)
    ann.text.insert(8, " falls")
    assert there.admit("ann", ann.doc.get_update(), lost.append)
    there.land(1)
    here.receive(1)
    here.land(1)
    for hub in (here, there):
        hub.receive(2)
        assert hub.room.text == "An acorn falls"
    assert not lost


def test_text_of_another_process_is_waited_for_before_what_builds_on_it_is_refused() -> None:
    journal: Journal = []
    here, there = Hub(journal), Hub(journal)
    ann = Pupil("ann", 7)
    ann.text.insert(0, "An acorn")
    assert here.admit("ann", ann.doc.get_update())
    here.land(1)
    assert there.received == 0
    before = ann.doc.get_state()
    ann.text.insert(8, "!")
    update = ann.doc.get_update(before)
    refused = there.room.admit(update, "ann", lambda refused: None, writable=True)
    assert isinstance(refused, Malformed)
    assert refused.reason in MISSING
    assert there.admit("ann", update)


def test_what_could_not_be_stored_is_not_taken_for_what_another_stored() -> None:
    journal: Journal = []
    here = Hub(journal)
    here.admit("ann", encode_insert(7, "a"))
    ((_, update),) = here.fail()
    journal.append(("ben", update))
    here.receive(1)
    assert here.owners() == {7: "ben"}
    assert not here.admit("ann", encode_insert(7, "a much longer text"))


def test_what_stands_first_stands_whatever_arrives_with_it() -> None:
    # Merged in one batch, the remains could have taken the place of the text.
    journal: Journal = []
    here, there = Hub(journal), Hub(journal)
    assert here.admit("ann", encode_insert(7, "An acorn"))
    assert there.admit("ann", encode_contents(Update((GC(7, 0, 8),), ())))
    here.land(1)
    there.land(1)
    at_once, bit_by_bit = Hub(journal), Hub(journal)
    at_once.receive(2)
    bit_by_bit.receive(1)
    bit_by_bit.receive(1)
    for hub in (here, there):
        hub.receive(2)
    assert [hub.room.text for hub in (here, there, at_once, bit_by_bit)] == ["An acorn"] * 4
