from __future__ import annotations

import json
from base64 import b64decode
from collections import Counter
from pathlib import Path
from typing import Any

import pycrdt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.core.authorship import Authorship
from server.core.events import SYSTEM_AUTHOR
from server.core.replica import Replica
from server.core.update import Deletion, Id, TextItem, Update, decode_update, encode_insert
from tests.writers import Table

START = 1_000_000
SESSIONS: dict[str, Any] = json.loads(Path(__file__).with_name("yjs_sessions.json").read_text())
LESSONS: dict[str, Any] = json.loads(Path(__file__).with_name("yjs_lessons.json").read_text())
ACORNS = "Acorns fall in October."  # 23 units


def decoded(data: bytes) -> Update:
    update = decode_update(data)
    assert isinstance(update, Update)
    return update


class Room(Table):
    """A table whose updates are folded at ``seconds`` of the lesson, once as ever and once by the general way alone."""

    def __init__(self) -> None:
        super().__init__(self._take)
        self.authorship = Authorship(START)
        self.general = Authorship(START)
        self.seconds = 0.0

    def _take(self, update: bytes, author: str, away_secs: float | None) -> None:
        at = START + int(self.seconds * 1000)
        self.authorship.take(decoded(update), author, at, away_secs)
        self.general._take_any(decoded(update), author, at, away_secs)
        assert everything(self.authorship) == everything(self.general)
        assert self.authorship.replica.text() == self.text

    def slots(self, name: str) -> set[int]:
        done = self.authorship.contributions.get(name)
        return set(done.slots) if done else set()

    def labels(self) -> list[tuple[str, str]]:
        return [(evidence.participant, evidence.kind) for evidence in self.authorship.evidence]

    def passage(self) -> list[tuple[str, str]]:
        return self.authorship.replica.passage()

    def built(self, name: str) -> dict[str, set[int]]:
        return {other: set(slots) for other, slots in self.authorship.contributions[name].builds_on.items()}


def everything(authorship: Authorship) -> tuple[object, ...]:
    replica = authorship.replica
    runs = [(run.client, run.clock, run.length, run.text, run.author) for run in replica.runs()]
    return (
        *(runs, replica.standing, authorship.contributions, authorship.evidence, authorship.last_at),
        *(authorship._bursts, authorship._deleted),
    )


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.mark.parametrize("name", SESSIONS)
def test_p1_p8_standing_units_equal_a_count_inside_yjs(name: str) -> None:
    session = SESSIONS[name]
    replica = Replica()
    authorship = Authorship(0)
    client_of: dict[str, int] = session["clients"]
    for sent in session["updates"]:
        update = decoded(b64decode(sent["update"]))
        authorship.take(update, sent["author"], 0, sent["away"])
        for item in replica.ready(update.structs):
            assert item.client == client_of[sent["author"]]
            replica.insert(item, sent["author"])  # type: ignore[arg-type]  # these sessions hold no collected items
        for deletion in update.deletions:
            replica.delete(deletion.client, deletion.clock, deletion.length)
    counted = {author: units for author, units in replica.standing.items() if units}
    assert counted == {author: units for author, c in client_of.items() if (units := session["standing"].get(str(c)))}
    assert replica.text() == authorship.replica.text() == session["text"]
    assert authorship.replica.standing.total() == replica.standing.total()


@pytest.mark.parametrize("name", LESSONS)
def test_p2_p5_p6_p8_lessons_of_stock_clients_are_counted_to_the_unit(name: str) -> None:
    lesson = LESSONS[name]
    authorship = Authorship(0)
    for sent in lesson["updates"]:
        authorship.take(decoded(b64decode(sent["update"])), sent["author"], sent["at"], sent["away"])
    assert authorship.replica.text() == lesson["text"]
    counted = {author: units for author, units in authorship.replica.standing.items() if units}
    assert counted == lesson["standing"]
    assert {author: sorted(done.slots) for author, done in authorship.contributions.items()} == lesson["slots"]


