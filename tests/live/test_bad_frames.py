"""What a broken or a hostile client may send into a room: its own connection ends, and its classmates do not notice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pycrdt
import pytest
import websockets
from websockets.frames import Frame, Opcode

from server.core.lesson import LOCK_GRACE_MS
from server.core.wire import (
    AwarenessState,
    encode_awareness,
    encode_awareness_query,
    encode_state_vector,
    encode_sync_step1,
    encode_update,
)
from tests.stage import Classroom, Peer, Server, Student, gather, until

pytestmark = pytest.mark.live

Document = pycrdt.Doc[pycrdt.Text]

GRACE_SECS = LOCK_GRACE_MS / 1000


@dataclass
class Table:
    """Two classmates and a visiting teacher at one text; the third at the table is about to misbehave."""

    lesson: Classroom
    room: str
    sender: Student
    classmate: Peer
    visitor: Peer
    said: str = ""

    async def goes_on(self) -> None:
        """Show that the classmates are still served, and that nothing has come into their text but their own."""
        self.classmate.text += "🌰"
        self.said += "🌰"
        await self.visitor.sees(self.said)
        await self.classmate.sees(self.said)
        assert (self.classmate.closed, self.visitor.closed) == (None, None)
        (room,) = (await self.lesson.report())["rooms"]
        assert room["text"] == self.said


@asynccontextmanager
async def table(server: Server) -> AsyncIterator[Table]:
    lesson = await server.create_lesson(room_count=1)
    sender, classmate = [await lesson.join(name) for name in ("Mallory", "Ben")]
    await lesson.command("open_rooms")
    room = (await lesson.report())["rooms"][0]["room"]
    async with lesson.write(room, classmate.token) as peer, lesson.write(room, lesson.teacher_token) as visitor:
        found = Table(lesson, room, sender, peer, visitor)
        await found.goes_on()
        yield found


def written(*pieces: str, client: int = 77, root: str = "summary") -> list[bytes]:
    """Give the updates of a client that writes one piece after the other."""
    document: Document = pycrdt.Doc(client_id=client)
    text = document.get(root, type=pycrdt.Text)
    updates = []
    for piece in pieces:
        before = document.get_state()
        text += piece
        updates.append(document.get_update(before))
    return updates


def an_array() -> bytes:
    document: pycrdt.Doc[pycrdt.Array[int]] = pycrdt.Doc()
    document.get("summary", type=pycrdt.Array).append(1)
    return document.get_update()


def gapped(_: Table) -> bytes:
    return encode_update(written("missing ", "late")[1])


def under_a_classmates_id(table: Table) -> bytes:
    # Longer than what he has written: the beginning of his text, however told, is a repetition and changes nothing.
    return encode_update(written("I am Ben" * 100, client=table.classmate.document.client_id)[0])


def after_a_classmates_text(table: Table) -> bytes:
    """The next clock of a classmate's client: well-formed and without a gap, but forged."""
    document: Document = pycrdt.Doc(client_id=table.classmate.document.client_id)
    document.apply_update(table.classmate.document.get_update())
    before = document.get_state()
    text = document.get("summary", type=pycrdt.Text)
    text += "I am Ben"
    return encode_update(document.get_update(before))


FRAMES: dict[str, tuple[Callable[[Table], bytes | str], int]] = {
    "a text frame": (lambda _: "hello", 4400),
    "JSON in a text frame": (lambda _: '{"type":"ping"}', 4400),
    "an empty binary frame": (lambda _: b"", 4400),
    "an empty text frame": (lambda _: "", 4400),
    "an unknown kind": (lambda _: b"\x09\x00", 4400),
    "an unknown kind of sync": (lambda _: b"\x00\x07\x00", 4400),
    "a length beyond the end": (lambda _: b"\x00\x02\xff\xff\xff\x0f\x01", 4400),
    "something behind the end": (lambda _: encode_update(written("x")[0]) + b"\x00", 4400),
    "an endless number": (lambda _: b"\xff" * 40, 4400),
    "a state vector that is none": (lambda _: b"\x00\x00\x02\xff\xff", 4400),
    "an update that is none": (lambda _: encode_update(b"\xff\xff\xff\xff"), 4400),
    "half an update": (lambda _: encode_update(written("hello")[0][:-6]), 4400),
    "a gap": (gapped, 4400),
    "another root": (lambda _: encode_update(written("hidden", root="elsewhere")[0]), 4400),
    "something that is no text": (lambda _: encode_update(an_array()), 4400),
    "a classmate's client id": (under_a_classmates_id, 4403),
    "a classmate's next words": (after_a_classmates_text, 4403),
    "too large an update": (lambda _: encode_update(written("x" * 600_000)[0]), 4413),
    "too large a frame": (lambda _: encode_update(written("x" * 1_100_000)[0]), 4413),
    "a text over its limit": (lambda _: encode_update(written("x" * 250_000)[0]), 4413),
}


