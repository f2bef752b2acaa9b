from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Text

from server.core.update import (
    GC,
    MAX_CLOCK,
    DeletedItem,
    Deletion,
    Id,
    Skip,
    Struct,
    TextItem,
    Update,
    _decode_any,
    _decode_backspace,
    _decode_keystroke,
    decode_update,
    encode_contents,
    encode_insert,
    utf16_length,
)
from server.core.wire import MAX_VAR_UINT
from server.errors import Malformed

ANN = 3000000001

# Written by yjs 13.6.33 on Node 20: client 3000000001 types in the text "summary", each update as "update" gives it:
# insert(0,'Hello') insert(5,'!') insert(0,'>') insert(3,'שלום 😀') delete(1,2) delete(0,1); then encodeStateAsUpdate.
SESSION: list[tuple[str, Update]] = [
    ("010181bcc1960b0004010773756d6d6172790548656c6c6f00", Update((TextItem(ANN, 0, 5, "Hello", root="summary"),), ())),
    ("010181bcc1960b058481bcc1960b04012100", Update((TextItem(ANN, 5, 1, "!", Id(ANN, 4)),), ())),
    ("010181bcc1960b064481bcc1960b00013e00", Update((TextItem(ANN, 6, 1, ">", None, Id(ANN, 0)),), ())),
    (
        "010181bcc1960b07c481bcc1960b0181bcc1960b020dd7a9d79cd795d79d20f09f988000",
        Update((TextItem(ANN, 7, 7, "שלום 😀", Id(ANN, 1), Id(ANN, 2)),), ()),
    ),
    ("000181bcc1960b010002", Update((), (Deletion(ANN, 0, 2),))),
    ("000181bcc1960b010601", Update((), (Deletion(ANN, 6, 1),))),
    (
        "010481bcc1960b0001010773756d6d617279028481bcc1960b01046c6c6f214181bcc1960b0001c481bcc1960b0181bcc1960b02"
        "0dd7a9d79cd795d79d20f09f98800181bcc1960b0200020601",
        Update(
            (
                DeletedItem(ANN, 0, 2, root="summary"),
                TextItem(ANN, 2, 4, "llo!", Id(ANN, 1)),
                DeletedItem(ANN, 6, 1, None, Id(ANN, 0)),
                TextItem(ANN, 7, 7, "שלום 😀", Id(ANN, 1), Id(ANN, 2)),
            ),
            (Deletion(ANN, 0, 2), Deletion(ANN, 6, 1)),
        ),
    ),
    # mergeUpdates of the first and the third of 'a', 'b', 'c'
    (
        "0103090004010773756d6d61727901610a01840901016300",
        Update((TextItem(9, 0, 1, "a", root="summary"), Skip(9, 1, 1), TextItem(9, 2, 1, "c", Id(9, 1))), ()),
    ),
]

# Likewise, by client 9: everything Yjs can write that is not text in a root.
OTHER_CONTENT = {
    "format": "0102090346090004626f6c640474727565c60901090204626f6c64046e756c6c00",
    "embed": "01030905c60900090104626f6c64046e756c6cc5090509010d7b22696d616765223a2278227d"
    "c60906090104626f6c64047472756500",
    "map entry": "010109002801016d016b017d0100",
    "text in a map": "010209012701016d016e0204000901017800",
    "binary": "010109042301016d0362696e02010200",
    "subdocument": "010109052901016d037375620167760000",
    "collected map": "010509002801016d016b017d012101016d016e0100022301016d0362696e0201022901016d0373756201677600"
    "0109010103",
    "array": "0101090108010873756d6d61727932027d01760101617502787e00",
    "xml": "010109030701017803017000",
    "attribute of the text": "0101090428010773756d6d617279016b0177017600",
}


def reason(data: bytes) -> str:
    refused = decode_update(data)
    assert isinstance(refused, Malformed), refused
    assert refused.__traceback__ is None
    return refused.reason


@pytest.mark.parametrize(("data", "update"), SESSION)
def test_an_update_of_yjs_is_read_and_written(data: str, update: Update) -> None:
    assert decode_update(bytes.fromhex(data)) == update
    assert encode_contents(update).hex() == data


@pytest.mark.parametrize("data", OTHER_CONTENT.values(), ids=OTHER_CONTENT.keys())
def test_other_content_is_refused(data: str) -> None:
    assert reason(bytes.fromhex(data)) == "content"


