from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.wire import (
    MAX_AWARENESS_STATES,
    MAX_VAR_UINT,
    Auth,
    AwarenessQuery,
    AwarenessState,
    AwarenessUpdate,
    Message,
    Reader,
    SyncStep1,
    SyncStep2,
    SyncUpdate,
    _decode_any,
    _decode_cursor,
    _decode_key,
    decode_message,
    decode_state_vector,
    encode_awareness,
    encode_awareness_query,
    encode_state_vector,
    encode_sync_step1,
    encode_sync_step2,
    encode_update,
    encode_var_uint,
    first_awareness_client,
)
from server.errors import Malformed

# Written by yjs 13.6.33 and y-protocols 1.0.7 on Node 20: a document of client 7 with "né" in its text "summary";
# sync.writeSyncStep1, writeSyncStep2, writeUpdate, awareness.encodeAwarenessUpdate, auth.writePermissionDenied.
DOCUMENT = bytes.fromhex("0101070004010773756d6d617279036ec3a900")
STOCK_FRAMES: list[tuple[str, Message]] = [
    ("000003010702", SyncStep1(bytes.fromhex("010702"))),
    ("0001130101070004010773756d6d617279036ec3a900", SyncStep2(DOCUMENT)),
    ("0002130101070004010773756d6d617279036ec3a900", SyncUpdate(DOCUMENT)),
    (
        "01210107011d7b2275736572223a7b226e616d65223a225a6fc3ab20f09f9880227d7d",
        AwarenessUpdate((AwarenessState(7, 1, '{"user":{"name":"Zoë 😀"}}'),)),
    ),
    ("0108010702046e756c6c", AwarenessUpdate((AwarenessState(7, 2, "null"),))),
    ("0200026e6f", Auth("no")),
    ("03", AwarenessQuery()),
]

numbers = st.integers(0, MAX_VAR_UINT)
states = st.lists(st.builds(AwarenessState, numbers, numbers, st.text()), max_size=5)


def reason(value: object) -> str:
    assert isinstance(value, Malformed), value
    assert value.__traceback__ is None
    assert value.__context__ is None
    return value.reason


@pytest.mark.parametrize(("frame", "message"), STOCK_FRAMES)
def test_a_frame_of_a_stock_client_is_read(frame: str, message: Message) -> None:
    assert decode_message(bytes.fromhex(frame)) == message
    assert decode_message(memoryview(bytes.fromhex(frame))) == message


def test_our_frames_are_those_of_a_stock_client() -> None:
    written = [
        encode_sync_step1(bytes.fromhex("010702")),
        encode_sync_step2(DOCUMENT),
        encode_update(DOCUMENT),
        encode_awareness([AwarenessState(7, 1, '{"user":{"name":"Zoë 😀"}}')]),
        encode_awareness(iter([AwarenessState(7, 2, "null")])),
    ]
    assert [frame.hex() for frame in written] == [frame for frame, _ in STOCK_FRAMES[:5]]
    assert encode_awareness_query() == b"\x03"


@given(st.binary())
def test_sync_frames_come_back(payload: bytes) -> None:
    assert decode_message(encode_sync_step1(payload)) == SyncStep1(payload)
    assert decode_message(encode_sync_step2(payload)) == SyncStep2(payload)
    assert decode_message(encode_update(payload)) == SyncUpdate(payload)


@given(states)
def test_awareness_comes_back(sent: list[AwarenessState]) -> None:
    frame = encode_awareness(sent)
    assert decode_message(frame) == AwarenessUpdate(tuple(sent))
    assert first_awareness_client(frame) == (sent[0].client if sent else None)


@given(st.binary(max_size=127), st.builds(AwarenessState, numbers, numbers, st.text()))
def test_a_key_and_its_cursor_take_the_fast_way_to_the_same_end(payload: bytes, cursor: AwarenessState) -> None:
    key, presence = encode_update(payload), encode_awareness([cursor])
    assert _decode_key(key) == _decode_any(key, 1) == SyncUpdate(payload)
    assert _decode_cursor(presence) == _decode_any(presence, 1) == AwarenessUpdate((cursor,))


@given(st.binary(min_size=1, max_size=130) | st.builds(lambda *of: encode_awareness([AwarenessState(*of)]), numbers,
       numbers, st.text(max_size=3)), st.booleans(), st.data())  # fmt: skip