async def test_a_bad_frame_ends_its_senders_connection_and_no_other(server: Server) -> None:
    async with table(server) as at:
        wrong = {}
        for what, (make, expected) in FRAMES.items():
            async with at.lesson.write(at.room, at.sender.token) as peer:
                await peer.send(make(at))
                await until(lambda peer=peer: peer.closed is not None, f"the close after {what}")  # type: ignore[misc]
                code = peer.closed
                if code != expected:
                    wrong[what] = code
            await at.goes_on()
        assert wrong == {}

        # The door is not shut: the same person comes back and writes.
        async with at.lesson.write(at.room, at.sender.token) as peer:
            peer.text += "sorry"
            at.said += "sorry"
            await at.visitor.sees(at.said)


async def test_a_bad_first_frame_before_any_sync(server: Server) -> None:
    async with table(server) as at:
        for make, expected in FRAMES.values():
            async with websockets.connect(at.lesson.room_url(at.room, at.sender.token), max_size=None) as socket:
                await socket.send(make(at))
                async with asyncio.timeout(10):
                    await socket.wait_closed()
                assert socket.close_code == expected
        await at.goes_on()


async def test_nobody_writes_under_the_client_id_of_who_has_just_come(server: Server) -> None:
    async with table(server) as at:
        cleo = await at.lesson.join("Cleo")
        async with at.lesson.write(at.room, cleo.token) as late, at.lesson.write(at.room, at.sender.token) as peer:
            client = late.document.client_id
            await late.send(encode_awareness([AwarenessState(client, 1, "{}")]))
            await until(lambda: client in peer.awareness, "the newcomer's presence")
            await peer.send(encode_update(written("I am Cleo", client=client)[0]))
            assert await peer.is_closed() == 4403
            late.text += "🌰"
            at.said = str(late.text)
            await at.visitor.sees(at.said)
            assert late.closed is None
        await at.goes_on()


async def send_many(peer: Peer, frame: bytes, times: int = 50_000) -> None:
    with suppress(websockets.ConnectionClosed):
        for _ in range(times):
            await peer.send(frame)


async def test_too_many_messages(server: Server) -> None:
    async with table(server) as at:
        async with at.lesson.write(at.room, at.sender.token) as peer:
            await send_many(peer, encode_awareness_query())
            assert await peer.is_closed() == 4429
        await at.goes_on()


async def test_too_many_frames_that_are_no_messages(server: Server) -> None:
    async with table(server) as at:

        async def flood(kind: Opcode) -> None:
            async with at.lesson.write(at.room, at.sender.token) as peer:
                if kind is Opcode.CONT:
                    peer.socket.transport.write(Frame(Opcode.BINARY, b"begun", False).serialize(mask=True))
                frame = Frame(kind, b"", kind is not Opcode.CONT)
                peer.socket.transport.write(frame.serialize(mask=True) * 50_000)
                assert await peer.is_closed() == 4429

        await gather(*(flood(kind) for kind in (Opcode.PING, Opcode.PONG, Opcode.CONT)))
        await at.goes_on()


async def test_too_many_changes(server: Server) -> None:
    async with table(server) as at:
        async with at.lesson.write(at.room, at.sender.token) as peer:
            # The same one again and again: it is counted before it is looked at.
            await send_many(peer, encode_update(written("x")[0]))
            assert await peer.is_closed() == 4429
        await until(lambda: str(at.visitor.text) in {"🌰x", "x🌰"}, "the first of them")
        at.said = str(at.visitor.text)
        await at.goes_on()


async def test_too_much_to_check(server: Server) -> None:
    async with table(server) as at:
        async with at.lesson.write(at.room, at.sender.token) as peer:
            await send_many(peer, encode_update(written("x" * 150_000)[0]), 100)
            assert await peer.is_closed() == 4429
        await until(lambda: len(str(at.visitor.text)) == 150_001, "the first of them")
        at.said = str(at.visitor.text)
        await at.goes_on()


async def test_too_many_questions(server: Server) -> None:
    async with table(server) as at:
        async with at.lesson.write(at.room, at.sender.token) as peer:
            await send_many(peer, encode_sync_step1(encode_state_vector({77: 1})), 100)
            assert await peer.is_closed() == 4429
        await at.goes_on()


async def test_too_many_windows(server: Server) -> None:
    async with table(server) as at:
        sockets = [
            await websockets.connect(at.lesson.room_url(at.room, at.sender.token), max_size=None) for _ in range(12)
        ]
        await until(lambda: sum(socket.close_code == 4429 for socket in sockets) == 4, "the surplus to be closed")
        await at.goes_on()
        await gather(*(socket.close() for socket in sockets))


