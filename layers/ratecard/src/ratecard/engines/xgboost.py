"""XGBoost through its C API (`include/xgboost/c_api.h`, version 3)."""

from __future__ import annotations

from ctypes import CDLL, POINTER, addressof, byref, c_char_p, c_float, c_int, c_uint64, c_void_p

from ratecard.engines.native import library_message, load_library
from ratecard.engines.rows import RowBlock
from ratecard.engines.versions import check_version
from ratecard.engines.xgboost_trees import find_tables
from ratecard.engines.xgboost_ubjson import parse_model_version
from ratecard.kernel.errors import ArtifactError, EngineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ratecard.engines.manifest import Manifest
    from ratecard.engines.xgboost_trees import TreeTables

#: Kinds of prediction (c_api.h, XGBoosterPredictFromDMatrix).
MARGIN = 1
CONTRIBUTIONS = 2

_CONFIG = (
    '{"type":%d,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":true,"missing":NaN,"cache_id":0}'
)
MARGIN_CONFIG = (_CONFIG % MARGIN).encode()
CONTRIBUTIONS_CONFIG = (_CONFIG % CONTRIBUTIONS).encode()
MATRIX_CONFIG = b'{"missing":NaN,"nthread":1}'


class XgboostEngine:
    """An XGBoost model of trees; see `ratecard.engines.engine.Engine`."""

    name = "xgboost"

    def __init__(self, manifest: Manifest, content: bytes, native_dir: str) -> None:
        written_by = parse_model_version(content)
        self._library = _declare(load_library(self.name, native_dir))
        self.library_version = _library_version(self._library)
        check_version(self.name, manifest.engine_version, self.library_version)
        check_version(self.name, written_by, self.library_version)
        self.columns = len(manifest.columns)
        self._booster: c_void_p | None = _load_booster(self._library, content)
        # Where the library keeps what it makes of a block of rows; without one it makes one for every call (30 us).
        self._proxy = c_void_p()
        self._library.XGProxyDMatrixCreate(byref(self._proxy))
        self._shape, self._dimensions = POINTER(c_uint64)(), c_uint64()
        self._values = POINTER(c_float)()
        self._block = RowBlock(self.columns)
        _check_columns(self._library, self._booster, manifest.columns)
        self.outputs = self._count_outputs()
        self._tables: TreeTables | None = None
        self._tables = self._find_proven_tables(content)

    def score(self, rows: Sequence[Sequence[float | int | str]]) -> list[tuple[float, ...]]:
        """Score rows: raw margins, `outputs` per row."""
        if not rows:
            return []
        if self._tables is not None and len(rows) == 1:
            margin = self._tables.score(rows[0])
            if margin is not None:
                return [(margin,)]
        array = self._fill(rows)
        failed = self._library.XGBoosterPredictFromDense(
            self._booster, array, MARGIN_CONFIG, self._proxy, self._shape, self._dimensions, self._values
        )
        if failed:
            raise EngineError(f"XGBoost: {_last_error(self._library)}")
        return self._answer(len(rows), self.outputs)

    def contributions(self, rows: Sequence[Sequence[float | int | str]]) -> list[tuple[float, ...]]:
        """Explain rows: exact TreeSHAP values, `(columns + 1) * outputs` per row."""
        if not rows:
            return []
        library, matrix = self._library, c_void_p()
        if library.XGDMatrixCreateFromDense(self._fill(rows), MATRIX_CONFIG, byref(matrix)):
            raise EngineError(f"XGBoost: {_last_error(library)}")
        try:
            failed = library.XGBoosterPredictFromDMatrix(
                self._booster, matrix, CONTRIBUTIONS_CONFIG, self._shape, self._dimensions, self._values
            )
            if failed:
                raise EngineError(f"XGBoost: {_last_error(library)}")
            return self._answer(len(rows), self.outputs * (self.columns + 1))
        finally:
            library.XGDMatrixFree(matrix)

    def close(self) -> None:
        """Free the model."""
        if self._booster is not None:
            self._library.XGDMatrixFree(self._proxy)
            self._library.XGBoosterFree(self._booster)
            self._booster = None
            self._tables = None

    def _find_proven_tables(self, content: bytes) -> TreeTables | None:
        """Make tables of a small model; keep them only if they answer a few rows with the library's own bits."""
        tables = find_tables(content)
        if tables is None:
            return None
        margins = self.score([row for row, _ in tables.probes])
        return tables if margins == [(margin,) for _, margin in tables.probes] else None

    def _fill(self, rows: Sequence[Sequence[float | int | str]]) -> bytes:
        """Write rows into the block; answer its description (NumPy's array interface, version 3)."""
        if self._booster is None:
            raise EngineError("the engine is closed")
        self._block.fill(rows)
        address = addressof(self._block.block)
        text = f'{{"data":[{address},true],"shape":[{len(rows)},{self.columns}],"typestr":"<f8","version":3}}'
        return text.encode()

    def _answer(self, count: int, width: int) -> list[tuple[float, ...]]:
        """Copy the values out: the memory belongs to the booster and is reused by its next call."""
        found = 1
        for place in range(self._dimensions.value):
            found *= self._shape[place]
        if found != count * width:
            raise EngineError("XGBoost answered with another number of values than the model has outputs")
        values = self._values[: count * width]
        return [tuple(values[start : start + width]) for start in range(0, count * width, width)]

    def _count_outputs(self) -> int:
        """Score one row of missing values: it proves that the model scores and shows how many outputs it has."""
        array = self._fill([[float("nan")] * self.columns])
        failed = self._library.XGBoosterPredictFromDense(
            self._booster, array, MARGIN_CONFIG, self._proxy, self._shape, self._dimensions, self._values
        )
        if failed:
            raise ArtifactError(f"XGBoost cannot score with the model file: {_last_error(self._library)}")
        return int(self._shape[1])


