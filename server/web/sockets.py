"""The two websockets: who may open them, and for what."""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket

from server.bus import Subscription
from server.core.commands import Actor
from server.core.patch import JSON, JSONObject
from server.errors import NotSignedIn, Refused
from server.hub.document_socket import DocumentSocket
from server.hub.lesson_socket import LessonSocket
from server.hub.lessons import LiveLesson
from server.moderator import records_topic
from server.web.auth import Scope, require_same_site
from server.web.draining import RETRY_AFTER_SECS
from server.web.services import Services, services_of
from server.web.templates import preferred_language, qr_svg
from server.web.views import add_record, add_spotlight, add_table, authors_of, own_record


async def lesson_socket(websocket: WebSocket) -> None:
    """``WS /ws/lessons/{lesson}``: JSON messages."""
    services = services_of(websocket)
    admitted = await _admit(services, websocket, ("teacher", "participant", "projector"))
    if admitted is None:
        return
    live, actor = admitted
    join_url = services.urls(websocket, live.id, live.state.code)["join"]
    joining: JSONObject = {"url": join_url, "qr": qr_svg(join_url)} if actor.role == "projector" else {}
    record: JSON = None
    language = preferred_language(websocket)

    def extend(lesson: LiveLesson, actor: Actor, view: JSONObject) -> None:
        if actor.role != "teacher":
            add_spotlight(lesson, view)
        if joining:
            view["join"] = joining
        visiting = lesson.state.visiting
        if actor.role == "teacher" and visiting is not None:
            view["authors"] = {visiting: authors_of(lesson, visiting)}
        if actor.role == "participant":
            add_table(lesson, view)
            add_record(lesson, view, record)

    socket = LessonSocket(
        websocket,
        live,
        actor,
        limits=services.settings.limits,
        metrics=services.metrics,
        bus=services.bus,
        execute=services.execute,
        extend=extend,
        say=lambda refused: services.pages.say(refused, language),
        figures=services.moderator.latest,
    )

    def receive_records(payload: bytes) -> None:
        nonlocal record
        mine = own_record(payload, actor.participant)
        if mine != record:
            record = mine
            socket.show()

    subscription: Subscription | None = None
    if actor.role == "participant":
        record = own_record(services.moderator.latest_records(live.id), actor.participant)
        subscription = services.bus.subscribe(records_topic(live.id), receive_records)
    socket.start(subscription.close if subscription is not None else lambda: None)


async def document_socket(websocket: WebSocket) -> None:
    """``WS /ws/lessons/{lesson}/rooms/{room}``: the y-websocket protocol."""
    services = services_of(websocket)
    room = websocket.path_params["room"]
    admitted = await _admit(services, websocket, ("teacher", "participant", "projector"), room)
    if admitted is None:
        return
    live, actor = admitted
    DocumentSocket(
        websocket,
        live,
        room,
        actor,
        limits=services.settings.limits,
        metrics=services.metrics,
        inbox=services.inbox,
    ).start()


async def _admit(
    services: Services, websocket: WebSocket, scopes: tuple[Scope, ...], room: str | None = None
) -> tuple[LiveLesson, Actor] | None:
    """Accept a socket whose holder may open it; otherwise close it with the code that says why, and give None.

    A refusal is a close after the handshake: a stock client takes a refused handshake for a broken network and tries
    for ever. Only a process on its way out refuses the handshake, with 503: that sends a proxy to another one.
    """
    if services.draining.begun:
        retry = {"Retry-After": str(RETRY_AFTER_SECS)}
        await websocket.send_denial_response(PlainTextResponse("This server is restarting.\n", 503, retry))
        return None
    try:
        require_same_site(websocket, services.settings.public_url)
        lesson = websocket.path_params["lesson"]
        live = await services.registry.get(lesson)
        actor = services.tokens.authenticate(websocket, lesson, scopes).actor
        if _turned_away(live, actor, room) is not None:
            # For good: so it must not be for something that another process knows and this one does not yet.
            await live.catch_up()
            if (refused := _turned_away(live, actor, room)) is not None:
                raise refused
    except Refused as refused:
        services.metrics.refusals.labels(refused.reason).inc()
        await websocket.accept()
        await websocket.close(refused.close_code, refused.message.encode()[:120].decode(errors="ignore"))
        return None
    await websocket.accept()
    return live, actor


def _turned_away(live: LiveLesson, actor: Actor, room: str | None) -> Refused | None:
    if actor.role == "participant":
        person = live.state.people.get(actor.participant or "")
        if person is None or person.left:
            return NotSignedIn("You are no longer in this lesson. Join again with the code on the board.")
    return None if room is None else live.may_read(actor, room)
