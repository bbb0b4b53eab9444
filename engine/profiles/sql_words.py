"""What a pure SELECT may be made of, as sqlglot names it. Whatever is not here is refused; nothing here reads a clock,
a file, a session or a random number, waits, or changes anything."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

_CLAUSES: Final = (
    *(exp.Select, exp.Union, exp.Intersect, exp.Except, exp.Subquery, exp.With, exp.CTE, exp.Values),
    *(exp.From, exp.Join, exp.Lateral, exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Distinct),
    *(exp.Limit, exp.Offset, exp.Fetch, exp.LimitOptions),
    *(exp.Table, exp.TableAlias, exp.Alias, exp.Column, exp.Identifier, exp.Star, exp.Tuple, exp.Paren),
    *(exp.Literal, exp.National, exp.Boolean, exp.Null, exp.DataType, exp.DataTypeParam, exp.Var, exp.Interval),
    *(exp.Window, exp.WindowSpec, exp.PartitionedByProperty, exp.Filter, exp.WithinGroup),
)
_OPERATORS: Final = (
    *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.DPipe, exp.Neg, exp.BitwiseAnd, exp.BitwiseOr),
    *(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.And, exp.Or, exp.Not, exp.Is, exp.In, exp.Between),
    *(exp.Like, exp.ILike, exp.Escape, exp.Exists, exp.Any, exp.All, exp.Collate, exp.AtTimeZone),
    *(exp.NullSafeEQ, exp.NullSafeNEQ, exp.Glob),
)
_COUNTS: Final = (
    *(exp.Count, exp.Max, exp.Min, exp.Sum, exp.Avg, exp.GroupConcat, exp.LogicalAnd, exp.LogicalOr),
    *(exp.RowNumber, exp.Rank, exp.DenseRank, exp.Ntile, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue),
)
_CHOICES: Final = (
    *(exp.Coalesce, exp.Nullif, exp.Case, exp.If, exp.Cast, exp.TryCast, exp.Convert, exp.Greatest, exp.Least),
    *(exp.Abs, exp.Round, exp.Floor, exp.Ceil, exp.Sign),
)
_TEXTS: Final = (
    *(exp.Upper, exp.Lower, exp.Initcap, exp.Trim, exp.Substring, exp.Length, exp.Concat, exp.ConcatWs, exp.Left),
    *(exp.Right, exp.Replace, exp.Translate, exp.Stuff, exp.Overlay, exp.Reverse, exp.SplitPart, exp.StrPosition),
    *(exp.Pad, exp.Format, exp.NumberToStr, exp.Hex, exp.Unhex, exp.Encode, exp.MD5, exp.Chr, exp.Ascii, exp.Unicode),
    *(exp.JSONExtract, exp.JSONExtractScalar, exp.JSONPath, exp.JSONPathRoot, exp.JSONPathKey, exp.JSONPathSubscript),
)
TIMES: Final = (
    *(exp.Extract, exp.Date, exp.Timestamp, exp.DateAdd, exp.DateDiff, exp.TsOrDsToDate, exp.TsOrDsToTimestamp),
    *(exp.TimeToStr, exp.StrToTime, exp.StrToDate, exp.UnixToTime, exp.TimestampTrunc, exp.TimeStrToTime),
    *(exp.Year, exp.Month, exp.Day, exp.LastDay, exp.DateFromParts, exp.TimestampFromParts),
)
PURE: Final[frozenset[type[exp.Expression]]] = frozenset((*_CLAUSES, *_OPERATORS, *_COUNTS, *_CHOICES, *_TEXTS, *TIMES))

# Pure functions that the parser knows by name only.
NAMED_TIMES: Final = frozenset(
    {"date", "time", "datetime", "strftime", "julianday", "unixepoch", "make_date", "datetime2fromparts"}
)
NAMED: Final = NAMED_TIMES | {
    *("replace", "ltrim", "rtrim", "len", "charindex", "patindex", "datalength", "octet_length", "printf", "nchar"),
    *("total", "choose", "switchoffset"),
}

# Words that a database may take for a moment of its own clock, or for the time zone of its machine.
CLOCK_WORDS: Final = frozenset({"now", "today", "tomorrow", "yesterday", "allballs", "localtime"})

# Functions of SQLite that take a moment, then rules for what to make of it; and how many arguments come before these.
MODIFIED: Final = {"date": 1, "time": 1, "datetime": 1, "julianday": 1, "unixepoch": 1, "strftime": 2}

# What puts a text together out of others.
MAKES_TEXT: Final = (
    *(exp.DPipe, exp.Concat, exp.ConcatWs, exp.Replace, exp.Translate, exp.Substring, exp.Left, exp.Right, exp.Trim),
    *(exp.Upper, exp.Lower, exp.Reverse, exp.Stuff, exp.Overlay, exp.SplitPart),
)

# Where a server keeps what it knows of itself.
SERVER_SCHEMAS: Final = frozenset({"pg_catalog", "information_schema", "pg_toast", "pg_temp", "sys", "temp"})
SERVER_TABLES: Final = ("pg_", "sqlite_", "#")
