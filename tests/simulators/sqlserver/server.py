"""The stand-in as a process: `python -m tests.simulators.sqlserver.server POSTGRESQL FOLDER [CERTIFICATE KEY]`.

It prints its port and serves until it is killed. A process of its own, because Microsoft's driver may keep the
interpreter of its caller to itself while it waits.
"""

from __future__ import annotations

import queue
import socket
import ssl
import struct
import sys
import threading
import traceback
from pathlib import Path

from tests.simulators.sqlserver.conversation import Conversation
from tests.simulators.sqlserver.errors import Refused
from tests.simulators.sqlserver.storage.store import SERVER, Store
from tests.simulators.sqlserver.tsql.session import Session
from tests.simulators.sqlserver.wire import handshake, tokens
from tests.simulators.sqlserver.wire.handshake import Line, Offer
from tests.simulators.sqlserver.wire.login import Login as LoginRequest
from tests.simulators.sqlserver.wire.multiplex import Session as Channel
from tests.simulators.sqlserver.wire.multiplex import Switchboard
from tests.simulators.sqlserver.wire.packets import ATTENTION, Gathering, Message, read_packet


def serve(postgresql: str, folder: Path, certificate: tuple[str, str] | None) -> None:
    store = Store(postgresql, folder)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        while True:
            connection, _ = listening.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_attend, args=(connection, store, certificate), daemon=True).start()


def _attend(connection: socket.socket, store: Store, certificate: tuple[str, str] | None) -> None:
    with connection:
        try:
            line = Line(connection)
            session = _log_in(line, store, certificate)
            if session is not None:
                _talk(line, session)
        except (EOFError, OSError, struct.error):
            return  # the client has gone
        except Exception:
            traceback.print_exc()


def _log_in(line: Line, store: Store, certificate: tuple[str, str] | None) -> Session | None:
    if line.begins_with_tls():
        line.secure(_context(certificate, strict=True), in_packets=False)
        offer = Offer.of(_message(line).data)
        line.send(_reply(handshake.answer(handshake.ON, offer.mars)))
        return _admit(line, store, hidden=False)
    offer = Offer.of(_message(line).data)
    encryption = handshake.answered(offer, certificate is not None)
    line.send(_reply(handshake.answer(encryption, offer.mars)))
    if encryption != handshake.NOT_SUPPORTED:
        line.secure(_context(certificate, strict=False), in_packets=True)
    return _admit(line, store, hidden=encryption == handshake.OFF)


def _context(certificate: tuple[str, str] | None, *, strict: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if certificate is not None:
        context.load_cert_chain(*certificate)
    if strict:
        context.set_alpn_protocols(["tds/8.0"])
    else:
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # [MS-TDS]: inside packets there is no TLS 1.3
    return context


def _admit(line: Line, store: Store, *, hidden: bool) -> Session | None:
    asked = LoginRequest.of(_message(line).data)
    if hidden:
        line.unsecure()
    try:
        login = store.logins.get(asked.user.lower())
        if login is None or login.password != asked.password:
            raise Refused(18_456, f"Login failed for user '{asked.user}'.", 14)
        database = store.databases.get((asked.database or "master").lower())
        if database is None or not database.admits(login) or database.state != "ONLINE":
            raise Refused(
                4060, f'Cannot open database "{asked.database}" requested by the login. The login failed.', 11
            )
    except Refused as refused:
        line.send(
            _reply(tokens.said(refused.number, refused.severity, refused.text, SERVER) + tokens.done(tokens.FAILED))
        )
        return None
    line.send(_reply(tokens.logged_in(database.name) + tokens.done(0)))
    return Session(store, login, database)


def _message(line: Line) -> Message:
    gathering = Gathering()
    while True:
        if (message := gathering.take(read_packet(line.exactly))) is not None:
            return message


def _reply(data: bytes) -> bytes:
    from tests.simulators.sqlserver.wire.packets import packets

    return b"".join(packets(data))


def _talk(line: Line, session: Session) -> None:
    """Reads on while statements run, so that a client can break one off."""
    conversation = Conversation(session)
    waiting: dict[Channel, queue.SimpleQueue[Message | None]] = {}
    try:
        for channel, message in Switchboard(line).messages():
            if channel not in waiting:
                waiting[channel] = queue.SimpleQueue()
                threading.Thread(target=_answer, args=(channel, waiting[channel], conversation), daemon=True).start()
            if message is not None and message.kind == ATTENTION:
                conversation.break_off()
            waiting[channel].put(message)
    finally:
        for each in waiting.values():
            each.put(None)
        session.cancel()
        session.close()


def _answer(channel: Channel, waiting: queue.SimpleQueue[Message | None], conversation: Conversation) -> None:
    while (message := waiting.get()) is not None:
        try:
            channel.reply(conversation.answer(message))
        except (EOFError, OSError):
            return
        except Exception:
            traceback.print_exc()
            return


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]), (sys.argv[3], sys.argv[4]) if len(sys.argv) > 3 else None)