async def test_bad_messages_on_the_lesson_socket(server: Server) -> None:
    async with table(server) as at, at.lesson.watch() as desk:
        for message, expected in (
            ("", 4400),
            ("no json", 4400),
            ("[1, 2]", 4400),
            ('{"id": 1}', 4400),
            (b"\xff\xfe", 4400),
            ('{"type": 7}', 4400),
            ("[" * 100_000, 4400),
            ('{"any": ' + "[" * 100_000, 4400),
            ("x" * 1_100_000, 4413),
        ):
            async with at.lesson.watch(at.sender.token) as page:
                await page.socket.send(message)
                await until(lambda page=page: page.closed is not None, f"the close after {message[:20]!r}")  # type: ignore[misc]
                assert page.closed == expected
        async with at.lesson.watch(at.sender.token) as page:
            # A command that does not fit is answered; the connection stays.
            for fields in (
                {"type": "fly"},
                {"type": "chat"},
                {"type": "chat", "text": ""},
                {"type": "chat", "text": "x" * 5000},
                {"type": "chat", "text": "hello", "more": 1},
                {"type": "hand", "reason": "bored"},
                {"type": "agreement", "criterion": -1, "met": True},
            ):
                answer = await page.send(str(fields.pop("type")), **fields)
                assert (answer["type"], answer["code"]) == ("error", "malformed")
            assert (await page.send("lock"))["code"] == "forbidden"
            assert page.closed is None
            for _ in range(300):
                await page.socket.send(json.dumps({"type": "ping"}))
            await until(lambda: page.closed is not None, "the close")
            assert page.closed == 4429
        assert desk.closed is None
        await at.goes_on()


async def test_edits_after_a_lock(server: Server) -> None:
    async with table(server) as at:
        async with at.lesson.write(at.room, at.sender.token) as peer, at.lesson.watch(at.sender.token) as page:
            await at.lesson.command("lock", room=at.room)
            peer.text += "in flight"
            at.said += "in flight"
            await at.visitor.sees(at.said)  # within the grace
            await page.sees(lambda state: state["room"]["locked"], "the lock")

            async def refused() -> None:
                while peer.closed is None:
                    if len(str(peer.text)) < 1000:
                        peer.text += "x"
                    await asyncio.sleep(0.1)

            async with asyncio.timeout(10):
                await refused()
            assert peer.closed == 4403
        at.said = str(at.visitor.text)
        assert len(at.said) < 100
        # A locked room is still there to read, for the same client too; the teacher may go on writing.
        async with at.lesson.write(at.room, at.sender.token) as peer:
            assert peer.closed is None
            at.visitor.text += "(locked)"
            at.said += "(locked)"
            await peer.sees(at.said)
        await at.lesson.command("unlock", room=at.room)
        async with at.lesson.write(at.room, at.sender.token) as peer:
            peer.text += "again"
            at.said += "again"
            await at.visitor.sees(at.said)


@pytest.mark.alone
async def test_each_who_moves_has_a_grace_of_their_own(server: Server) -> None:
    lesson = await server.create_lesson(room_count=2)
    ana, ben = [await lesson.join(name) for name in ("Ana", "Ben")]
    await lesson.command("open_rooms")
    here, there = [room["room"] for room in (await lesson.report())["rooms"]]
    for student in (ana, ben):
        await lesson.command("move", participant=student.participant, room=here)
    await asyncio.sleep(GRACE_SECS)  # what these moves began is over
    async with (
        lesson.write(here, ana.token) as first,
        lesson.write(here, ben.token) as second,
        lesson.write(here, lesson.teacher_token) as visitor,
        lesson.watch(lesson.projector_token) as projector,
    ):
        await lesson.command("move", participant=ana.participant, room=there)
        await asyncio.sleep(0.75 * GRACE_SECS)
        await lesson.command("move", participant=ben.participant, room=there)
        await lesson.command("spotlight", room=here)
        await projector.sees(lambda state: state["spotlight"], "the spotlight")
        await until(lambda: first.closed == 4403, "the close of the first who moved")
        second.text += "in flight"
        await visitor.sees("in flight")
        await until(lambda: second.closed == 4403, "the close of the second")
        assert visitor.closed is None


@pytest.mark.alone
async def test_who_is_removed_is_out_at_once(server: Server) -> None:
    async with table(server) as at:
        sender = at.sender
        async with (
            at.lesson.write(at.room, sender.token) as peer,
            at.lesson.watch(sender.token) as page,
        ):
            await at.lesson.command("remove", participant=sender.participant)
            # The answer to the command comes when it is done: what is closed is closed by then, but for the way here.
            await until(lambda: peer.closed is not None and page.closed is not None, "both sockets to be closed", 1.0)
            assert (peer.closed, page.closed) == (4403, 4401)
            assert page.messages[-1]["type"] == "bye"
        for url in (at.lesson.room_url(at.room, sender.token), at.lesson.room_url("", sender.token)[:-1]):
            async with websockets.connect(url.replace("/rooms/?", "?")) as socket:
                await socket.wait_closed()
                assert socket.close_code in {4401, 4403}
        await sender.command("chat", text="still here", expect=403)
        page_answer = await server.request("GET", f"/l/{at.lesson.lesson}?token={sender.token}")
        assert page_answer.status_code == 401
        await at.goes_on()


async def test_a_room_or_lesson_that_does_not_exist(server: Server) -> None:
    lesson = await server.create_lesson(room_count=1)
    for path, expected in (
        (f"/ws/lessons/{lesson.lesson}/rooms/none", 4404),
        ("/ws/lessons/none", 4404),
        ("/ws/lessons/none/rooms/none", 4404),
    ):
        async with websockets.connect(f"{server.sockets}{path}?token={lesson.teacher_token}") as socket:
            await socket.wait_closed()
            assert socket.close_code == expected
