"""LightGBM through its C API (`include/LightGBM/c_api.h`, version 4)."""

from __future__ import annotations

from ctypes import CDLL, CFUNCTYPE, POINTER, byref, c_char_p, c_double, c_int, c_int32, c_int64, c_void_p, cast

from ratecard.engines.lightgbm_text import parse_model_text
from ratecard.engines.native import library_message, load_library, load_library_version
from ratecard.engines.rows import RowBlock
from ratecard.engines.versions import check_version
from ratecard.kernel.errors import ArtifactError, EngineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from ctypes import Array

    from ratecard.engines.manifest import Manifest

# Constants of c_api.h.
FLOAT64 = 1
RAW_SCORE = 1
CONTRIBUTIONS = 3

#: One thread: a Lambda environment below 1,769 MB has no second CPU, and starting threads costs more than a row.
PARAMETERS = b"num_threads=1 verbosity=-1"

LogCallback = CFUNCTYPE(None, c_char_p)

#: Drops what the library has to say: it prints to stdout, where the usage lines go.
DISCARD = LogCallback(lambda _message: None)


class LightGbmEngine:
    """A LightGBM model; see `ratecard.engines.engine.Engine`."""

    name = "lightgbm"

    def __init__(self, manifest: Manifest, content: bytes, native_dir: str) -> None:
        model = parse_model_text(content)
        self.library_version = load_library_version("lightgbm", native_dir)
        check_version(self.name, manifest.engine_version, self.library_version)
        self.columns = len(manifest.columns)
        self.outputs = model.outputs
        #: The model file: whole files of rows are scored by tables made of it.
        self.text = content
        _check_columns(model.feature_names, manifest.columns)
        self._library = _declare(load_library(self.name, native_dir))
        self._booster: c_void_p | None = _load_booster(self._library, content)
        self._block = RowBlock(self.columns)
        self._length = c_int64()
        self._fast: dict[int, tuple[c_void_p, Array[c_double]]] = {}
        self._prepare(RAW_SCORE)

    def score(self, rows: Sequence[Sequence[float | int | str]]) -> list[tuple[float, ...]]:
        """Score rows: raw margins, `outputs` per row."""
        return self._predict(rows, RAW_SCORE)

    def score_columns(self, matrix: int, rows: int, scores: int) -> None:
        """Score rows that lie column by column in memory; see `ratecard.engines.engine.ColumnEngine`."""
        if self._booster is None:
            raise EngineError("the engine is closed")
        block = (c_void_p(matrix), FLOAT64, rows, self.columns, 0)
        out = cast(scores, POINTER(c_double))
        predict = self._library.LGBM_BoosterPredictForMat
        if predict(self._booster, *block, RAW_SCORE, 0, -1, PARAMETERS, self._length, out):
            raise EngineError(f"LightGBM: {_last_error(self._library)}")

    def contributions(self, rows: Sequence[Sequence[float | int | str]]) -> list[tuple[float, ...]]:
        """Explain rows: exact TreeSHAP values, `(columns + 1) * outputs` per row."""
        return self._predict(rows, CONTRIBUTIONS)

    def close(self) -> None:
        """Free the model."""
        if self._booster is None:
            return
        for fast, _ in self._fast.values():
            self._library.LGBM_FastConfigFree(fast)
        self._fast.clear()
        self._library.LGBM_BoosterFree(self._booster)
        self._booster = None

    def _predict(self, rows: Sequence[Sequence[float | int | str]], kind: int) -> list[tuple[float, ...]]:
        if self._booster is None:
            raise EngineError("the engine is closed")
        block = self._block
        block.fill(rows)
        if len(rows) != 1:
            return self._predict_many(len(rows), kind)
        fast, out = self._fast.get(kind) or self._prepare(kind)
        if self._library.LGBM_BoosterPredictForMatSingleRowFast(fast, block.block, self._length, out):
            raise EngineError(f"LightGBM: {_last_error(self._library)}")
        return [tuple(out)]

    def _predict_many(self, count: int, kind: int) -> list[tuple[float, ...]]:
        if not count:
            return []
        width = self._width(kind)
        out = (c_double * (count * width))()
        matrix = (self._block.block, FLOAT64, count, self.columns, 1)
        predict = self._library.LGBM_BoosterPredictForMat
        if predict(self._booster, *matrix, kind, 0, -1, PARAMETERS, self._length, out):
            raise EngineError(f"LightGBM: {_last_error(self._library)}")
        values = out[:]
        return [tuple(values[start : start + width]) for start in range(0, count * width, width)]

    def _prepare(self, kind: int) -> tuple[c_void_p, Array[c_double]]:
        """Set up one-row prediction of one kind: what it needs is allocated once."""
        fast = c_void_p()
        failed = self._library.LGBM_BoosterPredictForMatSingleRowFastInit(
            self._booster, kind, 0, -1, FLOAT64, self.columns, PARAMETERS, byref(fast)
        )
        if failed:
            raise EngineError(f"LightGBM: {_last_error(self._library)}")
        self._fast[kind] = fast, (c_double * self._width(kind))()
        return self._fast[kind]

    def _width(self, kind: int) -> int:
        return self.outputs if kind == RAW_SCORE else self.outputs * (self.columns + 1)


def _check_columns(names: tuple[str, ...], columns: tuple[str, ...]) -> None:
    if len(names) != len(columns):
        raise ArtifactError(f"the LightGBM model takes {len(names)} columns, the manifest names {len(columns)}")
    # Training without names leaves `Column_<i>`: then only the manifest knows them.
    unnamed = tuple(f"Column_{index}" for index in range(len(names)))
    if names not in (columns, unnamed):
        first = next(index for index in range(len(names)) if names[index] != columns[index])
        raise ArtifactError(f"the LightGBM model and the manifest disagree on the name of column {first}")


def _load_booster(library: CDLL, content: bytes) -> c_void_p:
    booster, iterations = c_void_p(), c_int()
    library.LGBM_RegisterLogCallback(DISCARD)
    if library.LGBM_BoosterLoadModelFromString(content, byref(iterations), byref(booster)):
        raise ArtifactError(f"LightGBM does not take the model file: {_last_error(library)}")
    return booster


def _last_error(library: CDLL) -> str:
    return library_message(library.LGBM_GetLastError())


def _declare(library: CDLL) -> CDLL:
    """Give the C functions their types; sizes would be guessed otherwise."""
    library.LGBM_GetLastError.restype = c_char_p
    library.LGBM_RegisterLogCallback.argtypes = (LogCallback,)
    library.LGBM_BoosterLoadModelFromString.argtypes = (c_char_p, POINTER(c_int), POINTER(c_void_p))
    library.LGBM_BoosterFree.argtypes = (c_void_p,)
    library.LGBM_FastConfigFree.argtypes = (c_void_p,)
    settings = (c_int, c_int, c_int)  # kind of prediction, first iteration, number of iterations
    results = (POINTER(c_int64), POINTER(c_double))
    prepare = library.LGBM_BoosterPredictForMatSingleRowFastInit
    prepare.argtypes = (c_void_p, *settings, c_int, c_int32, c_char_p, POINTER(c_void_p))
    library.LGBM_BoosterPredictForMatSingleRowFast.argtypes = (c_void_p, c_void_p, *results)
    matrix = (c_void_p, c_int, c_int32, c_int32, c_int)  # data, its type, rows, columns, row-major
    library.LGBM_BoosterPredictForMat.argtypes = (c_void_p, *matrix, *settings, c_char_p, *results)
    return library