@pytest.mark.parametrize(("data", "_update"), SESSION)
def test_an_update_cut_short_or_continued_is_refused(data: str, _update: Update) -> None:
    whole = bytes.fromhex(data)
    for size in range(len(whole)):
        assert reason(whole[:size]) == "truncated"
    assert reason(whole + b"\x00") == "trailing_bytes"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("ffffffffffffff0f00", "truncated"),  # 2**53 - 1 sections
        ("01ffffffffffffff0f070000", "truncated"),  # as many structs
        ("00ffffffffffffff0f", "truncated"),  # as many clients, in the deletions
        ("000107ffffffffffffff0f", "truncated"),  # as many ranges
        ("0101070084070084ffffffff0f", "truncated"),  # a text of 4 GB
        ("01010700000000", "empty_struct"),  # GC of no length
        ("010107000a0000", "empty_struct"),
        ("0101070081060000000000", "empty_struct"),
        ("01010700840600000000", "empty_struct"),
        ("01000700000000", "empty_section"),
        ("020107000001010708000100", "repeated_client"),
        ("000207010001070101010000", "repeated_client"),
        ("00010701050000", "empty_deletion"),
        ("0101070000ffffffff0f00", None),
        ("010107000080808080100000", "clock"),  # 2**32 units: more than the engine can count
        ("0101070100ffffffff0f00", "clock"),
        ("00010701ffffffff0f01", "clock"),
        ("010107008006000000000000", "struct_kind"),  # GC with an origin: Yjs and yrs read it differently
        ("010107008a06000000000000", "struct_kind"),
        ("010107000b0000000000", "struct_kind"),  # what yrs has besides Yjs: a move
        ("0101070014010773756d6d617279016100", "struct_kind"),  # 0x10 | string: five bits in Yjs, four in yrs
        ("010107000400060001610000", "content"),  # its parent is a struct
        ("010107002401017301610000000000", "content"),
        ("0101070084060001ff00", "utf8"),
        ("01010700840600c0016100", "truncated"),
        ("0101808080808080801000840600016100", "var_uint"),  # a keystroke of client 2**53
        ("0101070084068000016100", "var_uint"),  # an origin clock of 0 in two bytes
    ],
)
def test_a_broken_update_is_refused(data: str, expected: str | None) -> None:
    if expected is None:
        assert isinstance(decode_update(bytes.fromhex(data)), Update)
    else:
        assert reason(bytes.fromhex(data)) == expected


clients = st.sampled_from([0, 7, ANN, 2**32 - 1, 2**32, 2**49, MAX_VAR_UINT])
clocks = st.sampled_from([0, 1, 127, 128, 16383, 16384, 2**31, MAX_CLOCK - 40])
ids = st.builds(Id, clients, clocks)
# Yjs writes what it cannot encode, a lone surrogate, as U+FFFD.
texts = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("aé€😀\ufffd\ufeff\0"), min_size=1, max_size=12
)


@st.composite
def items(draw: st.DrawFn) -> TextItem:
    text = draw(texts)
    origin, right_origin = draw(st.tuples(ids | st.none(), ids | st.none()).filter(any))
    return TextItem(draw(clients), draw(clocks), utf16_length(text), text, origin, right_origin)


@st.composite
def updates(draw: st.DrawFn) -> Update:
    structs: list[Struct] = []
    for client in draw(st.lists(clients, unique=True, max_size=3)):
        clock = draw(st.integers(0, 200))
        for kind in draw(st.lists(st.sampled_from([TextItem, DeletedItem, GC, Skip]), min_size=1, max_size=4)):
            item = draw(items())
            place = (None, None, "summary") if draw(st.booleans()) else (item.origin, item.right_origin, None)
            match kind.__name__:
                case "TextItem":
                    structs.append(TextItem(client, clock, item.length, item.text, *place))
                case "DeletedItem":
                    structs.append(DeletedItem(client, clock, item.length, *place))
                case _:
                    structs.append(GC(client, clock, 3) if kind is GC else Skip(client, clock, 3))
            clock += structs[-1].length
    deletions = [
        Deletion(client, clock, length)
        for client in draw(st.lists(clients, unique=True, max_size=3))
        for clock, length in draw(st.lists(st.tuples(clocks, st.integers(1, 40)), min_size=1, max_size=3))
    ]
    return Update(tuple(structs), tuple(deletions))


@given(updates())
def test_an_update_comes_back(update: Update) -> None:
    assert decode_update(encode_contents(update)) == update


@given(items())
def test_a_keystroke_takes_the_fast_way_to_the_same_end(item: TextItem) -> None:
    data = encode_contents(Update((item,), ()))
    assert _decode_keystroke(data) == _decode_any(data) == Update((item,), ())


@given(clients, clocks, st.integers(1, 40))
def test_a_backspace_takes_the_fast_way_to_the_same_end(client: int, clock: int, length: int) -> None:
    data = encode_contents(Update((), (Deletion(client, clock, length),)))
    assert _decode_backspace(data) == _decode_any(data) == Update((), (Deletion(client, clock, length),))


backspaces = st.builds(lambda *of: Update((), (Deletion(*of),)), clients, clocks, st.integers(1, 40))


@given(st.builds(lambda item: Update((item,), ()), items()) | backspaces, st.data())
def test_the_fast_way_takes_nothing_that_the_general_way_reads_otherwise(key: Update, data: st.DataObject) -> None:
    broken = bytearray(encode_contents(key))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(broken) - 1))
        byte = data.draw(st.sampled_from([0, 1, 0x0F, 0x10, 0x44, 0x7F, 0x80, 0x84, 0xC4, 0xFF]) | st.integers(0, 255))
        if data.draw(st.booleans()):
            broken[at] = byte
        else:
            broken.insert(at, byte)
    for fast in (_decode_keystroke(bytes(broken)), _decode_backspace(bytes(broken))):
        assert fast is None or fast == _decode_any(bytes(broken))


@given(texts, st.integers(0, 100))
def test_seed_text_is_one_item_that_a_document_takes(text: str, clock: int) -> None:
    data = encode_insert(7, text, clock)
    assert decode_update(data) == Update((TextItem(7, clock, utf16_length(text), text, root="summary"),), ())
    doc = Doc[Text]()
    summary = doc.get("summary", type=Text)
    doc.apply_update(encode_insert(7, text))
    assert str(summary) == text


def test_nothing_cannot_be_inserted() -> None:
    with pytest.raises(ValueError, match="without text"):
        encode_insert(7, "")


@pytest.mark.parametrize(("text", "length"), [("", 0), ("a", 1), ("é", 1), ("שלום", 4), ("😀", 2), ("\ud800", 1)])
def test_length_is_counted_as_javascript_does(text: str, length: int) -> None:
    assert utf16_length(text) == length
