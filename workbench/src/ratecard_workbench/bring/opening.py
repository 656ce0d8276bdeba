"""Opening a model file, inside the fence: what was trained, as a Python object or as bytes of an engine's format."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from ratecard_workbench.bring.formats import ModelFile, xgboost_version
from ratecard_workbench.bring.known_types import OWN_TYPES, WALKED_TYPES
from ratecard_workbench.bring.refusals import OWN_STEP, Refused, first_line, refuse_newer
from ratecard_workbench.bring.sample import listed

NEWEST_FORMAT = 13
NEWEST_OPSETS = {"": 26, "ai.onnx.ml": 5}
"""What the engine's ONNX Runtime takes of a graph; a test holds them to the one that is installed."""

LACKING = re.compile(r"[Aa]ttribute '(\w+)' on <module '([\w.]+)'")
"""How Python says which name of which module a pickle asked for in vain."""


@dataclass(slots=True)
class Opened:
    """A model that was opened.

    Attributes
    ----------
    model : object
        A scikit-learn estimator, a `lightgbm.Booster`, an `xgboost.Booster` or an `onnx.ModelProto`.
    classes : tuple or None
        Labels of the classes, where a wrapper around a booster knows them.
    libraries : dict of str to str
        Versions that it was read with.
    notes : list of str
        What its owner should know.
    """

    model: Any
    classes: tuple[Any, ...] | None = None
    libraries: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def open_model(file: ModelFile, *, trust_pickle: bool, is_walled: bool = True) -> Opened:
    """Open a model file.

    Parameters
    ----------
    trust_pickle : bool
        Whether somebody vouches for types that are on no list.
    is_walled : bool
        Whether the fence stands whole around this process.

    Raises
    ------
    Refused
        If it is damaged, newer than its library here, or holds types that nobody vouched for.
    """
    ours = {"scikit-learn": "scikit-learn", "LightGBM": "lightgbm", "XGBoost": "xgboost-cpu"}
    for name, theirs in file.versions.items():
        refuse_newer(name, theirs, version(ours[name]))
    openers = {"lightgbm": _open_lightgbm, "xgboost": _open_xgboost, "onnx": _open_onnx}
    if file.kind in openers:
        return openers[file.kind](file.path.read_bytes())
    loaded, notes = _load_object(file, trust_pickle=trust_pickle, is_walled=is_walled)
    return _unwrap(loaded, notes)


def _open_lightgbm(content: bytes) -> Opened:
    import lightgbm

    from ratecard.engines.lightgbm_text import parse_model_text
    from ratecard.kernel.errors import ArtifactError

    head, separator, _ = content.partition(b"\n\nparameters:")
    found = re.match(rb"tree\r?\nversion=(\w{1,20})", content)
    if found and found[1] != b"v4":
        raise Refused(
            f"LightGBM's format {found[1].decode()} wrote the model, and the engine (LightGBM {lightgbm.__version__}) "
            "reads v4: load it with LightGBM 4 and save it again, or train it with that"
        )
    try:
        parse_model_text(content if separator else head)
        return Opened(lightgbm.Booster(model_str=content.decode()), None, {"lightgbm": lightgbm.__version__})
    except (ArtifactError, lightgbm.basic.LightGBMError, UnicodeDecodeError) as error:
        raise Refused(f"the LightGBM model cannot be read: {getattr(error, 'detail', error)}") from error


def _open_xgboost(content: bytes) -> Opened:
    import xgboost

    from ratecard.kernel.errors import ArtifactError

    try:
        refuse_newer("XGBoost", xgboost_version(content) or "", xgboost.__version__)
        booster, notes = xgboost.Booster(model_file=bytearray(content)), list[str]()
        booster = _best_rounds(booster, notes, is_wrapped=booster.attr("scikit_learn") is not None)
        return Opened(booster, None, {"xgboost": xgboost.__version__}, notes)
    except (ArtifactError, xgboost.core.XGBoostError, ValueError) as error:
        detail = str(getattr(error, "detail", error)).splitlines()[0]
        raise Refused(f"the XGBoost model cannot be read: {detail[:200]}") from error


def _open_onnx(content: bytes) -> Opened:
    import onnx
    import onnxruntime

    try:
        model = onnx.load_model_from_string(content)
        if not model.graph.output:
            raise Refused("the file is no ONNX graph: it has no outputs")
        refuse_later_graph(model, onnxruntime.__version__)
        onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    except Refused:
        raise
    except Exception as error:
        # Protobuf's and ONNX Runtime's errors have no base class of their own.
        what = " ".join(str(error).split())[:200]
        raise Refused(f"ONNX Runtime {onnxruntime.__version__} does not take the graph: {what}") from error
    return Opened(model, None, {"onnxruntime": onnxruntime.__version__})


def refuse_later_graph(model: Any, runtime: str) -> None:
    """Refuse a graph of a later format or of later operators than the runtime takes.

    Raises
    ------
    Refused
        If it is; it says which to export.
    """
    found = {"the format (ir_version)": (model.ir_version, NEWEST_FORMAT)}
    for one in model.opset_import:
        if one.domain in NEWEST_OPSETS:
            found[f"operators of {one.domain or 'ai.onnx'} (opset)"] = (one.version, NEWEST_OPSETS[one.domain])
    for what, (theirs, newest) in found.items():
        if theirs > newest:
            raise Refused(
                f"the graph has {what} {theirs}, newer than the engine's: ONNX Runtime {runtime} takes {newest}. "
                f"Export it with target_opset={NEWEST_OPSETS['']} or lower, and an onnx that writes format "
                f"{NEWEST_FORMAT} or lower"
            )


