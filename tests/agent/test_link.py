"""The link: whom it trusts, how it fails, and how patient it is about each failure."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedError, InvalidMessage, InvalidStatus, ProxyError
from websockets.frames import Close
from websockets.http11 import Response

from agent import compose, egress
from agent.failures import WHAT_TO_DO, Failure, classify, pace_of
from agent.home import Enrolment, read_enrolment, write_enrolment
from agent.pace import HESITANT, REFUSED, RETRY
from protocol.errors import EnvironmentProblem, ProtocolViolation
from protocol.messages import Heartbeat
from tests.agent.conftest import Practice
from tests.simulators.hub import Authority, SimulatedHub

QUICK = replace(compose.CLOCKS, random=lambda: 0.0)


@asynccontextmanager
async def linked(practice: Practice) -> AsyncIterator[compose.Agent]:
    """The agent's link alone, running until the block ends."""
    agent = compose.build(practice.folder, practice.command, QUICK)
    task = asyncio.create_task(agent.link.run())
    try:
        yield agent
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        agent.outbox.close()
        agent.egress.close()


async def first_failure(practice: Practice, seconds: float = 20.0) -> compose.Agent:
    """The agent's link alone, until it has failed once."""
    async with linked(practice) as agent, asyncio.timeout(seconds):
        while agent.link.state.failure is None:
            await asyncio.sleep(0.02)
    return agent


@pytest.mark.attack
async def test_a_hub_with_another_authority_is_refused_and_not_retried_hot(
    practice: Practice, hub: SimulatedHub, tmp_path: Path
) -> None:
    await practice.enroll(hub)
    await hub.stop()
    imposter = SimulatedHub(tmp_path, hub.firm, authority=Authority())
    imposter.port = hub.port
    await imposter.start()
    frames = egress.verify(practice.home.egress).frames
    agent = await first_failure(practice)
    assert agent.link.state.failure is Failure.HUB_UNTRUSTED
    assert agent.link.state.retry_in >= 60.0
    assert imposter.handshakes == 0
    assert egress.verify(practice.home.egress).frames == frames
    await imposter.stop()


@pytest.mark.attack
async def test_the_systems_own_authorities_are_not_trusted(practice: Practice, hub: SimulatedHub) -> None:
    await practice.enroll(hub)
    agent = compose.build(practice.folder, practice.command)
    context = agent.link._address.tls
    assert [each["subject"] for each in context.get_ca_certs()] == [
        ((("commonName", hub.authority.certificate.subject.rfc4514_string().removeprefix("CN=")),),)
    ]
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.attack
async def test_a_downgrade_of_tls_is_refused(practice: Practice, hub: SimulatedHub) -> None:
    await practice.enroll(hub)
    await hub.stop()
    original = hub._tls

    def older() -> ssl.SSLContext:
        context = original()
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
        return context

    hub._tls = older  # type: ignore[method-assign]
    await hub.start()
    agent = await first_failure(practice)
    assert agent.link.state.failure in (Failure.HUB_UNTRUSTED, Failure.HUNG_UP)
    assert agent.link.state.retry_in >= 1.0
    assert not hub.memory.hellos


@pytest.mark.attack
async def test_an_expired_certificate_of_ours_is_named_and_not_retried_hot(
    practice: Practice, hub: SimulatedHub
) -> None:
    from engine import identity

    await practice.enroll(hub)
    key = identity.load(practice.home.identity).public_key()
    expired = hub.authority.issue(hub.firm.practice, key, expired=True)
    practice.home.certificate.write_bytes(expired.public_bytes(Encoding.PEM))
    agent = await first_failure(practice)
    assert agent.link.state.failure is Failure.NOT_ACCEPTED
    assert agent.link.state.retry_in >= 60.0


@pytest.mark.attack
async def test_a_certificate_of_a_foreign_authority_is_not_accepted(practice: Practice, hub: SimulatedHub) -> None:
    from engine import identity

    await practice.enroll(hub)
    key = identity.load(practice.home.identity).public_key()
    practice.home.certificate.write_bytes(Authority().issue(hub.firm.practice, key).public_bytes(Encoding.PEM))
    agent = await first_failure(practice)
    assert agent.link.state.failure in (Failure.NOT_ACCEPTED, Failure.HUNG_UP)
    assert not hub.memory.hellos


