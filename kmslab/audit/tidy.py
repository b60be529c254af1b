"""Collected rows become the auditor's table: each record once, oldest first, in pandas' types.

Times are UTC; words that repeat are categories, so that a hundred thousand rows stay small and are
quick to group; texts stay in Arrow's memory. How records are read is not known here.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy
import pandas
import pyarrow

_DELETED = "kms:DeleteAlias"
_ALIASES = frozenset({"kms:CreateAlias", "kms:UpdateAlias", _DELETED})
_TEXT = pandas.StringDtype("pyarrow", na_value=numpy.nan)


def tidy(batches: Iterable[pyarrow.RecordBatch]) -> pandas.DataFrame:
    """The table of all rows, which keep their order within one second; of records with one event
    id the first stands. Raises ValueError where there is not even an empty batch."""
    rows = pyarrow.Table.from_batches(batches).unify_dictionaries().combine_chunks()
    table = in_pandas(_in_order_of_time(_once(rows)))
    table["alias"] = filled_aliases(table, _told_aliases(table))
    return table


def in_pandas(rows: pyarrow.Table) -> pandas.DataFrame:
    """These rows in pandas' types and nothing more: in their order, each as often as it comes, with
    an alias where the call named it."""
    return pandas.DataFrame({name: _column(name, rows[name]) for name in rows.column_names})


def filled_aliases(table: pandas.DataFrame, known: dict[str, str]) -> pandas.Series:
    """The alias column, with an alias from `known` for each key ARN where it is empty."""
    aliases = table["alias"].astype("category").cat
    arns = table["key_arn"].astype("category").cat
    of_arns = [known.get(arn) for arn in arns.categories]
    names = sorted({*aliases.categories, *(name for name in of_arns if name)})
    places = {name: place for place, name in enumerate(names)}
    # What has no code, -1, is found at the end.
    told = numpy.array([places[name] for name in aliases.categories] + [-1])[aliases.codes]
    of_key = numpy.array([places.get(name or "", -1) for name in of_arns] + [-1])[arns.codes]
    codes = numpy.where(told >= 0, told, of_key)
    column = _categories(codes, numpy.array(names, dtype="object"))
    return pandas.Series(column, index=table.index, name="alias")


def _told_aliases(table: pandas.DataFrame) -> dict[str, str]:
    """Key ARN to alias, as the table's own events leave it: of several the newest. An alias that
    was moved is the new key's alone, and one that was deleted nobody's."""
    told = table[table["operation"].isin(_ALIASES) & (table["outcome"] == "ok")]
    keys: dict[str, str] = {}
    for operation, arns in zip(told["operation"], told["resources"], strict=True):
        alias, key_arn = _first(arns, ":alias/"), _first(arns, ":key/")
        # Taken away first, so that the newest stands last.
        keys.pop(alias, None)
        if alias and key_arn and operation != _DELETED:
            keys[alias] = key_arn
    return {key_arn: f"alias/{alias.partition(':alias/')[2]}" for alias, key_arn in keys.items()}


def _first(arns: Iterable[str], kind: str) -> str:
    return next((arn for arn in arns if kind in arn), "")


# --- Rows ---------------------------------------------------------------------------------


def _once(rows: pyarrow.Table) -> pyarrow.Table:
    # Python's own set is quicker here than what Arrow counts with.
    if len(set(rows["event_id"].to_numpy())) == len(rows):
        return rows
    ids = rows["event_id"].combine_chunks().dictionary_encode().indices
    return rows.take(numpy.sort(numpy.unique(ids, return_index=True)[1]))


def _in_order_of_time(rows: pyarrow.Table) -> pyarrow.Table:
    times = rows["time"].cast("int64").to_numpy()
    if (times[1:] >= times[:-1]).all():
        return rows
    return rows.take(numpy.argsort(times, kind="stable"))


# --- Columns ------------------------------------------------------------------------------


def _column(name: str, values: pyarrow.ChunkedArray) -> Any:
    if name == "time":
        times = values.cast("int64").to_numpy().view("datetime64[us]")
        return pandas.Series(times).dt.tz_localize("UTC")
    if not pyarrow.types.is_dictionary(values.type):
        kind: Any = pandas.BooleanDtype() if name == "read_only" else _TEXT
        return pandas.Series(kind.__from_arrow__(values), copy=False)
    whole = _whole(values)
    codes = whole.indices.fill_null(-1).to_numpy()
    words = whole.dictionary.to_numpy(zero_copy_only=False)
    if name == "encryption_context":
        return _contexts(codes, words)
    return _resources(codes, words) if name == "resources" else _categories(codes, words)


def _whole(values: pyarrow.ChunkedArray) -> pyarrow.DictionaryArray:
    return values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)


def _categories(codes: Any, words: Any) -> pandas.Categorical:
    """The column in which these words stand, its categories in the order of the alphabet. Words
    that stand nowhere are those of records that were refused."""
    used = numpy.flatnonzero(numpy.bincount(codes[codes >= 0], minlength=len(words)))
    order = used[numpy.argsort(words[used])]
    places = numpy.full(len(words) + 1, -1)
    places[order] = numpy.arange(len(order))
    # Of a column without words too, so that tables can be put together.
    names = pandas.Index(words[order], dtype="str")
    return pandas.Categorical.from_codes(places[codes], names)


def _contexts(codes: Any, texts: Any) -> Any:
    """Every row has a dict of its own."""
    known = [msgspec.json.decode(text) for text in texts]
    column = numpy.empty(len(codes), dtype="object")
    column[:] = [dict(known[code]) if code >= 0 else None for code in codes.tolist()]
    return column


def _resources(codes: Any, texts: Any) -> Any:
    known = numpy.empty(len(texts), dtype="object")
    for place, text in enumerate(texts):
        known[place] = tuple(msgspec.json.decode(text))
    return known[codes]
