"""The HTTP interface for programs, and for the pages' own scripts."""

from __future__ import annotations

import asyncio
import hmac

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from server.core import lookups
from server.core.commands import JoinRequest, Leave, LessonDraft, decode_as, decode_command
from server.core.participation import WINDOW_SECS
from server.core.patch import JSON
from server.errors import Forbidden, Refused, TooFast
from server.hub.lessons import LiveLesson
from server.report.evidence import build_evidence, build_replay, build_steps, read_updates
from server.report.exports import report_csv
from server.report.figures import build_report, end_of, timeline
from server.report.summary import render_summary, summary_markdown
from server.web.auth import Grant, require_same_site
from server.web.pages import draft_with_defaults, join_lesson
from server.web.security import read_body
from server.web.services import services_of


class Answer(Response):
    """A JSON answer."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        return msgspec.json.encode(content)


async def _body(request: Request) -> bytes:
    services = services_of(request)
    require_same_site(request, services.settings.public_url)
    return await read_body(request, services.settings.limits.body_bytes)


async def create_lesson(request: Request) -> Response:
    """``POST /api/lessons``: 201 ``{lesson, code, teacher_token, projector_token, urls}``."""
    services = services_of(request)
    data = await _body(request)
    key = services.settings.teacher_key
    if key is not None:
        given = request.headers.get("x-teacher-key", "").encode("latin-1")  # as it came: UTF-8, by curl as by /new
        if not given:
            raise Forbidden(
                "Starting a lesson needs this school's teacher key. Type it first, or ask your school for it.",
                reason="teacher_key",
            )
        if not hmac.compare_digest(given, key.encode()):
            raise Forbidden("This is not the teacher key of this school. Check it and try again.", reason="teacher_key")
    if not services.lessons_started.take(services.monotonic()):
        raise TooFast("Many lessons were started just now. Try again in a moment.")
    draft = decode_as(LessonDraft, data)
    if isinstance(draft, Refused):
        raise draft
    services.draining.refuse()
    live = await services.registry.create(draft_with_defaults(draft))
    grant = Grant("teacher", live.id)
    answer = Answer(
        {
            "lesson": live.id,
            "code": live.state.code,
            "teacher_token": services.tokens.sign(grant),
            "projector_token": services.tokens.sign(Grant("projector", live.id)),
            "urls": services.urls(request, live.id, live.state.code),
        },
        201,
    )
    services.tokens.remember(request, answer, grant)
    return answer


async def join(request: Request) -> Response:
    """``POST /api/join``: 201 ``{lesson, participant, token, room}``; again with that token: the same participant."""
    services = services_of(request)
    wish = decode_as(JoinRequest, await _body(request))
    if isinstance(wish, Refused):
        raise wish
    live, participant = await join_lesson(services, request, wish.code, wish.name)
    grant = Grant("participant", live.id, participant)
    answer = Answer(
        {
            "lesson": live.id,
            "participant": participant,
            "token": services.tokens.sign(grant),
            "room": live.state.people[participant].room,
            "name": live.state.people[participant].name,
        },
        201,
    )
    services.tokens.remember(request, answer, grant)
    return answer


async def command(request: Request) -> Response:
    """``POST /api/lessons/{lesson}/commands``: carry out one command."""
    services = services_of(request)
    lesson = request.path_params["lesson"]
    data = await _body(request)
    live = await services.registry.get(lesson)
    grant = services.tokens.authenticate(request, lesson, ("teacher", "participant"))
    if not live.pace_of(grant.actor).take(services.monotonic()):
        raise TooFast("Slow down a little, then try again.")
    wish = decode_command(data)
    if isinstance(wish, Refused):
        raise wish
    await services.execute(lesson, wish, grant.actor)
    answer = Answer({"done": True})
    if isinstance(wish, Leave):
        services.tokens.forget(request, answer, "participant", lesson)
    return answer


async def delete_lesson(request: Request) -> Response:
    """``DELETE /api/lessons/{lesson}``: 204, and the data is gone."""
    services = services_of(request)
    await _body(request)
    lesson = request.path_params["lesson"]
    services.tokens.authenticate(request, lesson, ("teacher",))
    await services.registry.delete(lesson)
    return Response(status_code=204)


async def _teachers(request: Request) -> LiveLesson:
    services = services_of(request)
    live = await services.registry.get(request.path_params["lesson"])
    services.tokens.authenticate(request, live.id, ("teacher",))
    return live


async def _report(request: Request) -> dict[str, JSON]:
    live = await _teachers(request)
    services = services_of(request)
    return build_report(await services.moderator.participation(live.id), services.now())


async def report_json(request: Request) -> Response:
    """``GET /api/lessons/{lesson}/report``."""
    return Answer(await _report(request))


async def report_as_csv(request: Request) -> Response:
    """``GET /api/lessons/{lesson}/report.csv``: one row a member of a room."""
    return _download(report_csv(await _report(request)), "text/csv; charset=utf-8", "report.csv")


async def report_as_html(request: Request) -> Response:
    """``GET /api/lessons/{lesson}/report.html``: a document to keep or print."""
    report = await _report(request)
    return services_of(request).pages.render(request, "document", report=report, rooms=report["rooms"])


async def summary_as_markdown(request: Request) -> Response:
    """``GET /api/lessons/{lesson}/rooms/{room}/summary.md``."""
    live, room = await _room(request)
    name = live.state.rooms[room].name
    return _download(
        summary_markdown(name, live.room(room).text).encode(), "text/markdown; charset=utf-8", "summary.md"
    )


async def summary_as_html(request: Request) -> Response:
    """``GET /api/lessons/{lesson}/rooms/{room}/summary.html``."""
    live, room = await _room(request)
    rooms = [{"name": live.state.rooms[room].name, "html": render_summary(live.room(room).text), "members": []}]
    return services_of(request).pages.render(
        request, "document", report={"title": live.state.title, "task": live.state.task, "rooms": rooms}, rooms=rooms
    )


async def timeline_json(request: Request) -> Response:
    """``GET /api/lessons/{lesson}/timeline``: the report's, at any time of the lesson."""
    live = await _teachers(request)
    services = services_of(request)
    participation = await services.moderator.participation(live.id)
    return Answer(
        {"windows": timeline(participation, end_of(participation, services.now())), "window_seconds": WINDOW_SECS}
    )