@pytest.mark.attack
@pytest.mark.parametrize(
    "answer",
    [
        '{"type":"welcome","version":1,"acked":0}',
        "hello",
        '{"type":"ack","seq":1}',
        '{"type":"shell","run":"x"}',
        b"\x00",
    ],
    ids=["lacks a field", "garbage", "too early", "unknown order", "binary"],
)
async def test_a_hub_outside_the_language_is_left(practice: Practice, hub: SimulatedHub, answer: str | bytes) -> None:
    await practice.enroll(hub)
    await hub.stop()

    async def speak(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(answer)
        await connection.wait_closed()

    async with serve(speak, "127.0.0.1", hub.port, ssl=hub._tls()):
        agent = await first_failure(practice)
    assert agent.link.state.failure is Failure.PROTOCOL


@pytest.mark.fault
async def test_a_hub_that_forgot_what_it_acknowledged_is_not_believed(practice: Practice, hub: SimulatedHub) -> None:
    await practice.enroll(hub)
    agent = compose.build(practice.folder, practice.command, QUICK)
    agent.outbox.acknowledge(5)
    agent.outbox.close()
    agent.egress.close()
    agent = await first_failure(practice)
    assert agent.link.state.failure is Failure.PROTOCOL


@pytest.mark.fault
async def test_a_new_outbox_goes_on_after_what_the_hub_holds(practice: Practice, hub: SimulatedHub) -> None:
    await practice.enroll(hub)
    async with linked(practice) as agent:
        agent.outbox.queue(b'{"type":"heartbeat","phase":null,"paused":false}', compose.utc())
        agent.link.notify()
        await hub.until(lambda: hub.memory.acked == 1)
    practice.home.outbox.unlink()
    async with linked(practice) as agent:
        agent.outbox.queue(b'{"type":"heartbeat","phase":null,"paused":true}', compose.utc())
        agent.link.notify()
        await hub.until(lambda: hub.memory.acked == 2)
    assert [body.paused for body in hub.memory.bodies(Heartbeat)] == [False, True]


@pytest.mark.parametrize(("status", "failure"), [(429, Failure.BUSY), (503, Failure.BUSY), (404, Failure.HUB_REFUSES)])
async def test_an_http_answer_is_no_hub_or_a_busy_one(
    practice: Practice, hub: SimulatedHub, status: int, failure: Failure
) -> None:
    await practice.enroll(hub)
    await hub.stop()

    async def never(connection: ServerConnection) -> None:
        return

    def refuse(connection: ServerConnection, request: object) -> Response:
        return connection.respond(status, "no")  # type: ignore[arg-type]

    async with serve(never, "127.0.0.1", hub.port, ssl=hub._tls(), process_request=refuse):
        agent = await first_failure(practice)
    assert agent.link.state.failure is failure


async def test_nobody_listening_is_retried_soon_with_jitter(practice: Practice, hub: SimulatedHub) -> None:
    await practice.enroll(hub)
    await hub.stop()
    agent = await first_failure(practice)
    assert agent.link.state.failure is Failure.UNREACHABLE
    assert pace_of(Failure.UNREACHABLE) is RETRY


async def test_a_silent_listener_is_given_up_after_the_handshake_time(
    practice: Practice, hub: SimulatedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await practice.enroll(hub)
    await hub.stop()
    monkeypatch.setattr("protocol.session.HANDSHAKE_SECONDS", 0.3)

    async def silent(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with serve(silent, "127.0.0.1", hub.port, ssl=hub._tls()):
        agent = await first_failure(practice)
    assert agent.link.state.failure is Failure.PROTOCOL


async def test_a_proxy_is_used_only_if_it_is_named(
    practice: Practice, hub: SimulatedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{unused.getsockname()[1]}"
    for name in ("https_proxy", "HTTPS_PROXY", "ALL_PROXY", "wss_proxy"):
        monkeypatch.setenv(name, dead)
    await practice.enroll(hub)
    async with linked(practice):
        await hub.until(lambda: hub.memory.hellos)
    named: Enrolment = read_enrolment(practice.home)
    write_enrolment(practice.home, Enrolment(named.hub, named.practice, named.root, dead))
    agent = await first_failure(practice)
    assert agent.link.state.failure in (Failure.PROXY, Failure.UNREACHABLE)
    assert len(hub.memory.hellos) == 1


def tls_error(reason: str) -> ssl.SSLError:
    """An error of the TLS library, as it would raise it."""
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (OSError("no route"), Failure.UNREACHABLE),
        (TimeoutError(), Failure.UNREACHABLE),
        (ssl.SSLCertVerificationError("self-signed"), Failure.HUB_UNTRUSTED),
        (ProtocolViolation("frame-malformed"), Failure.PROTOCOL),
        (EnvironmentProblem("disk full"), Failure.LOCAL),
        (ProxyError("no"), Failure.PROXY),
        (InvalidStatus(Response(429, "busy", Headers())), Failure.BUSY),
        (ConnectionClosedError(None, None), Failure.UNREACHABLE),
        (ConnectionClosedError(Close(1011, "store"), None), Failure.UNREACHABLE),
        (ConnectionClosedError(Close(1008, "not-enrolled"), None), Failure.SENT_AWAY),
        (ConnectionRefusedError(), Failure.UNREACHABLE),
        (ConnectionResetError(), Failure.HUNG_UP),
        (InvalidMessage("no answer"), Failure.HUNG_UP),
        (tls_error("TLSV1_ALERT_UNKNOWN_CA"), Failure.NOT_ACCEPTED),
        (tls_error("SSLV3_ALERT_CERTIFICATE_EXPIRED"), Failure.NOT_ACCEPTED),
        (tls_error("WRONG_VERSION_NUMBER"), Failure.HUB_UNTRUSTED),
        (tls_error("UNEXPECTED_EOF_WHILE_READING"), Failure.UNREACHABLE),
        (ExceptionGroup("both", [OSError(), ProtocolViolation("x")]), Failure.PROTOCOL),
    ],
)
def test_every_failure_is_classified_by_us(error: BaseException, failure: Failure) -> None:
    assert classify(error) is failure
    wrapped = RuntimeError()
    wrapped.__cause__ = error
    assert classify(wrapped) is failure


def test_what_a_person_must_mend_is_tried_at_most_once_a_minute() -> None:
    soon = {
        Failure.UNREACHABLE: RETRY,
        Failure.BUSY: RETRY,
        Failure.LOCAL: RETRY,
        Failure.HUNG_UP: HESITANT,
        Failure.SENT_AWAY: HESITANT,
    }
    for failure in Failure:
        assert pace_of(failure) is soon.get(failure, REFUSED)
        assert WHAT_TO_DO[failure]
