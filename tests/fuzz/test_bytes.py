"""Any bytes from a peer give a value or a documented refusal; what is admitted, a real document takes whole.

A room of three peers writes; its frames are broken in every way, at byte and at struct level, and sent instead of,
or besides, the true ones. The seed is in the test's id: run one alone with ``-k <seed>``.
"""

from __future__ import annotations

import random
import tracemalloc
from collections import Counter
from collections.abc import Callable
from itertools import groupby

import msgspec
import pytest
from pycrdt import Doc, Text

from server.core.admission import Admitted, Holdings, Limits
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
from server.core.wire import (
    AwarenessState,
    Message,
    SyncStep2,
    SyncUpdate,
    decode_message,
    decode_state_vector,
    encode_awareness,
    encode_awareness_query,
    encode_sync_step1,
    encode_update,
    encode_var_uint,
    first_awareness_client,
)
from server.errors import Forbidden, Malformed, Refused, TooLarge

pytestmark = pytest.mark.fuzz

FRAMES = 5_000
"""By each of the seeds."""
FRAMES_PER_ROOM = 50
LIMITS = Limits(max_update_bytes=2_000, max_document_units=400, max_history_units=2_000, max_clients=20)
AUTHORS = {7: "ann", 3000000001: "ben", 2**52 + 5: "cem"}
WORDS = ["a", "bc", "é", "😀", "x😀y", "שלום", "\0", "\ufffd", "a longer sentence, pasted. "]
REASONS = {
    *("truncated", "trailing_bytes", "var_uint", "utf8", "message_kind", "sync_kind", "auth_kind", "too_many_states"),
    *("empty_section", "empty_struct", "empty_deletion", "repeated_client", "struct_kind", "clock", "content"),
    *("gap", "root", "foreign_client", "unknown_origin", "unknown_deletion", "split_character"),
    *("update", "document", "history", "clients"),
}


def write_history(seed: int) -> list[bytes]:
    """Let three peers write together and apart; their updates in causal order."""
    rng = random.Random(seed)
    log: list[bytes] = []
    docs = [Doc[Text](client_id=client) for client in AUTHORS]
    texts = [doc.get("summary", type=Text) for doc in docs]
    received = [0, 0, 0]
    for _ in range(40):
        who = rng.randrange(3)
        doc, text = docs[who], texts[who]
        if rng.random() < 0.4:
            for update in log[received[who] :]:
                doc.apply_update(update)
            received[who] = len(log)
        before = doc.get_state()
        with doc.transaction():
            for _ in range(rng.choice([1, 1, 3])):
                characters = str(text)
                start = rng.randint(0, len(characters))
                at = len(characters[:start].encode())
                if rng.random() < 0.65 or start == len(characters):
                    text.insert(at, rng.choice(WORDS))
                else:
                    end = rng.randint(start + 1, min(start + 4, len(characters)))
                    del text[at : len(characters[:end].encode())]
        log.append(doc.get_update(before))
    return log


class Room:
    """The holdings by the fast way and by the general one, and a document that is given whatever they admit."""

    def __init__(self) -> None:
        self.holdings = Holdings()
        self.general = Holdings()
        self.doc = Doc[Text]()
        self.text = self.doc.get("summary", type=Text)

    def receive(self, frame: bytes, author: str) -> str:
        """Take one frame as the server does; tell what became of it."""
        first_awareness_client(frame)
        message: Message | Malformed = decode_message(frame)
        if isinstance(message, Malformed):
            return self.check(message)
        if not isinstance(message, SyncUpdate | SyncStep2):
            return type(message).__name__
        before = repr(self.holdings)
        outcome = self.holdings.admit(message.update, author, LIMITS)
        if isinstance(outcome, Refused):
            assert repr(self.holdings) == before
            return self.check(outcome)
        assert self.general._admit_any(outcome.update, author, LIMITS) == outcome.is_new
        assert repr(self.general) == repr(self.holdings)
        assert outcome.is_new == (repr(self.holdings) != before)
        self.doc.apply_update(message.update)
        assert self.holdings.standing_units == utf16_length(str(self.text)) <= LIMITS.max_document_units
        assert self.holdings.clocks == decode_state_vector(self.doc.get_state())
        return "new" if outcome.is_new else "known"

    def check(self, refused: Refused) -> str:
        assert type(refused) in (Malformed, Forbidden, TooLarge)
        assert refused.reason in REASONS
        return refused.reason