async def evidence_json(request: Request) -> Response:
    """``GET /api/lessons/{lesson}/rooms/{room}/evidence``: what the room's figures rest on."""
    live, room = await _room(request)
    services = services_of(request)
    participation = await services.moderator.participation(live.id)
    return Answer(build_evidence(participation, room, end_of(participation, services.now())))


async def replay_json(request: Request) -> Response:
    """``GET /api/lessons/{lesson}/rooms/{room}/replay``: how the text grew.

    After the lesson a group may see its own, without names (P20).
    """
    services = services_of(request)
    live = await services.registry.get(request.path_params["lesson"])
    grant = services.tokens.authenticate(request, live.id, ("teacher", "participant"))
    room = request.path_params["room"]
    if room not in live.state.rooms:
        raise lookups.no_room()
    if grant.scope == "participant":
        refused = live.may_read(grant.actor, room)
        if refused is not None:
            raise refused
        if not live.state.ended:
            raise Forbidden("You can watch how your text grew once the lesson is over.")
    updates = await read_updates(services.journal, live.id, room)
    steps = await asyncio.to_thread(build_steps, updates, live.state.created_at)
    participation = await services.moderator.participation(live.id)
    end = end_of(participation, services.now())
    return Answer(build_replay(participation, room, steps, end, named=grant.scope == "teacher"))


async def _room(request: Request) -> tuple[LiveLesson, str]:
    live = await _teachers(request)
    room = request.path_params["room"]
    if room not in live.state.rooms:
        raise lookups.no_room()
    return live, room


def _download(content: bytes, media_type: str, name: str) -> Response:
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