def test_the_fast_way_takes_no_frame_that_the_general_way_reads_otherwise(
    frame: bytes, wrapped: bool, data: st.DataObject
) -> None:
    broken = bytearray(encode_update(frame) if wrapped else frame)
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, min(len(broken) - 1, 24)))
        byte = data.draw(st.sampled_from([0, 1, 2, 0x0F, 0x10, 0x7F, 0x80, 0x81, 0xFF]) | st.integers(0, 255))
        broken[at : at + data.draw(st.integers(0, 1))] = bytes((byte,))
    for fast in (_decode_key(bytes(broken)), _decode_cursor(bytes(broken))):
        assert fast is None or fast == _decode_any(bytes(broken), 1)
    message = decode_message(bytes(broken))
    if isinstance(message, AwarenessUpdate) and message.states:
        assert first_awareness_client(bytes(broken)) == message.states[0].client


@given(st.dictionaries(numbers, numbers))
def test_a_state_vector_comes_back(clocks: dict[int, int]) -> None:
    data = encode_state_vector(clocks)
    assert decode_state_vector(data) == clocks
    assert all(reason(decode_state_vector(data[:size])) == "truncated" for size in range(len(data)))


def test_a_state_vector_is_written_as_yjs_does() -> None:
    assert encode_state_vector({7: 2, 300: 1}).hex() == "02ac02010702"


@pytest.mark.parametrize(
    ("data", "expected"),
    [("02070107", "truncated"), ("0207010702", "repeated_client"), ("0107", "truncated"), ("000000", "trailing_bytes")],
)
def test_a_broken_state_vector_is_refused(data: str, expected: str) -> None:
    assert reason(decode_state_vector(bytes.fromhex(data))) == expected


@given(numbers)
def test_a_var_uint_comes_back(number: int) -> None:
    reader = Reader(encode_var_uint(number))
    assert reader.var_uint() == number
    reader.finish()


@pytest.mark.parametrize("number", [-1, MAX_VAR_UINT + 1])
def test_what_is_no_var_uint_cannot_be_written(number: int) -> None:
    with pytest.raises(ValueError, match="no var-int"):
        encode_var_uint(number)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ("", "truncated"),
        ("00", "truncated"),
        ("000205", "truncated"),
        ("000203aabb", "truncated"),
        ("000201aabb", "trailing_bytes"),
        ("0003", "sync_kind"),
        ("04", "message_kind"),
        ("0300", "trailing_bytes"),
        ("0201", "auth_kind"),
        ("020001ff", "utf8"),
        ("0104010701ff", "truncated"),
        ("010501070101ff", "utf8"),
        ("010501070103ed", "truncated"),
        ("0106010701016100", "trailing_bytes"),  # inside the awareness payload
        ("01010000", "trailing_bytes"),  # after it
        ("010701070103eda080", "utf8"),  # a lone surrogate, encoded
        ("8000", "var_uint"),  # more bytes than it needs
        ("00028100", "var_uint"),
        ("0002ffffffffffffff10", "var_uint"),  # 2**53
        ("0002ffffffffffffffffff01", "var_uint"),
        ("0002ffffffffffffff0f", "truncated"),  # 2**53 - 1 bytes that never come
        ("0108ffffffffffffff0f", "truncated"),  # as many states
    ],
)
def test_a_broken_frame_is_refused(frame: str, expected: str) -> None:
    assert reason(decode_message(bytes.fromhex(frame))) == expected


@pytest.mark.parametrize(("frame", "_message"), STOCK_FRAMES)
def test_a_frame_cut_short_is_refused(frame: str, _message: Message) -> None:
    whole = bytes.fromhex(frame)
    assert all(reason(decode_message(whole[:size])) == "truncated" for size in range(len(whole)))


def test_one_message_names_no_more_than_a_hall() -> None:
    hall = [AwarenessState(client, 0, "{}") for client in range(MAX_AWARENESS_STATES)]
    assert decode_message(encode_awareness(hall)) == AwarenessUpdate(tuple(hall))
    assert reason(decode_message(encode_awareness([*hall, hall[0]]))) == "too_many_states"
    assert reason(decode_message(encode_awareness(hall[:3]), max_states=2)) == "too_many_states"


@pytest.mark.parametrize(
    "frame", ["", "00", "000107", "01", "010100", "010101", "01ff", "0102ff07", "03", "0104010781"]
)
def test_no_first_client_is_found_where_there_is_none(frame: str) -> None:
    assert first_awareness_client(bytes.fromhex(frame)) is None


def test_the_first_client_is_found_without_reading_the_state() -> None:
    assert first_awareness_client(bytes.fromhex("0105010701ffff")) == 7
