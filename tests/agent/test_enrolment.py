"""Joining a hub: everything is checked before anything is kept, and an interruption is mended by doing it again."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent import compose, enrolment, identity
from agent.egress import lines
from agent.home import read_enrolment
from engine.cli.init import make_ready
from engine.entries import Enrolled
from protocol.errors import EnvironmentProblem, ProtocolViolation, Refused, UsageProblem
from protocol.messages import Enroll
from protocol.messages import Enrolled as EnrolledMessage
from protocol.vocabulary import EnrollRefusal, Refusal
from tests.agent.conftest import Practice
from tests.simulators.hub import Firm, SimulatedHub

NOW = int(time.time())


async def test_enrolment_leaves_a_certificate_the_root_and_the_key_set(practice: Practice, hub: SimulatedHub) -> None:
    await practice.enroll(hub)
    kept = read_enrolment(practice.home)
    assert (kept.hub, kept.practice, kept.root, kept.proxy) == (
        hub.url,
        hub.firm.practice,
        hub.firm.root.public_key,
        None,
    )
    road = practice.ledger.state()
    assert (road.practice, road.root) == (hub.firm.practice, hub.firm.root.public_key)
    assert road.keyset == hub.firm.keyset().keyset
    assert identity.read_certificate(practice.home).public_key == identity.load_signer(practice.home).public_key
    assert practice.home.enrolment.stat().st_mode & 0o077 == 0


async def test_enrolling_again_changes_nothing(practice: Practice, hub: SimulatedHub) -> None:
    await practice.enroll(hub)
    await practice.enroll(hub)
    assert len([r for r in practice.ledger.entries() if isinstance(r.entry, Enrolled)]) == 1


async def test_the_enrolment_frame_stands_in_the_egress_log(practice: Practice, hub: SimulatedHub) -> None:
    await practice.enroll(hub)
    (line,) = lines(practice.home.egress)
    assert json.loads(bytes(line.frame))["type"] == "enroll"


@pytest.mark.fault
async def test_killed_before_the_last_file_it_is_not_enrolled_and_can_be_again(
    practice: Practice, hub: SimulatedHub
) -> None:
    await practice.enroll(hub)
    practice.home.enrolment.unlink()
    with pytest.raises(UsageProblem, match="not enrolled"):
        compose.build(practice.folder)
    await practice.enroll(hub)
    compose.build(practice.folder)


@pytest.mark.attack
async def test_a_token_the_hub_does_not_know_is_refused_and_nothing_is_kept(
    practice: Practice, hub: SimulatedHub
) -> None:
    token = hub.firm.token(hub.url)
    hub.firm.secret = "0" * 64
    with pytest.raises(enrolment.EnrolmentRefused) as caught:
        await _exchange(practice, token)
    assert caught.value.reason is EnrollRefusal.TOKEN_UNKNOWN
    assert not practice.home.enrolment.exists()
    assert practice.ledger.state().practice is None


@pytest.mark.attack
@pytest.mark.parametrize("text", ["", "garbage", "e30", "ü", "A" * 10_000, base64.urlsafe_b64encode(b"[1]").decode()])
def test_garbage_is_no_token(text: str) -> None:
    with pytest.raises(UsageProblem, match="not an enrolment token"):
        enrolment.read_token(text, NOW)


@pytest.mark.attack
@pytest.mark.parametrize("changed", [{"hub": "ws://127.0.0.1:1"}, {"hub": "https://x"}, {"root": "00"}, {"extra": 1}])
def test_a_token_that_says_anything_else_is_refused(firm: Firm, changed: dict[str, object]) -> None:
    fields = json.loads(base64.urlsafe_b64decode(firm.token("wss://127.0.0.1:1") + "=="))
    forged = base64.urlsafe_b64encode(json.dumps(fields | changed).encode()).decode()
    with pytest.raises(UsageProblem, match="not an enrolment token"):
        enrolment.read_token(forged, NOW)


def test_an_expired_token_says_so(firm: Firm) -> None:
    with pytest.raises(UsageProblem, match="expired 10 s ago"):
        enrolment.read_token(firm.token("wss://127.0.0.1:1", expires=NOW - 10), NOW)


@pytest.mark.attack
async def test_the_hub_of_another_authority_gets_no_secret(practice: Practice, hub: SimulatedHub) -> None:
    stranger = Firm(practice=hub.firm.practice)
    with pytest.raises(EnvironmentProblem) as caught:
        await _exchange(practice, stranger.token(hub.url))
    assert "not the firm's hub" in caught.value.next_step
    assert list(lines(practice.home.egress)) == []


@pytest.mark.attack
async def test_a_bad_token_leaves_an_earlier_enrolment_as_it_was(practice: Practice, hub: SimulatedHub) -> None:
    await practice.enroll(hub)
    files = (practice.home.enrolment, practice.home.authority, practice.home.certificate)
    before = [file.read_bytes() for file in files]
    with pytest.raises(EnvironmentProblem):
        await _exchange(practice, Firm(practice=hub.firm.practice).token(hub.url))
    assert [file.read_bytes() for file in files] == before


@pytest.mark.attack
async def test_a_key_set_of_another_root_is_refused(practice: Practice, hub: SimulatedHub) -> None:
    token = hub.firm.token(hub.url)
    hub.firm.root = Firm().root
    with pytest.raises(Refused) as caught:
        await _exchange(practice, token)
    assert caught.value.reason is Refusal.SIGNATURE_INVALID


@pytest.mark.attack
async def test_a_certificate_for_another_key_is_refused(practice: Practice, hub: SimulatedHub) -> None:
    def swap(enroll: Enroll) -> EnrolledMessage:
        other = Ed25519PrivateKey.generate().public_key()
        from cryptography.hazmat.primitives.serialization import Encoding

        der = hub.authority.issue(enroll.practice, other).public_bytes(Encoding.DER)
        return EnrolledMessage(base64.b64encode(der).decode(), hub.firm.keyset())

    hub._enroll = swap  # type: ignore[method-assign]
    with pytest.raises(ProtocolViolation, match="another-key"):
        await _exchange(practice, hub.firm.token(hub.url))


async def test_a_hub_that_is_not_there_is_said_so(practice: Practice, hub: SimulatedHub) -> None:
    await hub.stop()
    with pytest.raises(EnvironmentProblem) as caught:
        await _exchange(practice, hub.firm.token(hub.url))
    assert "cannot be reached" in caught.value.next_step


@pytest.mark.parametrize("name", ["agent.pem", "agent-ca.pem", "identity.key"])
@pytest.mark.parametrize("content", [None, b"garbage"])
async def test_damaged_certificate_files_are_named(
    practice: Practice, hub: SimulatedHub, name: str, content: bytes | None
) -> None:
    await practice.enroll(hub)
    file = practice.folder / name
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(UsageProblem) as caught:
        compose.build(practice.folder)
    assert "restore" in caught.value.next_step


async def test_the_key_of_another_job_does_not_fit(practice: Practice, hub: SimulatedHub, tmp_path: Path) -> None:
    from engine import identity as keys

    await practice.enroll(hub)
    practice.home.identity.unlink()
    keys.create(practice.home.identity)
    with pytest.raises(UsageProblem, match="do not belong together"):
        compose.build(practice.folder)


async def test_a_ledger_begun_anew_wants_a_new_enrolment(practice: Practice, hub: SimulatedHub) -> None:
    await practice.enroll(hub)
    (practice.folder / "ledger.jsonl").unlink()
    make_ready(practice.folder)
    with pytest.raises(UsageProblem, match="begun anew") as caught:
        compose.build(practice.folder)
    assert "enroll again" in caught.value.next_step
    await practice.enroll(hub)
    compose.build(practice.folder)


async def _exchange(practice: Practice, token: str) -> enrolment.Answer:
    signer = identity.load_signer(practice.home)
    parsed = enrolment.read_token(token, NOW)
    with compose.enrolment_log(practice.home) as egress:
        async with asyncio.timeout(30):
            return await enrolment.exchange(parsed, None, practice.home, signer, egress, compose.CLOCKS)
