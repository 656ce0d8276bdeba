"""The fenced process: opens the model, infers the fields, lowers it, and writes down what it found as JSON.

Started by `jail.run_fenced` with a folder that holds `request.json`. Nothing of the model's leaves it but the lowered
file and JSON values.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ratecard_workbench.bring.fence import find_gaps, raise_fence

ENGINE_PACKAGES = {"lightgbm": "lightgbm", "xgboost": "xgboost-cpu", "onnx": "onnxruntime"}
SUFFIXES = {"lightgbm": "model.txt", "xgboost": "model.ubj", "onnx": "model.onnx"}
SAMPLE = "sample.csv"
"""What the sample is called in the folder where the request names no other."""


def main(work: Path) -> None:
    """Read the request, raise the fence, do the work, write the answer."""
    request = json.loads((work / "request.json").read_text(encoding="utf-8"))
    walls = raise_fence([Path(one) for one in request["readable"]], [Path(one) for one in request["writable"]])
    gaps = find_gaps(walls)
    if gaps and request["trust_pickle"]:
        detail = f"no pickle is opened on this machine: {'; '.join(gaps)}"
        answer: dict[str, Any] = {
            "refusal": {"detail": f"{detail}. Save the model with skops, or use Linux 5.13 or later"}
        }
    else:
        from ratecard_workbench.bring.refusals import Refused

        try:
            answer = read_model(work, request, is_walled=not gaps)
            answer["notes"] += [f"opened with less than the whole fence: {gap}" for gap in gaps]
        except Refused as refused:
            problems = [(place, "cannot_bring", detail) for place, detail in refused.problems]
            answer = {"refusal": {"detail": refused.detail, "problems": problems}}
    (work / "answer.json").write_text(json.dumps(answer, default=str), encoding="utf-8")


def read_model(work: Path, request: dict[str, Any], *, is_walled: bool = True) -> dict[str, Any]:
    """Open, infer and lower; `is_walled` says whether the fence stands whole.

    Raises
    ------
    Refused
        If the model or the sample cannot be brought.
    """
    from ratecard_workbench.bring.fields import infer_fields, rows_of
    from ratecard_workbench.bring.formats import find_model_file
    from ratecard_workbench.bring.opening import open_model
    from ratecard_workbench.bring.sample import read_sample

    sample = read_sample(work / request.get("sample", SAMPLE), request["target"])
    file = find_model_file(work / request["model"])
    opened = open_model(file, trust_pickle=request["trust_pickle"], is_walled=is_walled)
    sample, known, notes = fit_sample(opened.model, sample)
    fields = infer_fields(sample, known)
    rows = rows_of(fields, sample.frame)
    lowered = lower_model(opened, fields, sample, rows)
    (work / f"{SUFFIXES[lowered.engine]}.lowered").write_bytes(lowered.content)
    return {
        "engine": lowered.engine,
        "engine_version": version(ENGINE_PACKAGES[lowered.engine]),
        "output": lowered.output,
        "slope": lowered.slope,
        "intercept": lowered.intercept,
        "classes": lowered.classes,
        "steps": lowered.steps,
        "notes": [*opened.notes, *notes, *lowered.notes, *sample.notes()],
        "trained_with": opened.libraries,
        "fields": [asdict(field) for field in fields],
        "rows": rows,
        "reference": lowered.reference.tolist(),
        "sampled": sample.rows,
        "quality": measure_quality(lowered, sample.target),
    }


def fit_sample(model: Any, sample: Any) -> tuple[Any, dict[str, list[Any]], list[str]]:
    """Bring the sample's columns into the model's order; return the categories that the model knows, and notes, too."""
    from ratecard_workbench.bring import boosters, estimators, graphs
    from ratecard_workbench.bring.matching import match_columns, spell_words
    from ratecard_workbench.bring.pipelines import known_categories, unused_columns
    from ratecard_workbench.bring.sample import listed

    kind = engine_kind(model)
    columns = {
        "lightgbm": boosters.lightgbm_columns,
        "xgboost": boosters.xgboost_columns,
        "onnx": graphs.input_names,
        "sklearn": estimators.estimator_columns,
    }[kind]
    unused = unused_columns(model) if kind == "sklearn" else frozenset()
    fitted = match_columns(sample, *columns(model), unused)
    notes = [f"no inputs, since every branch of the pipeline drops them: {listed(sorted(unused))}"] if unused else []
    known: dict[str, list[Any]] = {}
    if kind == "lightgbm":
        known = boosters.lightgbm_categories(model, fitted)
    elif kind == "xgboost":
        known = boosters.xgboost_categories(model)
    elif kind == "sklearn":
        known = known_categories(model)
    return spell_words(fitted, known), known, notes


def lower_model(opened: Any, fields: list[Any], sample: Any, rows: list[dict[str, object]]) -> Any:
    """Lower by the kind of what was opened."""
    from ratecard_workbench.bring import boosters, estimators
    from ratecard_workbench.bring.lowered import encode_rows

    kind = engine_kind(opened.model)
    if kind in ("lightgbm", "xgboost"):
        return (boosters.lower_lightgbm if kind == "lightgbm" else boosters.lower_xgboost)(opened, fields, sample)
    lower = estimators.lower_graph if kind == "onnx" else estimators.lower_estimator
    return lower(opened, fields, sample, encode_rows(fields, rows))


def engine_kind(model: Any) -> str:
    """Tell what was opened: a booster, a graph, or an estimator of scikit-learn."""
    kind = type(model).__module__.split(".")[0]
    return {"lightgbm": "lightgbm", "xgboost": "xgboost"}.get(kind, "onnx" if hasattr(model, "graph") else "sklearn")


def measure_quality(lowered: Any, target: Any) -> dict[str, float]:
    """Compare the model's own answers with the sample's target, where it has one."""
    if target is None or target.isna().any() or len(target) < 2:
        return {}
    from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score, roc_auc_score

    from ratecard_workbench.bring.lowered import class_names

    if lowered.output == "value":
        truth = target.astype(float)
        found = {"mean_absolute_error": mean_absolute_error(truth, lowered.reference)}
        return {**found, "r_squared": r2_score(truth, lowered.reference)}
    truth = class_names(target.tolist(), 0)
    if not set(truth) <= set(lowered.classes):
        return {}
    if lowered.reference.ndim == 2:
        guesses = [lowered.classes[place] for place in lowered.reference.argmax(axis=1)]
        return {"accuracy": float(accuracy_score(truth, guesses))}
    events = [one == lowered.classes[1] for one in truth]
    found = {"event_rate": sum(events) / len(events)}
    return {**found, "auc": float(roc_auc_score(events, lowered.reference))} if 0 < sum(events) < len(events) else found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