def _load_object(file: ModelFile, *, trust_pickle: bool, is_walled: bool) -> tuple[Any, list[str]]:
    """Load a pickled or skops object, and listen to scikit-learn when it says that the versions differ."""
    from sklearn.exceptions import InconsistentVersionWarning

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            loaded = _load_skops(file, trust_pickle, is_walled) if file.kind == "skops" else _load_pickle(file)
        except Refused:
            raise
        except ModuleNotFoundError as error:
            what = f"it needs the module {error.name!r}, which is not installed here"
            raise Refused(f"{file.path.name} cannot be opened: {what}; only libraries can be brought") from error
        except AttributeError as error:
            raise Refused(f"{file.path.name} cannot be opened: {_lacking(error)}") from error
        except Exception as error:
            # A pickle can fail in any way that its classes can.
            raise Refused(f"{file.path.name} cannot be opened: {type(error).__name__}") from error
    notes = []
    for one in heard:
        if isinstance(one.message, InconsistentVersionWarning):
            theirs, ours = one.message.original_sklearn_version, one.message.current_sklearn_version
            refuse_newer("scikit-learn", theirs, ours)
            notes = [f"trained with scikit-learn {theirs} and read with {ours}"]
    return loaded, notes


def _lacking(error: AttributeError) -> str:
    """Say which class or function of somebody's own a pickle names, and what to do without it."""
    found = LACKING.search(str(error))
    if found is None:
        return f"AttributeError: {first_line(error)}"
    name, module = found.groups()
    if not module.endswith("__main__"):
        return f"it needs {name} of the module {module}, which the one that is installed here does not have"
    return (
        f"it needs {name}, which was defined in the notebook itself (__main__). {OWN_STEP}; a module of your own does "
        "not help, because a graph runs no Python"
    )


def _load_pickle(file: ModelFile) -> Any:
    import joblib

    return joblib.load(file.path)


def _load_skops(file: ModelFile, trust_pickle: bool, is_walled: bool) -> Any:
    import skops.io

    held = set(skops.io.get_untrusted_types(file=file.path))
    walked = sorted(held & WALKED_TYPES)
    if walked and not is_walled:
        raise Refused(
            f"{file.path.name} holds types that are opened inside the whole fence only, and this machine lacks a part "
            f"of it: {listed(walked)}. Bring it on Linux 5.13 or later, or export the model as ONNX",
            tuple((name, "needs the whole fence") for name in walked),
        )
    unknown = sorted(held - set(OWN_TYPES))
    if unknown and not trust_pickle:
        named = ", ".join(unknown[:5])
        raise Refused(
            f"{file.path.name} holds types that are not on Ratecard's list: {named}. If you know who made the file, "
            "say --trust-pickle, which opens it as it would a pickle",
            tuple((name, "not on the list") for name in unknown),
        )
    return skops.io.load(file.path, trusted=[*OWN_TYPES, *unknown])


def _unwrap(loaded: Any, notes: list[str]) -> Opened:
    """Take a booster out of its scikit-learn wrapper where the wrapper is the whole model."""
    import sklearn
    from sklearn.base import BaseEstimator

    if isinstance(loaded, dict) or not (isinstance(loaded, BaseEstimator) or _is_booster(loaded)):
        raise Refused(
            f"the file holds a {type(loaded).__name__}, not a trained estimator; save the pipeline or booster itself"
        )
    kind = type(loaded).__module__.split(".")[0]
    if kind == "lightgbm":
        import lightgbm

        booster = loaded if isinstance(loaded, lightgbm.Booster) else loaded.booster_
        return Opened(booster, _labels(loaded), {"lightgbm": lightgbm.__version__}, notes)
    if kind == "xgboost":
        import xgboost

        is_wrapped = not isinstance(loaded, xgboost.Booster)
        booster = _best_rounds(_booster_of(loaded) if is_wrapped else loaded, notes, is_wrapped=is_wrapped)
        return Opened(booster, _labels(loaded), {"xgboost": xgboost.__version__}, notes)
    return Opened(loaded, None, {"scikit-learn": sklearn.__version__}, notes)


def _booster_of(wrapper: Any) -> Any:
    """Take the booster out of an XGBoost wrapper that counts missing as a call does."""
    if wrapper.missing == wrapper.missing:  # NaN is not itself
        raise Refused(
            f"the {type(wrapper).__name__} counts {wrapper.missing} as missing, and a call says null: train it with NaN"
        )
    return wrapper.get_booster()


def _best_rounds(booster: Any, notes: list[str], *, is_wrapped: bool) -> Any:
    """Return the rounds that are predicted with: a wrapper stops at the best one, a booster by itself does not."""
    best, rounds = booster.attr("best_iteration"), booster.num_boosted_rounds()
    if best is None or int(best) + 1 >= rounds:
        return booster
    count = int(best) + 1
    if not is_wrapped:
        notes.append(
            f"early stopping: all {rounds} rounds are kept, as Booster.predict uses them; the best were {count}"
        )
        return booster
    notes.append(f"early stopping: the first {count} rounds of {rounds} are kept")
    return booster[:count]


def _is_booster(loaded: Any) -> bool:
    return type(loaded).__name__ == "Booster" and type(loaded).__module__ in ("lightgbm.basic", "xgboost.core")


def _labels(wrapper: Any) -> tuple[Any, ...] | None:
    labels = getattr(wrapper, "classes_", None)
    return None if labels is None else tuple(labels.tolist())
