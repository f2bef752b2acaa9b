"""Presence: one client id a connection, faces from the server, a leaver held for its return."""

from __future__ import annotations

import json
from typing import Any

from server.core.wire import AwarenessState, AwarenessUpdate, decode_message
from server.hub.awareness import Face, RoomAwareness

ANA = Face("ana", "Ana", 1)
BEN = Face("ben", "Ben", 2)


def read(frame: bytes | None) -> dict[int, tuple[int, Any]]:
    if frame is None:
        return {}
    message = decode_message(frame)
    assert isinstance(message, AwarenessUpdate)
    return {state.client: (state.clock, json.loads(state.state)) for state in message.states}


def state(client: int, clock: int, **fields: Any) -> AwarenessState:
    return AwarenessState(client, clock, json.dumps(fields) if fields else "null")


def test_a_face_comes_from_the_server() -> None:
    room = RoomAwareness(5.0, 4096)
    owner = object()
    assert room.receive(
        owner, state(7, 1, user={"name": "Teacher", "color": "#f00"}, cursor={"anchor": 1}), lambda: ANA
    )
    clock, shown = read(room.take_changes())[7]
    assert clock >= 1
    assert shown["user"]["name"] == "Ana"
    assert shown["user"]["participant"] == "ana"
    assert shown["cursor"] == {"anchor": 1}
    assert set(shown) == {"user", "cursor"}


def test_nobody_speaks_for_another() -> None:
    room = RoomAwareness(5.0, 4096)
    owner = object()
    room.receive(owner, state(7, 1, cursor=None), lambda: ANA)
    room.take_changes()
    assert not room.receive(object(), state(7, 2, cursor={"anchor": 3}), lambda: BEN)
    assert room.take_changes() is None


def test_a_held_client_id_waits_for_its_own_person() -> None:
    room = RoomAwareness(5.0, 4096)
    owner = object()
    room.receive(owner, state(7, 1, cursor=None), lambda: ANA)
    room.release(owner, now=10.0)
    assert not room.receive(object(), state(7, 2, cursor=None), lambda: BEN)
    assert room.receive(object(), state(7, 1, cursor=None), lambda: ANA)


def test_a_leaver_is_held_and_then_removed() -> None:
    room = RoomAwareness(5.0, 4096)
    owner = object()
    room.receive(owner, state(7, 4, cursor=None), lambda: ANA)
    sent = read(room.take_changes())[7][0]
    room.release(owner, now=10.0)
    assert room.expire(12.0) == 3.0
    assert room.take_changes() is None
    assert read(room.everyone())[7][1] is not None
    assert room.expire(15.0) is None
    assert read(room.take_changes())[7] == (sent + 1, None)
    assert room.everyone() is None


def test_who_returns_after_removal_is_seen_at_once() -> None:
    """A returning stock client repeats its clock, which the others have already seen passed (y-websocket #122)."""
    room = RoomAwareness(5.0, 4096)
    owner = object()
    room.receive(owner, state(7, 4, cursor=None), lambda: ANA)
    room.release(owner, now=0.0)
    room.expire(6.0)
    removed_at = read(room.take_changes())[7][0]
    assert room.receive(object(), state(7, 4, cursor=None), lambda: ANA)
    clock, shown = read(room.take_changes())[7]
    assert clock > removed_at
    assert shown["user"]["name"] == "Ana"


def test_who_said_goodbye_is_seen_again_at_once() -> None:
    """The goodbye of a stock client has the clock of the state it takes back, and so has its return."""
    room = RoomAwareness(5.0, 4096)
    owner = object()
    room.receive(owner, state(7, 4, cursor=None), lambda: ANA)
    room.receive(owner, state(7, 4), lambda: ANA)
    room.release(owner, now=0.0)
    gone_at, gone = read(room.take_changes())[7]
    assert gone is None
    assert room.receive(object(), state(7, 4, cursor=None), lambda: ANA)
    assert read(room.take_changes())[7][0] > gone_at


def test_who_returns_sees_the_others_at_once() -> None:
    """A stock client forgets the others when its connection breaks, but passes over the clocks that it heard."""
    room = RoomAwareness(5.0, 4096)
    owner = object()
    room.receive(owner, state(7, 1, cursor=None), lambda: ANA)
    room.receive(object(), state(8, 1, cursor=None), lambda: BEN)
    heard = read(room.take_changes())[8][0]
    room.release(owner, now=0.0)
    room.receive(object(), state(7, 2, cursor=None), lambda: ANA)
    assert read(room.take_changes())[8][0] > heard


def test_a_second_connection_takes_over_from_one_that_has_not_noticed_its_end() -> None:
    room = RoomAwareness(5.0, 4096)
    dead, alive = object(), object()
    room.receive(dead, state(7, 1, cursor=None), lambda: ANA)
    assert room.receive(alive, state(7, 2, cursor={"anchor": 1}), lambda: ANA)
    room.release(dead, now=0.0)
    assert room.expire(10.0) is None
    assert read(room.everyone())[7][1]["cursor"] == {"anchor": 1}


def test_hearing_back_what_was_sent_on_is_no_news() -> None:
    room = RoomAwareness(5.0, 4096)
    owner = object()
    room.receive(owner, state(7, 1, cursor=None), lambda: ANA)
    clock, shown = read(room.take_changes())[7]
    room.receive(owner, state(7, clock, **shown), lambda: ANA)
    assert read(room.take_changes())[7][0] == clock


def test_a_new_name_is_shown_to_all() -> None:
    room = RoomAwareness(5.0, 4096)
    room.receive(object(), state(7, 4, cursor={"anchor": 2}), lambda: ANA)
    sent = read(room.take_changes())[7][0]
    room.rename(Face("ana", "Anna", 1))
    clock, shown = read(room.take_changes())[7]
    assert (clock, shown["user"]["name"], shown["cursor"]) == (sent + 1, "Anna", {"anchor": 2})


def test_what_cannot_be_used_is_passed_over() -> None:
    room = RoomAwareness(5.0, 100)
    assert not room.receive(object(), AwarenessState(7, 1, "not json"), lambda: ANA)
    assert not room.receive(object(), AwarenessState(7, 1, "[1, 2]"), lambda: ANA)
    assert not room.receive(object(), state(7, 1, cursor="x" * 200), lambda: ANA)
    assert room.take_changes() is None