def test_p2_many_edits_in_a_slot_are_one_unit(room: Room) -> None:
    room.type("mia", "Look")
    room.seconds = 9.9
    room.delete("mia", "ok")
    assert room.slots("mia") == {0}
    room.seconds = 10
    room.type("mia", "ng")
    room.seconds = 45
    room.delete("mia", "ng")
    assert room.slots("mia") == {0, 1, 4}
    done = room.authorship.contributions["mia"]
    assert (done.inserted, done.deleted) == (6, 4)


def test_p2_what_was_deleted_already_is_nobodys_deletion(room: Room) -> None:
    room.type("mia", "abc")
    update = room.writers["mia"].edit(1, "b", "")
    room._send("mia", update, None)
    room.seconds = 30
    room._send("tom", update, None)  # sent again
    assert room.slots("tom") == set()
    assert room.authorship.contributions["mia"].deleted == 1


def test_p1_what_comes_and_goes_in_one_update_stood_at_no_time(room: Room) -> None:
    typed = room.writers["mia"].edit(0, "", "abc")
    deleted = room.writers["mia"].edit(1, "b", "")
    authorship = Authorship(START)
    authorship.take(decoded(pycrdt.merge_updates(typed, deleted)), "mia", START)
    assert authorship.replica.text() == "ac"
    done = authorship.contributions["mia"]
    assert (done.inserted, done.deleted) == (3, 0)


def test_p3_template_and_teacher_earn_nothing(room: Room) -> None:
    template = decoded(encode_insert(1, "What we see:\n"))
    authorship = Authorship(START)
    authorship.take(template, SYSTEM_AUTHOR, START)
    assert authorship.contributions == {}
    assert authorship.replica.standing == {SYSTEM_AUTHOR: 13}
    room.type("mia", "abc")
    room.write("teacher", "Well seen, go on like this.")
    room.delete("teacher", "abc")
    assert set(room.authorship.contributions) == {"mia"}
    assert room.labels() == []
    assert room.authorship.last_at == START


def test_p4_fifteen_units_in_one_operation_are_labelled_and_are_one_slot(room: Room) -> None:
    room.write("mia", "x" * 14)
    assert room.labels() == []
    room.write("tom", "Under the oa 😀")  # 15 units in 14 characters
    assert room.labels() == [("tom", "added in one go")]
    assert room.slots("tom") == {0}
    assert room.authorship.contributions["tom"].added_in_one_go == 1
    evidence = room.authorship.evidence[0]
    assert (evidence.at, evidence.length) == (START, 15)


def test_p5_cut_and_paste_keeps_the_author_and_scores_nothing(room: Room) -> None:
    room.type("mia", ACORNS)
    room.type("zoe", " And then? ")
    room.seconds = 60
    room.delete("tom", ACORNS)
    assert room.slots("tom") == {6}  # the cut itself is a deletion
    room.seconds = 75
    room.write("tom", ACORNS)
    assert room.slots("tom") == {6}
    assert room.passage() == [("zoe", " And then? "), ("mia", ACORNS)]
    assert room.labels() == [("tom", "moved")]
    assert room.authorship.replica.standing["tom"] == 0


def test_p5_what_is_pasted_where_it_was_cut_is_restored_and_not_moved(room: Room) -> None:
    room.type("mia", "First. " + ACORNS + " And last.")
    room.delete("tom", ACORNS)
    room.write("tom", ACORNS, len("First. "))
    assert room.labels() == [("tom", "restored")]


def test_p5_a_move_in_one_operation_scores_nothing_at_all(room: Room) -> None:
    room.type("mia", ACORNS + " Then squirrels come.")
    room.seconds = 60
    writer = room.writers["tom"]
    before = writer.doc.get_state()
    with writer.doc.transaction():
        del writer.text[0 : len(ACORNS)]
        writer.text += ACORNS
    room._send("tom", writer.doc.get_update(before), None)
    assert room.slots("tom") == set()
    assert room.passage() == [("mia", " Then squirrels come." + ACORNS)]
    assert room.labels() == [("tom", "moved")]


def test_p5_pasting_a_classmates_sentence_again_keeps_every_author_in_it(room: Room) -> None:
    room.type("mia", "Acorns fall")
    room.type("tom", " in October")
    room.seconds = 20
    room.write("zoe", "corns fall in Octo")
    assert room.slots("zoe") == set()
    assert room.passage()[2:] == [("mia", "corns fall"), ("tom", " in Octo")]
    room.seconds = 40
    room.write("zoe", "!")
    assert room.slots("zoe") == {4}
    assert room.passage()[-1] == ("zoe", "!")


