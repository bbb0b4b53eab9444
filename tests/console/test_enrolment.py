"""Enrolment over real TLS: what a token buys, and what is refused."""

from __future__ import annotations

import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidMessage

from console.hub.ca import CA_SECONDS, Authority, Kind, Term, read_peer
from console.hub.store import practices
from protocol.codec import encode
from protocol.enrolment import make_enroll
from protocol.fourwords import four_words
from protocol.keyset import verify_keyset
from protocol.messages import Enrolled, EnrollRefused
from protocol.signing import Signer, public_hex
from protocol.vocabulary import EnrollRefusal
from tests.console.firm import Firm
from tests.simulators.agent import SimulatedAgent

REJECTED = (ConnectionClosed, ssl.SSLError, InvalidMessage, OSError)


async def test_a_token_buys_a_certificate_for_that_key_and_the_signed_key_set(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    agent = firm.agent(practice)
    async with firm.serving():
        answer = await agent.enroll(firm.token(practice))
    assert isinstance(answer, Enrolled) and agent.certificate is not None
    peer = read_peer(agent.certificate)
    assert (peer.kind, peer.id, peer.public_key) == (Kind.AGENT, practice, public_hex(agent.key))
    assert verify_keyset(answer.keyset, firm.home.root_public, 0).version == 1


async def test_both_sides_show_the_same_four_words(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    async with firm.serving() as hub:
        agent = await firm.enrolled(practice)
        (view,) = await hub.views()
    assert view.sas == four_words(bytes.fromhex(public_hex(agent.key)))


async def test_a_lost_reply_is_mended_by_asking_again_with_the_same_key(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    agent, secret = firm.agent(practice), firm.token(practice)
    async with firm.serving():
        await agent.enroll(secret)
        assert isinstance(await agent.enroll(secret), Enrolled)
    stored = firm.database.read(lambda c: practices.find(c, practice))
    assert stored.enrolment == 1


@pytest.mark.attack
async def test_a_used_token_enrols_no_second_key(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    secret = firm.token(practice)
    async with firm.serving():
        await firm.agent(practice).enroll(secret)
        answer = await firm.agent(practice).enroll(secret)
    assert answer == EnrollRefused(EnrollRefusal.TOKEN_USED)


@pytest.mark.attack
async def test_a_token_does_not_bring_back_a_replaced_key(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    old, old_secret = firm.agent(practice), firm.token(practice)
    async with firm.serving():
        await old.enroll(old_secret)
        await firm.enrolled(practice)
        assert await old.enroll(old_secret) == EnrollRefused(EnrollRefusal.TOKEN_USED)


@pytest.mark.attack
async def test_an_expired_token_is_refused(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    secret = firm.token(practice, age=practices.TOKEN_SECONDS)
    async with firm.serving():
        assert await firm.agent(practice).enroll(secret) == EnrollRefused(EnrollRefusal.TOKEN_EXPIRED)


@pytest.mark.attack
async def test_a_token_for_another_practice_is_refused(firm: Firm) -> None:
    alder, birch = firm.practice("ALDER-7"), firm.practice("BIRCH-4")
    async with firm.serving():
        answer = await firm.agent(birch).enroll(firm.token(alder))
    assert answer == EnrollRefused(EnrollRefusal.WRONG_PRACTICE)


@pytest.mark.attack
async def test_a_secret_nobody_issued_is_refused(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    async with firm.serving():
        assert await firm.agent(practice).enroll("0" * 64) == EnrollRefused(EnrollRefusal.TOKEN_UNKNOWN)


@pytest.mark.attack
async def test_a_key_without_proof_of_holding_it_is_refused_and_leaves_the_token_unused(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    agent, secret = firm.agent(practice), firm.token(practice)
    forged = make_enroll(practice, secret, Signer(Ed25519PrivateKey.generate()))
    stolen = type(forged)(practice, secret, public_hex(agent.key), forged.proof)
    async with firm.serving():
        async with agent.socket(certificate=None) as socket:
            await socket.send(encode(stolen).decode())
            assert EnrollRefusal.PROOF_INVALID.value in str(await socket.recv())
        assert isinstance(await agent.enroll(secret), Enrolled)


@pytest.mark.attack
async def test_an_agent_that_trusts_another_authority_does_not_speak_to_this_hub(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    other = Authority.create(Term(int(time.time()), CA_SECONDS, 77))
    agent = firm.agent(practice)
    agent.ca = other.certificate_pem.decode()
    async with firm.serving():
        with pytest.raises(ssl.SSLCertVerificationError):
            await agent.enroll(firm.token(practice))


@pytest.mark.attack
async def test_without_a_certificate_only_enrolment_is_possible(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    async with firm.serving():
        agent = await firm.enrolled(practice)
        agent.certificate = None
        with pytest.raises(ConnectionClosed):
            async with agent.connected():
                pass


@pytest.mark.attack
async def test_a_certificate_of_a_foreign_authority_is_refused(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    foreign = Authority.create(Term(int(time.time()), CA_SECONDS, 78))
    async with firm.serving():
        agent = await firm.enrolled(practice)
        agent.certificate = _certificate(foreign, agent, 3600)
        with pytest.raises(REJECTED):
            async with agent.connected():
                pass


@pytest.mark.attack
async def test_tls_1_2_is_refused(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    async with firm.serving():
        agent = await firm.enrolled(practice)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=agent.ca)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(OSError):
            async with connect(agent.url, ssl=context, proxy=None):
                pass
        async with agent.connected():
            pass


@pytest.mark.attack
async def test_an_agent_of_one_practice_cannot_speak_as_another(firm: Firm) -> None:
    """Its own key, in a certificate for the other practice, is not the key enrolled there."""
    alder, birch = firm.practice("ALDER-7"), firm.practice("BIRCH-4")
    async with firm.serving():
        agent = await firm.enrolled(alder)
        await firm.enrolled(birch)
        agent.practice = birch
        agent.certificate = _certificate(firm.home.authority, agent, 3600)
        with pytest.raises(ConnectionClosed):
            async with agent.connected():
                pass


async def test_the_certificate_of_a_replaced_agent_opens_nothing(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    async with firm.serving():
        old = await firm.enrolled(practice)
        await firm.enrolled(practice)
        with pytest.raises(ConnectionClosed):
            async with old.connected():
                pass


async def test_a_session_ends_when_its_certificate_expires(firm: Firm) -> None:
    practice = firm.practice("ALDER-7")
    async with firm.serving():
        agent = await firm.enrolled(practice)
        agent.certificate = _certificate(firm.home.authority, agent, 2)
        async with agent.connected() as link:
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    await link.hear()
    assert closed.value.rcvd is not None and closed.value.rcvd.reason == "certificate-expired"


def _certificate(authority: Authority, agent: SimulatedAgent, seconds: int) -> bytes:
    term = Term(int(time.time()), seconds, x509.random_serial_number())
    certificate = authority.issue_client(Kind.AGENT, agent.practice, agent.key.public_key(), term)
    return certificate.public_bytes(Encoding.DER)
