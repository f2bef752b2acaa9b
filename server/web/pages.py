"""The pages: what a browser opens."""

from __future__ import annotations

from urllib.parse import parse_qs, quote

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from server.core import names
from server.core.commands import LessonDraft, PersonName
from server.core.patch import JSON
from server.errors import Ended, Malformed, NotFound, NotSignedIn, Refused
from server.hub.lessons import LiveLesson
from server.hub.registry import CODE_LENGTH, normalise_code
from server.report.figures import build_report
from server.web.auth import Grant, Scope, presented_token, require_same_site
from server.web.security import read_body
from server.web.services import Services, services_of
from server.web.templates import preferred_language
from server.web.views import first_view


async def _admitted(request: Request, scope: Scope) -> LiveLesson | Response:
    """Give the lesson for whom the link or cookie fits, or the redirect that takes the token out of the address."""
    services = services_of(request)
    lesson = request.path_params["lesson"]
    live = await services.registry.get(lesson)
    grant = services.tokens.authenticate(request, lesson, (scope,))
    if grant.participant is not None:
        person = live.state.people.get(grant.participant)
        if person is None or person.left:
            raise NotSignedIn("You are no longer in this lesson. Join again with the code on the board.")
    if presented_token(request) is not None:
        rest = request.url.remove_query_params("token")
        response = RedirectResponse(f"{rest.path}?{rest.query}" if rest.query else rest.path, 303)
        services.tokens.remember(request, response, grant)
        return response
    return live


async def home(request: Request) -> Response:
    """``/``: join, or start; and this browser's lessons."""
    services = services_of(request)
    lessons: list[JSON] = []
    grants = services.tokens.grants(request, "teacher")
    if request.app.state.front_door is not None and not grants:
        return RedirectResponse(request.app.state.front_door, 303)
    for grant in grants:
        try:
            state = (await services.registry.get(grant.lesson)).state
        except NotFound:
            continue  # deleted or past its time
        lessons.append(
            {
                "lesson": state.id,
                "title": state.title,
                "code": state.code,
                "phase": state.phase,
                "created_at": state.created_at,
            }
        )
    return services.pages.render(request, "home", {"lessons": lessons})


async def new(request: Request) -> Response:
    """``/new``: set up a lesson."""
    services = services_of(request)
    return services.pages.render(request, "new", {"needs_key": services.settings.teacher_key is not None})


async def join(request: Request) -> Response:
    """``/join`` and ``/j/{code}``: code and first name."""
    services = services_of(request)
    code = normalise_code(request.path_params.get("code") or request.query_params.get("code", ""))[: CODE_LENGTH * 2]
    boot: dict[str, JSON] = {"code": code, "returning": None}
    error = None
    status = 200
    if code:
        try:
            live = await services.registry.find(code)
        except Refused as refused:
            error, status = services.pages.say(refused, preferred_language(request)), refused.status
        else:
            person = _seated(services, request, live)
            if person is not None:
                boot["returning"] = {"lesson": live.id, "name": live.state.people[person].name}
            elif live.state.phase == "ended":
                error, status = services.pages.say(_over(), preferred_language(request)), Ended.status
    return services.pages.render(request, "join", boot, status=status, error=error, code=code, name="")


def _over() -> Ended:
    return Ended("This lesson is over. Ask your teacher for the code of the next one.")


async def join_by_form(request: Request) -> Response:
    """``POST /join``: the same without a script."""
    services = services_of(request)
    require_same_site(request, services.settings.public_url)
    fields = parse_qs((await read_body(request, services.settings.limits.body_bytes)).decode(errors="replace"))
    code, name = fields.get("code", [""])[0], fields.get("name", [""])[0]
    try:
        try:
            msgspec.convert(name.strip(), PersonName)
        except msgspec.ValidationError:
            raise Malformed("Write your first name: 1 to 40 letters.", reason="name") from None
        live, participant = await join_lesson(services, request, code, name)
    except Refused as refused:
        return services.pages.render(
            request,
            "join",
            {"code": normalise_code(code)[: CODE_LENGTH * 2], "returning": None},
            status=refused.status,
            error=services.pages.say(refused, preferred_language(request)),
            code=code[:20],
            name=name[:40],
        )
    response = RedirectResponse(f"/l/{quote(live.id)}", 303)
    services.tokens.remember(request, response, Grant("participant", live.id, participant))
    return response


async def forget_seat(request: Request) -> Response:
    """``POST /l/{lesson}/forget``: this device is somebody else's now; the person stays in the lesson."""
    services = services_of(request)
    require_same_site(request, services.settings.public_url)
    lesson = request.path_params["lesson"]
    live = await services.registry.get(lesson)
    response = RedirectResponse(f"/j/{live.state.code}", 303)
    services.tokens.forget(request, response, "participant", lesson)
    return response


