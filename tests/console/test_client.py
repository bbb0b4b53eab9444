"""The operator's link: when it comes back by itself, and when it says that only a person can help."""

from __future__ import annotations

import secrets
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from console import wire
from console.client import HubClient, LinkLost
from console.hub.ca import CA_SECONDS, OPERATOR_SECONDS, Authority, Kind, Term, key_pem
from console.operator import OperatorIdentity
from protocol.errors import EnvironmentProblem, UsageProblem
from protocol.vocabulary import Role
from tests.console.firm import Firm


async def until(hub: HubClient, kind: type[object]) -> object:
    async for news in hub.watch():
        if isinstance(news, kind):
            return news
    raise AssertionError("the watch ended")


async def test_a_console_comes_back_by_itself_and_sees_everything_again(firm: Firm) -> None:
    operator = firm.operator("Op One", Role.VIEWER)
    async with HubClient(operator, jitter=lambda: 0.1) as hub:
        async with firm.serving():
            await until(hub, wire.FleetView)
        await until(hub, LinkLost)
        practice = firm.practice("ALDER-7")
        async with firm.serving():
            fleet = await until(hub, wire.FleetView)
    assert isinstance(fleet, wire.FleetView) and fleet.practices[0].id == practice


async def test_without_a_hub_a_decision_is_not_silently_kept(firm: Firm) -> None:
    operator = firm.operator("Op One", Role.ADMIN)
    async with HubClient(operator) as hub:
        await until(hub, LinkLost)
        with pytest.raises(EnvironmentProblem):
            await hub.command("a" * 32, wire.Verb.PAUSE)


@pytest.mark.attack
async def test_a_hub_of_another_authority_is_not_trusted_and_not_tried_again(firm: Firm) -> None:
    operator = firm.operator("Op One", Role.VIEWER)
    foreign = Authority.create(Term(int(time.time()), CA_SECONDS, 5))
    _replace_certificate(operator, foreign)
    (operator.folder / "ca.pem").write_bytes(foreign.certificate_pem)
    async with firm.serving(), HubClient(operator) as hub:
        with pytest.raises(EnvironmentProblem, match="cannot be trusted"):
            await until(hub, wire.FleetView)


@pytest.mark.attack
async def test_an_operators_certificate_of_another_authority_opens_nothing(firm: Firm) -> None:
    operator = firm.operator("Op One", Role.VIEWER)
    context = operator.tls(int(time.time()))
    foreign = Authority.create(Term(int(time.time()), CA_SECONDS, 6))
    _replace_certificate(operator, foreign)
    with pytest.raises(UsageProblem, match="authority"):
        operator.tls(int(time.time()))
    context.load_cert_chain(operator.folder / "link.pem", operator.folder / "link.key")
    async with firm.serving():
        with pytest.raises((OSError, WebSocketException)):
            async with connect(operator.hub, ssl=context, proxy=None) as socket:
                await socket.recv()


def test_an_expired_certificate_is_told_before_the_hub_hangs_up(firm: Firm) -> None:
    operator = firm.operator("Op One", Role.VIEWER)
    with pytest.raises(UsageProblem, match="expired"):
        operator.tls(int(time.time()) + OPERATOR_SECONDS)


@pytest.mark.attack
async def test_an_agents_certificate_does_not_speak_as_an_operator(firm: Firm) -> None:
    """It is served as an agent, and an operator's words are outside an agent's language."""
    practice = firm.practice("ALDER-7")
    async with firm.serving():
        agent = await firm.enrolled(practice)
        async with agent.connected() as link:
            await link.socket.send(wire.encode(wire.Watch()))
            with pytest.raises(ConnectionClosed, match="1008"):
                await link.hear()


def test_a_slow_reader_gets_the_newest_of_each_practice_and_the_whole_fleet_replaces_all() -> None:
    import asyncio

    from console.client import _Mailbox
    from protocol.keyset import DEFAULT_POLICY

    async def read() -> list[object]:
        box = _Mailbox()
        one, two = secrets.token_hex(16), secrets.token_hex(16)
        for heard in range(5):
            box.put(wire.Changed(wire.PracticeView(one, "A-1", last_heard=1_800_000_000 + heard)))
        box.put(wire.Changed(wire.PracticeView(two, "B-1")))
        newest = [await box.get(), await box.get()]
        box.put(wire.Changed(wire.PracticeView(one, "A-1")))
        box.put(wire.FleetView(1_800_000_000, (), (), 1, DEFAULT_POLICY))
        return [*newest, await box.get()]

    first, second, third = asyncio.run(read())
    assert isinstance(first, wire.Changed) and first.practice.last_heard == 1_800_000_004
    assert isinstance(second, wire.Changed) and second.practice.code == "B-1"
    assert isinstance(third, wire.FleetView)


def test_a_wrong_passphrase_unlocks_nothing(firm: Firm) -> None:
    operator = firm.operator("Op One", Role.APPROVER)
    with pytest.raises(UsageProblem):
        operator.unlock("wrong horse")


def _replace_certificate(operator: OperatorIdentity, authority: Authority) -> None:
    key = Ed25519PrivateKey.generate()
    term = Term(int(time.time()), 3600, 9)
    certificate = authority.issue_client(Kind.OPERATOR, operator.id, key.public_key(), term)
    (operator.folder / "link.key").write_bytes(key_pem(key))
    (operator.folder / "link.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
