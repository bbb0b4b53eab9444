"""Hypothesis strategies for every message, made from the types themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec.inspect as kinds
from hypothesis import strategies as st

from protocol.keyset import KeySet, Policy
from protocol.messages import AgentMessage, HubMessage
from protocol.statements import CheckResult, FindingCount
from protocol.vocabulary import Gate

_DISTINCT: dict[type, Callable[[Any], Any]] = {
    CheckResult: lambda result: result.check,
    FindingCount: lambda count: count.code,
}


def of(kind: kinds.Type) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one return a kind
    """Values of a type, over its whole range."""
    match kind:
        case kinds.NoneType():
            return st.none()
        case kinds.BoolType():
            return st.booleans()
        case kinds.EnumType(cls=words):
            return st.sampled_from(list(words))
        case kinds.IntType(ge=low, le=high):
            return st.integers(low, high)
        case kinds.FloatType(ge=low, le=high):
            return st.floats(low, high)
        case kinds.StrType(pattern=pattern, max_length=most):
            return st.from_regex(str(pattern)).filter(lambda text: len(text) <= int(most or 0))
        case kinds.UnionType(types=types):
            return st.one_of([of(one) for one in types])
        case kinds.VarTupleType(item_type=item, min_length=least, max_length=most):
            distinct = _DISTINCT.get(item.cls) if isinstance(item, kinds.StructType) else None
            lists = st.lists(of(item), min_size=least or 0, max_size=min(int(most or 0), 6), unique_by=distinct)
            return lists.map(tuple)
        case kinds.StructType():
            return _struct(kind)
    raise TypeError(kind)


def _struct(kind: kinds.StructType) -> st.SearchStrategy[Any]:
    if kind.cls is Policy:
        return st.builds(
            Policy,
            version=st.integers(0, 9),
            approvals=st.fixed_dictionaries({gate: st.integers(0, 5) for gate in Gate}),
            decision_lifetime_s=st.integers(60, 2_678_400),
        )
    fields = {field.name: of(field.type) for field in kind.fields}
    if kind.cls is KeySet:
        operator = next(field.type for field in kind.fields if field.name == "operators")
        one = of(operator.item_type)  # type: ignore[attr-defined]
        by = (lambda operator: operator.id, lambda operator: operator.public_key)
        fields["operators"] = st.lists(one, max_size=3, unique_by=by).map(tuple)
    return st.builds(kind.cls, **fields)


FROM_AGENT = of(kinds.type_info(AgentMessage))
FROM_HUB = of(kinds.type_info(HubMessage))
EITHER = st.one_of(FROM_AGENT, FROM_HUB)