def break_bytes(rng: random.Random, frame: bytes, other: bytes) -> bytes:
    at = rng.randint(0, len(frame))
    to = min(len(frame), at + rng.choice([1, 1, 2, 5, 20]))
    match rng.randrange(8):
        case 0:
            return frame[:at]
        case 1:
            return frame[:at] + bytes([rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])]) + frame[to:]
        case 2:
            return frame[:at] + frame[to:]
        case 3:
            return frame[:at] + rng.randbytes(rng.randint(1, 4)) + frame[at:]
        case 4:
            return frame[:at] + other[rng.randint(0, len(other)) :]
        case 5:
            return frame[:at] + frame[at:to] * 2 + frame[to:]
        case 6:  # a var-int made longer, or greater
            return frame[:at] + bytes([0x80 | rng.randrange(128)] * rng.randint(1, 9)) + frame[at:]
        case _:
            number = rng.choice([0, 127, 128, 2**31, 2**32 - 1, 2**32, 2**53 - 1])
            return frame[:at] + encode_var_uint(number) + frame[to:]


def break_structs(rng: random.Random, update: Update) -> bytes:
    """Write an update that is well-formed and says something else."""
    client = rng.choice([*AUTHORS, *AUTHORS, 99, 100, 2**53 - 1])

    def near(clock: int) -> int:
        return max(0, clock + rng.choice([-9, -3, -2, -1, 0, 1, 2, 5]))

    def anywhere() -> Id:
        return Id(rng.choice([*AUTHORS, 99]), rng.randrange(60))

    def neighbour(of: Id | None) -> Id | None:
        if of is None or rng.random() < 0.3:
            return anywhere() if rng.random() < 0.5 else None
        return Id(of.client, near(of.clock))

    def change(struct: Struct) -> Struct:
        if isinstance(struct, GC | Skip):
            return msgspec.structs.replace(struct, length=rng.choice([1, 2, 3, 2**31]))
        match rng.randrange(6):
            case 0:
                return DeletedItem(
                    struct.client, struct.clock, struct.length, struct.origin, struct.right_origin, struct.root
                )
            case 1:
                lost = Skip if rng.random() < 0.25 else GC
                return lost(struct.client, struct.clock, struct.length)
            case 2 if isinstance(struct, TextItem):
                text = rng.choice(WORDS)
                return msgspec.structs.replace(struct, text=text, length=utf16_length(text))
            case 3:
                return msgspec.structs.replace(
                    struct, root=rng.choice(["summary", "summary", "notes"]), origin=None, right_origin=None
                )
        origin, right_origin = neighbour(struct.origin), neighbour(struct.right_origin)
        root = None if origin or right_origin else "summary"
        return msgspec.structs.replace(struct, origin=origin, right_origin=right_origin, root=root)

    structs, deletions = list(update.structs), list(update.deletions)
    for _ in range(rng.choice([1, 1, 2, 4])):
        match rng.randrange(8):
            case 0 | 1 | 2 if structs:
                i = rng.randrange(len(structs))
                structs[i] = change(structs[i])
            case 3 if structs:  # the whole section moves or becomes another client's
                moved = structs[0].client
                by = rng.choice([0, 0, -1, 1, -3])
                to = rng.choice([moved, client])
                structs = [
                    msgspec.structs.replace(s, client=to, clock=max(0, s.clock + by)) if s.client == moved else s
                    for s in structs
                ]
            case 4 if structs:
                last = structs[-1]
                structs.append(TextItem(last.client, last.clock + last.length, 2, "😀", anywhere(), None))
            case 5:
                text = rng.choice(WORDS)
                structs.insert(0, TextItem(client, 0, utf16_length(text), text, anywhere(), anywhere()))
            case 6 if deletions:
                i = rng.randrange(len(deletions))
                one = deletions[i]
                deletions[i] = Deletion(one.client, near(one.clock), max(1, near(one.length)))
            case _:
                deletions.append(Deletion(client, rng.randrange(60), rng.choice([1, 1, 2, 5, 2**31])))
    if rng.random() < 0.2:
        sections = [list(section) for _, section in groupby(structs, key=lambda s: s.client)]
        rng.shuffle(sections)
        structs = [struct for section in sections for struct in section]
    return encode_contents(Update(tuple(structs), tuple(deletions)))


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_broken_frames_are_refused_or_harmless(seed: int) -> None:
    rng = random.Random(seed)
    awareness = encode_awareness([AwarenessState(client, 3, '{"user":{"name":"Zoë 😀"}}') for client in AUTHORS])
    others = [awareness, encode_awareness_query(), encode_sync_step1(b"\x02\x07\x05\x09\x02"), b"\x02\x00\x02no"]
    seen: Counter[str] = Counter()
    sent = 0
    while sent < FRAMES:
        history = write_history(rng.randrange(1 << 30))
        room = Room()
        held = rng.randint(1, len(history) - 1)
        for update in history[:held]:
            room.receive(encode_update(update), author_of(update))
        ahead = iter(history[held:])
        for _ in range(FRAMES_PER_ROOM):
            update = next(ahead, None) or rng.choice(history)
            frame = encode_update(update)
            author = author_of(update)
            contents = decode_update(update)
            match rng.randrange(9):
                case 0 | 1 | 2 | 3 if isinstance(contents, Update):
                    frame = encode_update(break_structs(rng, contents))
                case 4 | 5:
                    frame = encode_update(break_bytes(rng, update, rng.choice(history)))
                case 6:
                    frame = break_bytes(rng, frame, rng.choice(others))
                case _:
                    frame = break_bytes(rng, rng.choice(others), frame)
            for each in (frame, encode_update(update)) if rng.random() < 0.3 else (frame,):
                sent += 1
                try:
                    seen[room.receive(each, author)] += 1
                except BaseException as error:  # pycrdt's panics are no Exceptions
                    raise AssertionError(f"{type(error).__name__}: {author} sends {each.hex()}") from error
    # The breaking is worth nothing if it reaches neither side of the judgement.
    assert seen["new"] > FRAMES / 30, seen
    assert seen["known"] > FRAMES / 30, seen
    assert len(REASONS & seen.keys()) > 16, seen