def test_p5_text_deleted_over_ten_minutes_ago_is_new_text(room: Room) -> None:
    room.type("mia", ACORNS)
    room.delete("mia", ACORNS)
    room.seconds = 601
    room.write("tom", ACORNS)
    assert room.passage() == [("tom", ACORNS)]
    assert room.labels() == [("tom", "added in one go")]


def test_p5_less_than_fifteen_units_are_the_writers_own(room: Room) -> None:
    room.type("mia", "Acorns fall...")
    room.write("tom", "Acorns fall...")
    assert room.authorship.replica.standing == {"mia": 14, "tom": 14}


@pytest.mark.parametrize(("session", "authors"), [("takenBack", {"mia"}), ("pieces", {"mia", "zoe"})])
def test_p5_undo_gives_text_back_to_its_authors(session: str, authors: set[str]) -> None:
    authorship = Authorship(0)
    updates = SESSIONS[session]["updates"]
    for index, sent in enumerate(updates):
        authorship.take(decoded(b64decode(sent["update"])), sent["author"], index * 1000)
    assert {author for author, _ in authorship.replica.passage()} == authors
    assert {evidence.kind for evidence in authorship.evidence} == {"restored"}
    assert authorship.evidence[0].participant == "tom"


@pytest.mark.parametrize(
    ("text", "away_secs", "units"),
    [
        ("ab", 300, 1),
        ("x" * 20, 300, 1),
        ("x" * 21, 300, 2),
        ("x" * 200, 300, 10),
        ("x" * 200, 47, 4),
        ("x" * 99, 3, 1),
    ],
)
def test_p6_written_offline(room: Room, text: str, away_secs: float, units: int) -> None:
    room.leave("mia")
    room.type("mia", text)
    room.seconds = 600
    room.come_back("mia", away_secs)
    assert len(room.slots("mia")) == units
    assert max(room.slots("mia")) == 60
    assert set(room.labels()) == {("mia", "written offline")}


def test_p6_units_are_those_inserted_and_those_deleted(room: Room) -> None:
    room.type("tom", "y" * 30)
    room.leave("mia")
    room.type("mia", "x" * 30)
    room.delete("mia", "y" * 11)
    room.seconds = 600
    room.come_back("mia", 300)
    assert len(room.slots("mia")) == 3


def test_p6_a_flapping_connection_earns_no_more_than_a_steady_one(room: Room) -> None:
    for second in range(0, 9, 3):
        room.leave("mia")
        room.type("mia", "on and on")
        room.seconds = second + 3
        room.come_back("mia", 3)
    assert room.slots("mia") == {0}


def test_p6_a_slot_that_was_earned_already_is_not_given_again(room: Room) -> None:
    room.seconds = 595
    room.type("mia", "abc")
    room.leave("mia")
    room.type("mia", "x" * 40)
    room.seconds = 640
    update = room.writers["zoe"].edit(0, "", "hers too")  # Mia's other device
    for name in ("mia", "tom", "teacher"):
        room.writers[name].receive(update)
    room._take(update, "mia", None)
    room.come_back("mia", 50)
    assert room.slots("mia") == {59, 62, 63, 64}


def test_p6_a_reconnect_that_brings_nothing_scores_nothing(room: Room) -> None:
    room.type("mia", "abc")
    room.leave("mia")
    room.seconds = 60
    room.come_back("mia", 50)
    assert room.slots("mia") == {0}
    assert room.authorship.last_at == START


def test_p9_going_on_in_a_paragraph_builds_on_its_author(room: Room) -> None:
    room.type("mia", "Acorns fall.")
    room.seconds = 20
    room.type("tom", " Why?")
    assert room.built("tom") == {"mia": {2}}
    room.seconds = 30
    room.type("tom", " When?")  # goes on from his own words
    assert room.built("tom") == {"mia": {2}}


def test_p9_a_paragraph_of_ones_own_builds_on_nobody(room: Room) -> None:
    room.type("mia", "Acorns fall.")
    room.type("tom", "\nOaks stand.")
    room.type("mia", "\n")
    room.type("zoe", "Birds sing.")  # after a line break that is Mia's
    assert room.built("tom") == {}
    assert room.built("zoe") == {}


