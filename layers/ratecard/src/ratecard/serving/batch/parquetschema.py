"""What a Parquet file's columns are, and whether they are those of the model's rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from ratecard.contract import Boolean, Feature, Integer, Number
from ratecard.contract.rows import refusal_of
from ratecard.kernel.errors import Problem
from ratecard.serving.batch.parquetpages import BAD_PARQUET, is_delta
from ratecard.serving.batch.rowpath import ROW_ID, Layout, check_header

PAGE_BUFFER_BYTES = 1 << 20


def open_parquet(file: BinaryIO) -> pq.ParquetFile:
    """Open a file for reading from any place, texts as dictionaries.

    Raises
    ------
    InvalidRequestError
        With the code bad_parquet if it is none.
    """
    try:
        told = pq.ParquetFile(file)
        return pq.ParquetFile(
            file,
            metadata=told.metadata,
            read_dictionary=find_repeated(told),
            buffer_size=PAGE_BUFFER_BYTES,
            pre_buffer=False,
        )
    except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError) as error:
        raise refusal_of(BAD_PARQUET, whole="the file") from error


def find_repeated(parquet: pq.ParquetFile) -> list[str]:
    """Name the columns of text that can be read as dictionaries."""
    groups = [parquet.metadata.row_group(group) for group in range(parquet.num_row_groups)]
    texts = {field.name for field in parquet.schema_arrow if is_text(field.type)}
    return [
        column.name
        for place, column in enumerate(parquet.schema)
        if column.path in texts and not any(is_delta(group.column(place)) for group in groups)
    ]


def check_schema(layout: Layout, schema: pa.Schema, carry: Sequence[str]) -> None:
    """Check names and types of the columns.

    Raises
    ------
    InvalidRequestError
        If a column is unknown, absent, or of a type that no value of the feature has.
    """
    check_header(layout.contract, schema.names, carry)
    problems = [
        Problem(
            "",
            "wrong_type",
            f"has the column {feature.name} as {carried_type(schema.field(feature.name).type)}, {expected}",
        )
        for feature in layout.contract.features
        if feature.name in schema.names and (expected := find_mismatch(feature, schema.field(feature.name).type))
    ]
    problems += [
        Problem(
            "", "wrong_type", f"has the column {name} as {schema.field(name).type}, which cannot be carried through"
        )
        for name in layout.carried
        if name != ROW_ID and name in schema.names and not is_carried(schema.field(name).type)
    ]
    if ROW_ID in schema.names and not is_identifier(schema.field(ROW_ID).type):
        problems.append(Problem("", "wrong_type", f"has the column {ROW_ID} neither as text nor as whole numbers"))
    if problems:
        raise refusal_of(*problems, whole="the file")


def find_mismatch(feature: Feature, kind: pa.DataType) -> str:
    """Say what a column should be, or "" if its type fits."""
    if pa.types.is_null(kind):
        return ""
    if isinstance(feature, (Number, Integer)):
        return "" if pa.types.is_integer(kind) or pa.types.is_floating(kind) else "where the model takes numbers"
    if isinstance(feature, Boolean):
        return "" if pa.types.is_boolean(kind) else "where the model takes true or false"
    return "" if is_text(kind) else "where the model takes text"


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a type is text, also by a dictionary."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def is_carried(kind: pa.DataType) -> bool:
    """Tell whether a type can be carried through: text, or what has a few bytes of its own."""
    fixed = pa.types.is_primitive(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind)
    return fixed or is_text(kind)


def is_identifier(kind: pa.DataType) -> bool:
    """Tell whether a type names rows."""
    return bool(pa.types.is_integer(kind) or pa.types.is_null(kind) or is_text(kind))


def carried_type(kind: pa.DataType) -> pa.DataType:
    """Return the type a carried column has in the results: its own, or that of a dictionary's values."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind
