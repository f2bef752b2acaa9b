"""What every bus promises, whatever it stands on."""

from __future__ import annotations

import asyncio

import pytest

from server.bus import Bus, Subscription
from tests.stage import until

pytestmark = pytest.mark.timeout(30)


async def connected(here: Bus, there: Bus, topic: str) -> None:
    """Wait until what is published on one end arrives at the other."""
    heard: list[bytes] = []
    subscription = there.subscribe(topic, heard.append)
    while not heard:
        here.publish(topic, b"are you there")
        await asyncio.sleep(0.01)
    subscription.close()


async def test_payloads_reach_whoever_subscribed_in_order(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    await connected(here, there, "elsewhere")
    first: list[bytes] = []
    second: list[bytes] = []
    far: list[bytes] = []
    here.subscribe("presence:one", first.append)
    here.subscribe("presence:one", second.append)
    here.subscribe("presence:two", first.append)
    there.subscribe("presence:one", far.append)
    await connected(here, there, "presence:one")
    first.clear()
    second.clear()
    far.clear()
    sent = [bytes([number, 0, 255]) for number in range(200)]
    for payload in sent:
        here.publish("presence:one", payload)
        here.publish("presence:zwölf", payload)
        await asyncio.sleep(0)
    here.publish("presence:one", b"")
    await until(lambda: far[-1:] == [b""] and first[-1:] == [b""] and second[-1:] == [b""], "the last payload")
    assert far == first == second == [*sent, b""]


async def test_what_is_published_after_subscribing_arrives(buses: tuple[Bus, Bus]) -> None:
    here, _ = buses
    for number in range(50):
        heard: list[bytes] = []
        subscription = here.subscribe(f"topic-{number}", heard.append)
        here.publish(f"topic-{number}", b"x")
        await until(lambda heard=heard: heard == [b"x"], "the payload")  # type: ignore[misc]
        subscription.close()


async def test_a_closed_subscription_receives_nothing(buses: tuple[Bus, Bus]) -> None:
    here, _ = buses
    heard: list[bytes] = []
    kept: list[bytes] = []
    subscription = here.subscribe("topic", heard.append)
    here.subscribe("topic", kept.append)
    here.publish("topic", b"1")
    await until(lambda: len(kept) == 1, "the first payload")
    subscription.close()
    subscription.close()
    here.publish("topic", b"2")
    await until(lambda: len(kept) == 2, "the second payload")
    assert heard == [b"1"]


async def test_subscribing_and_closing_while_receiving(buses: tuple[Bus, Bus]) -> None:
    here, _ = buses
    heard: list[str] = []
    subscriptions: list[Subscription] = []

    def close(payload: bytes) -> None:
        heard.append("closes")
        subscriptions.pop().close()
        here.subscribe("topic", lambda payload: heard.append("late"))

    subscriptions.append(here.subscribe("topic", close))
    here.subscribe("topic", lambda payload: heard.append("other"))
    here.publish("topic", b"1")
    await until(lambda: len(heard) == 2, "the first payload")
    here.publish("topic", b"2")
    await until(lambda: len(heard) == 4, "the second payload")
    assert heard == ["closes", "other", "other", "late"]


async def test_a_receiver_that_raises_harms_nobody(buses: tuple[Bus, Bus], caplog: pytest.LogCaptureFixture) -> None:
    here, _ = buses
    heard: list[bytes] = []

    def fail(payload: bytes) -> None:
        raise ValueError("what the child wrote")

    here.subscribe("topic", fail)
    here.subscribe("topic", heard.append)
    here.publish("topic", b"1")
    here.publish("topic", b"2")
    await until(lambda: heard == [b"1", b"2"], "both payloads")
    assert "ValueError" in caplog.text
    assert "child" not in caplog.text


async def test_nothing_arrives_after_closing(buses: tuple[Bus, Bus]) -> None:
    here, there = buses
    heard: list[bytes] = []
    there.subscribe("topic", heard.append)
    await connected(here, there, "topic")
    await there.close()
    await there.close()
    heard.clear()
    here.publish("topic", b"x")
    await asyncio.sleep(0)
    await here.close()
    assert heard == []