def author_of(update: bytes) -> str:
    contents = decode_update(update)
    if isinstance(contents, Update) and contents.structs:
        return AUTHORS[contents.structs[0].client]
    return "ann"


@pytest.mark.parametrize(
    "write",
    [
        lambda much: b"\x01" + much,  # a frame of so many bytes
        lambda much: b"\x00\x02" + much,
        lambda much: encode_update(much + bytes(100)),  # so many sections
        lambda much: encode_update(b"\x01" + much + b"\x07\x00" + bytes(100)),  # structs
        lambda much: encode_update(b"\x01\x01\x07\x00\x84\x07\x00" + much + bytes(100)),  # characters
        lambda much: encode_update(b"\x01\x01\x07\x00\x00" + much + b"\x00"),  # collected units
        lambda much: encode_update(b"\x00" + much + bytes(100)),  # clients with deletions
        lambda much: encode_update(b"\x00\x01\x07" + much + bytes(100)),  # deletions
        lambda much: encode_update(b"\x00\x01\x07\x01\x00" + much),  # deleted units
        lambda much: b"\x01\x6e" + much + bytes(110 - len(much)),  # awareness states
    ],
)
@pytest.mark.parametrize("number", [2**20, 2**31, 2**32 - 1, 2**53 - 1])
def test_a_number_alone_costs_no_memory(write: Callable[[bytes], bytes], number: int) -> None:
    room = Room()
    assert isinstance(room.holdings.admit(encode_insert(7, "abc"), "ann", LIMITS), Admitted)
    frame = write(encode_var_uint(number))
    tracemalloc.start()
    try:
        assert room.receive(frame, "ann") in REASONS
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