def _library_version(library: CDLL) -> str:
    parts = (c_int(), c_int(), c_int())
    library.XGBoostVersion(*(byref(part) for part in parts))
    return ".".join(str(part.value) for part in parts)


def _load_booster(library: CDLL, content: bytes) -> c_void_p:
    booster = c_void_p()
    failed = (
        library.XGBSetGlobalConfig(b'{"verbosity":0}')
        or library.XGBoosterCreate(None, 0, byref(booster))
        or library.XGBoosterSetParam(booster, b"nthread", b"1")
        or library.XGBoosterLoadModelFromBuffer(booster, content, len(content))
    )
    if failed:
        raise ArtifactError(f"XGBoost does not take the model file: {_last_error(library)}")
    return booster


def _check_columns(library: CDLL, booster: c_void_p, columns: tuple[str, ...]) -> None:
    count, length, names = c_uint64(), c_uint64(), POINTER(c_char_p)()
    failed = library.XGBoosterGetNumFeature(booster, byref(count)) or library.XGBoosterGetStrFeatureInfo(
        booster, b"feature_name", byref(length), byref(names)
    )
    if failed:
        raise ArtifactError(f"XGBoost cannot read the model file: {_last_error(library)}")
    if count.value != len(columns):
        raise ArtifactError(f"the XGBoost model takes {count.value} columns, the manifest names {len(columns)}")
    # Training without names leaves none: then only the manifest knows them.
    found = tuple((names[place] or b"").decode("utf-8", "replace") for place in range(length.value))
    if found and found != columns:
        raise ArtifactError("the XGBoost model and the manifest disagree on the names of the columns")


def _last_error(library: CDLL) -> str:
    # After the first line comes a stack trace of the library.
    return library_message((library.XGBGetLastError() or b"").split(b"\nStack trace")[0])


def _declare(library: CDLL) -> CDLL:
    """Give the C functions their types; sizes would be guessed otherwise."""
    answer = (POINTER(POINTER(c_uint64)), POINTER(c_uint64), POINTER(POINTER(c_float)))
    library.XGBGetLastError.restype = c_char_p
    library.XGBSetGlobalConfig.argtypes = (c_char_p,)
    library.XGBoosterCreate.argtypes = (c_void_p, c_uint64, POINTER(c_void_p))
    library.XGBoosterFree.argtypes = (c_void_p,)
    library.XGBoosterSetParam.argtypes = (c_void_p, c_char_p, c_char_p)
    library.XGBoosterLoadModelFromBuffer.argtypes = (c_void_p, c_char_p, c_uint64)
    library.XGBoosterGetNumFeature.argtypes = (c_void_p, POINTER(c_uint64))
    names = (POINTER(c_uint64), POINTER(POINTER(c_char_p)))
    library.XGBoosterGetStrFeatureInfo.argtypes = (c_void_p, c_char_p, *names)
    library.XGBoosterPredictFromDense.argtypes = (c_void_p, c_char_p, c_char_p, c_void_p, *answer)
    library.XGDMatrixCreateFromDense.argtypes = (c_char_p, c_char_p, POINTER(c_void_p))
    library.XGProxyDMatrixCreate.argtypes = (POINTER(c_void_p),)
    library.XGDMatrixFree.argtypes = (c_void_p,)
    library.XGBoosterPredictFromDMatrix.argtypes = (c_void_p, c_void_p, c_char_p, *answer)
    return library
