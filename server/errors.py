"""Everything that can go wrong, in one tree.

::

    RoundtableError
    ├── SettingsError          a setting has a value the server cannot start with
    └── Refused                what a client asked for cannot be done
        ├── Malformed          400  4400   not a message of this protocol, or a field that does not fit
        ├── NotSignedIn        401  4401   no token, or one that is not (or no longer) valid
        ├── Forbidden          403  4403   signed in, but not for this
        ├── NotFound           404  4404   no such lesson, room, participant or page
        ├── Conflict           409  4409   it was true a moment ago, and is no longer
        ├── Ended              410  4404   the lesson is over
        ├── TooLarge           413  4413   over a limit of size
        ├── TooFast            429  4429   over a limit of rate
        └── Unavailable        503  1013   storage or the server cannot take it now; trying again may work

The core returns these as values and never raises them for what a peer sent; the edge (``web``, ``hub``) raises
them or turns them into an answer. Close codes 4400–4499 tell a client not to reconnect; every other code does not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Final

_FIELD: Final = re.compile(r"\{(\w+)\}")


def fill(template: str, values: Mapping[str, object]) -> str:
    """Put values into a template's ``{fields}``, in one pass: what a value holds is never taken for a field."""
    return _FIELD.sub(lambda field: str(values.get(field[1], field[0])), template) if values else template


class RoundtableError(Exception):
    """The root of the tree."""


class SettingsError(RoundtableError):
    """A setting cannot be used; the message says which one and what to set."""


class Refused(RoundtableError):
    """What a client asked for cannot be done.

    ``code`` is stable and for programs, ``message`` is a sentence for people that says what to do next: the English
    ``template`` with its ``values``. The template is also what the sentence is looked up by in a catalogue
    (``messages/<language>/refusals.json``), so it must be written out where the refusal is made. A value may be another
    refusal, whose sentence stands in this one.
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 400
    close_code: ClassVar[int] = 4400

    def __init__(self, template: str, /, *, reason: str | None = None, **values: str | int | Refused) -> None:
        self.template = template
        self.values = values
        self.message = fill(template, values)
        super().__init__(self.message)
        self.reason = reason or self.code
        """A finer name than ``code``, for metrics and logs: ``gap``, ``foreign_client`` …"""


class Malformed(Refused):
    code = "malformed"
    status = 400
    close_code = 4400


class NotSignedIn(Refused):
    code = "not_signed_in"
    status = 401
    close_code = 4401


class Forbidden(Refused):
    code = "forbidden"
    status = 403
    close_code = 4403


class NotFound(Refused):
    code = "not_found"
    status = 404
    close_code = 4404


class Conflict(Refused):
    code = "conflict"
    status = 409
    close_code = 4409


class Ended(Refused):
    code = "ended"
    status = 410
    close_code = 4404


class TooLarge(Refused):
    code = "too_large"
    status = 413
    close_code = 4413


class TooFast(Refused):
    code = "too_fast"
    status = 429
    close_code = 4429


class Unavailable(Refused):
    code = "unavailable"
    status = 503
    close_code = 1013
