"""Every limit of the protocol, with its unit and its reason. A limit is applied before the work it bounds."""

from __future__ import annotations

from typing import Final

MAX_FRAME_BYTES: Final = 64 * 1024
"""Bytes in one frame. The largest lawful one, a key set of 64 operators, takes about 11 KiB."""

MAX_DEPTH: Final = 7
"""Nested arrays and objects in one frame. The deepest lawful one, evidence with findings, needs all of them."""

MAX_ENVELOPE_BYTES: Final = 64 * 1024
"""Bytes in one exported DSSE envelope; evidence takes 3 to 9 KiB."""

MAX_COUNT: Final = 2**40
"""Any count of patients, images, files or rows. A practice holds millions; a trillion is a mistake."""

MAX_BYTES: Final = 2**53 - 1
"""Any number of bytes: the largest integer that every JSON reader keeps exact (9 PB)."""

MAX_SEQUENCE: Final = 2**40
"""Sequence numbers and ledger indexes: one a second for 34,000 years."""

MAX_VERSION: Final = 2**31 - 1
"""Versions of a policy or a key set."""

MAX_PROTOCOL_VERSION: Final = 999
"""Versions of this protocol."""

MAX_PROTOCOL_VERSIONS: Final = 4
"""Versions that one side may offer: the current, the previous, and room for a transition."""

EARLIEST: Final = 1_577_836_800
"""2020-01-01T00:00:00Z in UTC seconds. Process times lie after it, so a date of birth cannot pose as one."""

LATEST: Final = 4_102_444_800
"""2100-01-01T00:00:00Z in UTC seconds."""

MAX_SECONDS: Final = 31_536_000.0
"""Seconds that a phase may take or still need: a year."""

MAX_RATE: Final = 1_000_000.0
"""Images per second. The fastest practice server reaches thousands."""

MAX_OPERATORS: Final = 64
"""Operators in a key set, revoked ones included, so that a key set always fits a frame."""

MAX_APPROVALS: Final = 5
"""Approvals that a policy may ask for at one gate."""

MAX_DECISION_SECONDS: Final = 31 * 86_400
"""The longest life in seconds that a policy may give to a decision."""

CLOCK_SKEW_SECONDS: Final = 300
"""How far ahead an operator's clock may be before a decision counts as made in the future."""

MAX_CERTIFICATE_BYTES: Final = 2048
"""DER bytes of an agent's certificate; an Ed25519 one takes about 500."""

WINDOW: Final = 256
"""Events sent and not yet acknowledged. Beyond it an agent waits, and a hub refuses to listen."""

HANDSHAKE_SECONDS: Final = 20
"""From connection to Welcome (agent) or to Hello (hub); a peer that stays silent is dropped."""
