from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.core import events
from server.core.events import TEACHER_AUTHOR, AnyEvent, decode_event, encode_event
from server.core.participation import EXCERPTS_BYTES, Participation, RoomFigures
from server.core.slots import Slots
from tests.writers import Table

START = 1_700_000_000_000


class Lesson:
    """A lesson with a room or two, folded entry by entry; ``at`` is its time in seconds."""

    def __init__(self, names: str = "mia tom zoe", *, rooms: str = "r", participation: bool = True) -> None:
        self.at = 0.0
        self.journal: list[tuple[bytes, int]] = []
        self.participation = Participation("lesson")
        self.apply(events.LessonCreated("Acorns", "ABC234", participation=participation))
        self.tables = {room: Table(self._sender(room), f"{names} teacher") for room in rooms}
        for room in rooms:
            self.apply(events.RoomAdded(room, room))
        for name in names.split():
            self.apply(events.ParticipantJoined(name, name))

    def _sender(self, room: str) -> Any:
        return lambda update, author, away: self.apply(events.DocumentUpdated(room, author, update, away))

    @property
    def now(self) -> int:
        return START + int(self.at * 1000)

    def apply(self, event: AnyEvent) -> None:
        body = encode_event(event)
        self.journal.append((body, self.now))
        self.participation.apply(decode_event(body), self.now)

    def sit(self, *names: str, room: str = "r") -> None:
        for name in names:
            self.apply(events.Seated(name, room, 1 + len(self.participation.lesson.rooms[room].seats)))
            self.apply(events.DocumentOpened(room, name, "n1"))

    def work(self, seconds: int, *names: str, room: str = "r") -> None:
        """Let everyone type two characters in each of the next slots."""
        for _ in range(seconds // 10):
            for name in names:
                self.tables[room].type(name, "x ")
            self.at += 10

    def figures(self, room: str = "r") -> RoomFigures:
        return self.participation.figures(self.now)[room]

    def seconds(self, name: str, room: str = "r") -> int:
        return self.figures(room).members[name].present_seconds


def test_p7_presence_counts_while_the_text_is_open_before_them_and_open_for_writing() -> None:
    lesson = Lesson()
    lesson.sit("mia")
    lesson.at = 30
    assert lesson.seconds("mia") == 0  # the lobby
    lesson.apply(events.RoomsOpened())
    lesson.at = 50
    assert lesson.seconds("mia") == 20
    lesson.apply(events.Locked("r"))
    lesson.at = 60
    assert lesson.seconds("mia") == 20
    lesson.apply(events.Unlocked("r"))
    lesson.at = 65
    lesson.apply(events.Gathered())
    lesson.at = 70
    lesson.apply(events.RoomsOpened())
    lesson.at = 71
    lesson.apply(events.Locked(reason="time"))
    lesson.at = 80
    assert lesson.seconds("mia") == 26
    lesson.apply(events.Unlocked())
    lesson.at = 84
    lesson.apply(events.DocumentClosed("r", "mia", "n1"))
    lesson.at = 99
    assert lesson.seconds("mia") == 30
    assert lesson.figures().members["mia"].here is False


def test_p7_two_devices_are_one_presence() -> None:
    lesson = Lesson()
    lesson.apply(events.RoomsOpened())
    lesson.sit("mia")
    lesson.at = 10
    lesson.apply(events.DocumentOpened("r", "mia", "n2"))
    lesson.at = 20
    lesson.apply(events.DocumentClosed("r", "mia", "n1"))
    lesson.at = 30
    assert lesson.seconds("mia") == 30
    lesson.apply(events.DocumentClosed("r", "mia", "n2"))
    lesson.apply(events.DocumentClosed("r", "mia", "n2"))
    lesson.at = 40
    assert lesson.seconds("mia") == 30


def test_p7_what_a_lost_node_held_open_ended_with_the_entry_before() -> None:
    lesson = Lesson()
    lesson.apply(events.RoomsOpened())
    lesson.sit("mia", "tom")
    lesson.apply(events.DocumentOpened("r", "tom", "n2"))
    lesson.at = 15
    lesson.tables["r"].type("mia", "a")
    lesson.at = 300
    lesson.apply(events.NodeLost("n1"))
    lesson.at = 310
    assert (lesson.seconds("mia"), lesson.seconds("tom")) == (15, 310)


def test_p7_the_teacher_is_not_a_member() -> None:
    lesson = Lesson()
    lesson.apply(events.RoomsOpened())
    lesson.apply(events.DocumentOpened("r", TEACHER_AUTHOR, "n1"))
    lesson.tables["r"].write("teacher", "A longer hint for everybody.")
    lesson.at = 20
    figures = lesson.figures()
    assert (figures.members, figures.word, figures.last_at) == ({}, "not started", None)
    assert figures.excerpt == (("teacher", "A longer hint for everybody."),)


def test_p3_p8_figures_of_a_room() -> None:
    lesson = Lesson()
    lesson.apply(events.RoomsOpened())
    lesson.sit("mia", "tom", "zoe")
    lesson.work(100, "mia", "tom", "zoe")
    lesson.tables["r"].delete("tom", "x x x x ")
    figures = lesson.figures()
    assert (figures.word, figures.value, figures.slots) == ("shared", 0.968, 31)
    assert sum(member.standing or 0 for member in figures.members.values()) == 52
    assert figures.members["tom"].slots == 11
    assert figures.members["tom"].deleted == 8
    assert figures.members["mia"].inserted == 20
    assert figures.words == 26
    assert figures.reason.kind == "under_way"
    json = msgspec.to_builtins(figures)
    assert json["members"]["mia"]["here"] is True
    assert json["quietest"]["ratio"] == 0.968
    assert "quiet_since" in json
    assert None not in json.values()


def test_p10_figures_weigh_by_presence() -> None:
    lesson = Lesson("mia tom zoe ali")
    lesson.apply(events.RoomsOpened())
    lesson.sit("mia", "tom", "zoe")
    lesson.work(540, "mia", "tom", "zoe")
    lesson.sit("ali")
    lesson.work(180, "mia", "tom", "zoe", "ali")
    figures = lesson.figures()
    assert [member.slots for member in figures.members.values()] == [72, 72, 72, 18]
    assert figures.value == 1.0


def test_p12_words_over_a_lesson() -> None:
    lesson = Lesson()
    lesson.apply(events.RoomsOpened())
    lesson.sit("mia")
    assert lesson.figures().word == "not started"
    lesson.work(30, "mia")
    assert (lesson.figures().word, lesson.figures().value) == ("working solo", None)
    lesson.sit("tom")
    lesson.work(70, "mia")
    assert lesson.figures().word == "too early"
    lesson.work(300, "mia")
    assert lesson.figures().word == "one voice"
    assert lesson.figures().signs == ("one_voice", "unheard", "under_way")
    lesson.work(300, "tom")
    lesson.work(100, "mia", "tom")
    assert lesson.figures().word == "shared"


def test_p13_quiet_timer_runs_while_two_are_present() -> None:
    lesson = Lesson()
    lesson.apply(events.RoomsOpened())
    lesson.sit("mia")
    lesson.at = 50
    assert lesson.figures().quiet_since is None
    lesson.sit("tom")
    lesson.at = 60
    assert lesson.figures().quiet_since == START + 50_000
    lesson.tables["r"].type("mia", "a")
    lesson.at = 181
    assert lesson.figures().quiet_since == START + 60_000
    assert lesson.figures().reason.kind == "quiet"
    lesson.apply(events.DocumentClosed("r", "tom", "n1"))
    assert lesson.figures().quiet_since is None


def test_p13_cross_edits_and_mixed_paragraphs() -> None:
    lesson = Lesson()
    lesson.apply(events.RoomsOpened())
    lesson.sit("mia", "tom")
    table = lesson.tables["r"]
    table.type("mia", "abcd")
    lesson.at = 10
    table.type("tom", "efgh")
    lesson.at = 20
    table.type("mia", "\nijkl")
    lesson.at = 30
    figures = lesson.figures()
    assert figures.cross_edit == 0.333
    assert figures.paragraph_mix == 0.667  # eight units shared, four of one author
    assert lesson.participation.contributions("r")["tom"].builds_on == {"mia": Slots([1])}


def test_p14_absent_and_silent() -> None:
    lesson = Lesson("mia tom zoe ali")
    lesson.apply(events.RoomsOpened())
    lesson.sit("mia", "tom", "zoe")
    lesson.apply(events.Seated("ali", "r", 4))
    lesson.work(200, "mia", "tom")
    figures = lesson.figures()
    assert figures.members["ali"].present_seconds == 0  # listed
    assert figures.value == 0.5  # Zoe counts, Ali does not


def test_p14_late_has_a_minutes_grace() -> None:
    lesson = Lesson()
    lesson.apply(events.RoomsOpened())
    lesson.sit("mia", "tom")
    lesson.work(300, "mia", "tom")
    lesson.sit("zoe")
    lesson.at += 59
    assert lesson.figures().value == 1.0
    assert "unheard" not in lesson.figures().signs
    lesson.at += 1
    assert lesson.figures().value != 1.0
    lesson.work(60, "mia", "tom")
    assert lesson.figures().signs[0] == "unheard"


def test_p14_someone_who_comes_within_the_first_minute_is_not_late() -> None:
    lesson = Lesson()
    lesson.apply(events.RoomsOpened())
    lesson.sit("mia", "tom")
    lesson.work(50, "mia", "tom")
    lesson.sit("zoe")
    lesson.at += 1
    assert lesson.figures().value != 1.0


def test_p14_left_stops_the_clock_and_keeps_the_work() -> None:
    lesson = Lesson()
    lesson.apply(events.RoomsOpened())
    lesson.sit("mia", "tom")
    lesson.work(200, "mia", "tom")
    lesson.apply(events.ParticipantLeft("tom"))
    lesson.work(200, "mia")
    figures = lesson.figures()
    assert (figures.members["tom"].present_seconds, figures.members["tom"].slots) == (200, 20)
    assert figures.value == 1.0


def test_p14_moved_counts_in_each_room() -> None:
    lesson = Lesson(rooms="rs")
    lesson.apply(events.RoomsOpened())
    lesson.sit("mia", "tom")
    lesson.work(100, "mia", "tom")
    lesson.apply(events.Seated("tom", "s", 1))
    lesson.apply(events.DocumentClosed("r", "tom", "n1"))
    lesson.apply(events.DocumentOpened("s", "tom", "n1"))
    lesson.work(50, "tom", room="s")
    assert lesson.figures("r").members["tom"].slots == 10
    assert lesson.seconds("tom", "r") == 100
    assert lesson.figures("s").members["tom"].slots == 5
    assert lesson.seconds("tom", "s") == 50


def test_p14_renamed_is_the_same_person() -> None:
    lesson = Lesson()
    lesson.apply(events.RoomsOpened())
    lesson.sit("mia", "tom")
    lesson.work(100, "mia")
    lesson.apply(events.ParticipantRenamed("mia", "Maria"))
    lesson.work(100, "mia")
    assert lesson.figures().members["mia"].slots == 20


def test_p14_not_measured_by_typing_is_left_out_of_the_balance() -> None:
    lesson = Lesson()
    lesson.apply(events.RoomsOpened())
    lesson.sit("mia", "tom", "zoe")
    lesson.work(200, "mia", "tom")
    assert lesson.figures().value == 0.5
    lesson.apply(events.MeasuringChanged("zoe", False))
    assert lesson.figures().value == 1.0
    assert "zoe" in lesson.figures().members
    lesson.apply(events.MeasuringChanged("mia", False))
    lesson.apply(events.MeasuringChanged("tom", False))
    assert lesson.figures().word == "too early"  # there is work, but nobody's that is measured
    lesson.apply(events.MeasuringChanged("zoe", True))
    assert lesson.figures().word == "too early"


def test_p15_windows_add_up_to_the_lesson() -> None:
    lesson = Lesson()
    lesson.apply(events.RoomsOpened())
    lesson.sit("mia", "tom")
    lesson.work(100, "mia")
    lesson.work(55, "mia", "tom")
    windows = lesson.participation.windows("r", lesson.now)
    assert [window.at for window in windows] == [START, START + 60_000, START + 120_000]
    assert [[share.units for share in window.shares] for window in windows] == [[6, 0], [6, 2], [3, 3]]
    assert [window.shares[0].seconds for window in windows] == [60, 60, 30]
    assert sum(window.balance.slots for window in windows) == lesson.figures().slots
    assert windows[2].balance.value == 1.0


def test_p16_p18_order_and_the_teachers_own_attention() -> None:
    lesson = Lesson(rooms="rst")
    lesson.apply(events.RoomsOpened())
    lesson.at = 10
    lesson.apply(events.RoomVisited("r"))
    lesson.at = 25
    lesson.apply(events.RoomVisited("s"))
    lesson.at = 30
    lesson.apply(events.RoomVisited(None))
    lesson.at = 100
    lesson.apply(events.RoomVisited("r"))
    lesson.at = 101
    participation = lesson.participation
    visits = {room: (v.count, v.milliseconds) for room, v in participation.visits(lesson.now).items()}
    assert visits == {"r": (2, 16_000), "s": (1, 5_000), "t": (0, 0)}
    assert participation.visits(lesson.now - 3_000)["r"].milliseconds == 15_000, "by a clock that is behind"
    assert participation.order(participation.figures(lesson.now)) == ["t", "s", "r"]
    lesson.apply(events.RoomClosed("t"))
    lesson.apply(events.LessonEnded())
    lesson.at = 500
    assert participation.visits(lesson.now)["r"].milliseconds == 16_000
    assert participation.order(participation.figures(lesson.now)) == ["s", "r"]
    assert "t" in participation.figures(lesson.now)


def test_p17_receipts() -> None:
    lesson = Lesson()
    lesson.apply(events.RoomsOpened())
    lesson.sit("mia")
    lesson.tables["r"].write("mia", "A whole sentence at once.")
    assert [evidence.kind for evidence in lesson.participation.evidence("r")] == ["added in one go"]
    assert lesson.participation.contributions("r")["mia"].added_in_one_go == 1
    assert lesson.participation.text("r") == "A whole sentence at once."
    standing = [(run.author, run.text) for run in lesson.participation.runs("r") if run.text]
    assert standing == [("mia", "A whole sentence at once.")]


def test_p21_without_participation_there_are_no_amounts() -> None:
    lesson = Lesson(participation=False)
    lesson.apply(events.RoomsOpened())
    lesson.sit("mia", "tom")
    lesson.work(300, "mia")
    lesson.at += 150
    json = msgspec.to_builtins(lesson.figures())
    assert set(json) == {"members", "words", "excerpt", "reason", "signs", "last_at", "quiet_since"}
    assert json["members"] == {name: {"here": True, "present_seconds": 450} for name in ("mia", "tom")}
    assert json["signs"] == ("quiet", "under_way")


def test_the_excerpt_is_the_end_of_the_text_by_author() -> None:
    lesson = Lesson()
    lesson.apply(events.RoomsOpened())
    lesson.sit("mia", "tom")
    lesson.tables["r"].write("mia", "a" * 400)
    lesson.tables["r"].write("tom", "b" * 30)
    assert lesson.figures().excerpt == (("mia", "a" * 250), ("tom", "b" * 30))


def test_the_excerpts_of_many_rooms_are_shorter() -> None:
    lesson = Lesson(rooms="rs")
    lesson.tables["r"].write("mia", "a" * 100)
    lesson.tables["r"].write("tom", "سنديانة " * 30)
    lesson.figures()
    for number in range(38):
        lesson.apply(events.RoomAdded(f"r{number}", f"Room {number}"))
    excerpt = lesson.figures().excerpt
    assert excerpt == (("tom", ("سنديانة " * 30)[-74:]),)
    assert len(msgspec.json.encode(excerpt)) <= EXCERPTS_BYTES / 40


def test_entries_about_unknown_rooms_and_people_change_nothing() -> None:
    lesson = Lesson()
    before = lesson.figures()
    for event in (
        events.DocumentOpened("nowhere", "mia"),
        events.DocumentClosed("r", "nobody"),
        events.DocumentUpdated("nowhere", "mia", b"\0\0"),
        events.DocumentUpdated("r", "mia", b"garbage"),
        events.ParticipantLeft("nobody"),
        events.RoomVisited("nowhere"),
    ):
        lesson.apply(event)
    assert lesson.figures() == before


actions = st.lists(
    st.tuples(
        st.sampled_from(
            ("type", "paste", "delete", "open", "close", "lock", "unlock", "gather", "work", "leave", "back")
        )
        | st.sampled_from(("type", "type", "move", "lost", "measure", "visit")),
        st.sampled_from(("mia", "tom", "zoe")),
        st.integers(0, 200),
    ),
    max_size=60,
)


@settings(max_examples=60)
@given(actions, st.integers(0, 1000))
def test_p15_replay_gives_the_figures_that_were_shown_live(steps: list[tuple[str, str, int]], seed: int) -> None:
    rng = Random(seed)
    lesson = Lesson(rooms="rs")
    lesson.apply(events.RoomsOpened())
    lesson.sit("mia", "tom", "zoe")
    shown: list[tuple[int, int, dict[str, RoomFigures]]] = []
    for action, name, number in steps:
        table = lesson.tables["r"]
        match action:
            case "type":
                table.type(name, "words"[: number % 6], round(rng.random() * len(str(table.writers[name].text))))
            case "paste":
                table.write(name, "A sentence that has a length." if number % 2 else table.text[-20:] or "x")
            case "delete":
                copy = str(table.writers[name].text)
                table.delete(name, copy[number % (len(copy) + 1) :][:20])
            case "open":
                lesson.apply(events.DocumentOpened("rs"[number % 2], name, f"n{number % 2}"))
            case "close":
                lesson.apply(events.DocumentClosed("rs"[number % 2], name, f"n{number % 2}"))
            case "lock":
                lesson.apply(events.Locked("r" if number % 2 else None))
            case "unlock":
                lesson.apply(events.Unlocked("r" if number % 2 else None))
            case "gather":
                lesson.apply(events.Gathered())
            case "work":
                lesson.apply(events.RoomsOpened())
            case "leave" if sum(writer.away for writer in table.writers.values()) < 2:
                table.leave(name)
            case "back" if table.writers[name].away:
                table.come_back(name, number)
            case "move":
                lesson.apply(events.Seated(name, "rs"[number % 2], number))
            case "lost":
                lesson.apply(events.NodeLost(f"n{number % 2}"))
            case "measure":
                lesson.apply(events.MeasuringChanged(name, bool(number % 2)))
            case "visit":
                lesson.apply(events.RoomVisited("rs"[number % 2]))
            case _:
                pass
        lesson.at += number / 7
        shown.append((len(lesson.journal), lesson.now, lesson.participation.figures(lesson.now)))
    for count, now, figures in [*shown[:: max(1, len(shown) // 5)], *shown[-1:]]:
        again = Participation("lesson")
        for body, at in lesson.journal[:count]:
            again.apply(decode_event(body), at)
        assert again.figures(now) == figures
        assert again.windows("r", now) == again.windows("r", now)
        slots = {name: done.slots for name, done in again.contributions("r").items()}
        for name, own in slots.items():
            assert figures["r"].members[name].slots == len(own)
            assert all(slot <= (now - START) // 10_000 for slot in own)
    assert lesson.participation.text("r") == lesson.tables["r"].text


@pytest.mark.parametrize("author", ["mia", "teacher"])
def test_p5_a_teacher_who_puts_a_sentence_back_leaves_it_its_author(author: str) -> None:
    lesson = Lesson()
    lesson.apply(events.RoomsOpened())
    lesson.sit("mia", "tom")
    table = lesson.tables["r"]
    table.type("tom", "Squirrels bury acorns.")
    table.delete(author, "Squirrels bury acorns.")
    table.write(author, "Squirrels bury acorns.")
    standing = [(run.author, run.text) for run in lesson.participation.runs("r") if run.text]
    assert standing == [("tom", "Squirrels bury acorns.")]