async def join_lesson(services: Services, request: Request, code: str, name: str) -> tuple[LiveLesson, str]:
    """Find a lesson by its code and give this person's id in it: the one they have, or a new one. Raises Refused."""
    services.draining.refuse()
    live = await services.registry.find(code)
    known = _seated(services, request, live)
    # A program's token always gives the same person. A browser may be shared: another name is another child.
    if known is not None and (presented_token(request) or _same_name(live.state.people[known].name, name)):
        return live, known
    if live.state.phase == "ended":
        raise _over()
    return live, await live.join(name)


def _same_name(known: str, typed: str) -> bool:
    return names.key(typed.strip()) in {names.key(known), names.key(known.rsplit(" (", 1)[0])}


def _seated(services: Services, request: Request, live: LiveLesson) -> str | None:
    try:
        grant = services.tokens.authenticate(request, live.id, ("participant",))
    except Refused:
        return None
    person = live.state.people.get(grant.participant or "")
    return person.participant if person is not None and not person.left else None


async def student(request: Request) -> Response:
    """``/l/{lesson}``: the lobby, then the room."""
    services = services_of(request)
    admitted = await _admitted(request, "participant")
    if isinstance(admitted, Response):
        return admitted
    grant = services.tokens.authenticate(request, admitted.id, ("participant",))
    person = admitted.state.people[grant.participant or ""]
    boot: dict[str, JSON] = {
        "lesson": admitted.id,
        "participant": person.participant,
        "name": person.name,
        "title": admitted.state.title,
        "code": admitted.state.code,
        # Its socket would say the same two round trips later.
        "state": first_view(admitted, person.participant, services.moderator.latest_records(admitted.id)),
        "now": services.now(),
    }
    return services.pages.render(request, "student", boot, language=admitted.state.language, title=admitted.state.title)


async def counted(request: Request) -> Response:
    """``/counted``: what is counted and who sees it, in words for children (P21).

    ``?counting=on`` or ``off`` says how it is in the lesson that the reader comes from.
    """
    services = services_of(request)
    counting = request.query_params.get("counting")
    return services.pages.render(
        request,
        "counted",
        counting=counting if counting in {"on", "off"} else "",
        days=services.settings.retention_days,
    )


async def teach(request: Request) -> Response:
    """``/t/{lesson}``: lobby, dashboard, afterwards the way to the report."""
    services = services_of(request)
    admitted = await _admitted(request, "teacher")
    if isinstance(admitted, Response):
        return admitted
    state = admitted.state
    boot: dict[str, JSON] = {
        "lesson": state.id,
        "code": state.code,
        "title": state.title,
        "participation": state.participation,
        "urls": dict[str, JSON](services.urls(request, state.id, state.code)),
    }
    return services.pages.render(request, "teach", boot, title=state.title)


async def project(request: Request) -> Response:
    """``/p/{lesson}``: for the class that sits together."""
    services = services_of(request)
    admitted = await _admitted(request, "projector")
    if isinstance(admitted, Response):
        return admitted
    return services.pages.render(
        request,
        "project",
        {"lesson": admitted.id, "title": admitted.state.title},
        language=admitted.state.language,
        title=admitted.state.title,
    )


async def report(request: Request) -> Response:
    """``/t/{lesson}/report``: text, figures, exports."""
    services = services_of(request)
    admitted = await _admitted(request, "teacher")
    if isinstance(admitted, Response):
        return admitted
    boot: dict[str, JSON] = {
        "lesson": admitted.id,
        "title": admitted.state.title,
        "report": build_report(await services.moderator.participation(admitted.id), services.now()),
    }
    return services.pages.render(request, "report", boot, title=admitted.state.title)


def draft_with_defaults(draft: LessonDraft) -> LessonDraft:
    """Give a draft that says nothing of rooms four of them."""
    if draft.rooms or draft.room_count or draft.roster.strip():
        return draft
    return msgspec.structs.replace(draft, room_count=4)


_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 28 28">'
    '<circle cx="14" cy="14" r="7.2" fill="none" stroke="#0b5f6b" stroke-width="2.4"/>'
    '<circle cx="14" cy="3" r="2.5" fill="#0072b2"/><circle cx="24.5" cy="10.6" r="2.5" fill="#e69f00"/>'
    '<circle cx="20.5" cy="22.9" r="2.5" fill="#009e73"/><circle cx="7.5" cy="22.9" r="2.5" fill="#cc79a7"/>'
    '<circle cx="3.5" cy="10.6" r="2.5" fill="#56b4e9"/></svg>'
)


async def icon(request: Request) -> Response:
    """``/icon.svg``: the round table, for a browser's tab."""
    return Response(_ICON, media_type="image/svg+xml", headers={"Cache-Control": "public, max-age=86400"})