def test_p9_inside_a_run_and_by_deleting_one_edits_its_author(room: Room) -> None:
    room.type("mia", "One\nTwo")
    room.type("tom", "x", 4)  # at the start of Mia's second line: both neighbours are hers
    room.seconds = 10
    room.type("tom", "\n", 2)
    assert room.built("tom") == {"mia": {0, 1}}
    room.seconds = 20
    room.delete("zoe", "x")
    assert room.built("zoe") == {"tom": {2}}


def test_p9_the_teachers_words_are_not_built_on(room: Room) -> None:
    room.type("teacher", "What do you see? ")
    room.type("mia", "Leaves.")
    assert room.built("mia") == {}


def test_p9_the_neighbour_is_the_last_that_stands(room: Room) -> None:
    room.type("mia", "Acorns fall")
    room.type("tom", "x")
    room.delete("tom", "x")
    room.seconds = 20
    room.type("zoe", "!")  # Yjs puts this after Tom's deleted unit
    assert room.built("zoe") == {"mia": {2}}


def test_evidence_and_memory_of_deleted_text_are_bounded(room: Room) -> None:
    for index in range(600):
        room.seconds = index
        text = f"sentence number {index}"
        room.write("mia", text)
        room.delete("mia", text)
    assert len(room.authorship.evidence) == 500
    assert Counter(kind for _, kind in room.labels()) == {"added in one go": 500}


def keys(client: int, clock: int, text: str, after: Id | None = None) -> Update:
    """Give what was typed key by key, merged: an item for each."""
    return Update(
        tuple(
            TextItem(client, clock + i, 1, character, Id(client, clock + i - 1) if i else after, None,
                     None if i or after else "summary")
            for i, character in enumerate(text)
        ),
        (),
    )  # fmt: skip


def test_p4_p5_a_merged_update_is_one_run_and_one_piece_of_evidence() -> None:
    authorship = Authorship(START)
    authorship.take(keys(7, 0, ACORNS), "mia", START)
    assert [(run.clock, run.text) for run in authorship.replica.runs()] == [(0, ACORNS)]
    authorship.take(Update((), (Deletion(7, 0, len(ACORNS)),)), "mia", START)
    authorship.take(keys(8, 0, ACORNS, Id(7, len(ACORNS) - 1)), "tom", START)
    authorship.take(keys(8, len(ACORNS), ACORNS[:8], Id(8, len(ACORNS) - 1)), "tom", START)
    assert authorship.replica.passage() == [("mia", ACORNS), ("tom", ACORNS[:8])]
    assert [(each.participant, each.kind, each.length) for each in authorship.evidence] == [
        ("mia", "added in one go", len(ACORNS)),
        ("tom", "restored", len(ACORNS)),
    ]
    assert authorship.contributions["tom"].inserted == 8


steps = st.tuples(
    st.sampled_from(("mia", "tom", "zoe", "teacher")),
    st.sampled_from(("type", "type", "erase", "cut", "paste", "away")), st.floats(0, 1), st.integers(0, 9),
)  # fmt: skip


@settings(max_examples=150)
@given(st.lists(steps, min_size=5, max_size=30))
def test_keys_are_folded_the_fast_way_to_the_same_end(script: list[tuple[str, str, float, int]]) -> None:
    room = Room()  # it compares after every update
    cut = ACORNS
    for name, action, place, number in script:
        writer = room.writers[name]
        copy = str(writer.text)
        start = round(place * len(copy))
        match action:
            case "type":
                room.type(name, "a\né😀 word "[number:], start)
            case "erase":
                for end in range(start, max(0, start - number), -1):
                    room.replace(name, copy[end - 1], "", end - 1)
            case "cut" if copy[start : start + 4 * number]:
                cut = copy[start : start + 4 * number]
                room.replace(name, cut, "", start)
            case "paste":
                room.write(name, cut, start)
            case "away" if writer.away:
                room.come_back(name, number)
            case "away" if sum(other.away for other in room.writers.values()) < 3:
                room.leave(name)
            case _:
                pass
        room.seconds += number
