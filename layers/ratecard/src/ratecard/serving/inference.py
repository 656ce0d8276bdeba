"""The Open Inference Protocol v2: tensors by column, JSON only.

Source: the protocol's specification, "Predict Protocol - Version 2", HTTP/REST.
"""

from __future__ import annotations

from ratecard.contract.protocol import REASONS, feature_datatypes, output_datatype
from ratecard.contract.rows import pointer_step, refusal_of
from ratecard.kernel import jsontext
from ratecard.kernel.errors import InvalidJsonError, InvalidRequestError, Problem
from ratecard.serving.prediction import parse_explain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ratecard.contract import Feature, ModelContract, Row
    from ratecard.serving.model import Model, Prediction

MAX_ID = 128
TENSOR_MEMBERS = ("name", "shape", "datatype", "data", "parameters")
BINARY = ("binary_data", "binary_data_size", "binary_data_output")


def infer_document(model: Model, document: object, call_id: str) -> tuple[dict[str, object], bool, int]:
    """Answer one inference request.

    Parameters
    ----------
    model : Model
        Ready to score.
    document : object
        What JSON gave: id, parameters, inputs, outputs.
    call_id : str
        Given back as `call_id`.

    Returns
    -------
    tuple
        The answer, whether every row was explained, and the number of rows.

    Raises
    ------
    InvalidJsonError
        If it is no object.
    InvalidRequestError
        With pointers into the request's tensors.
    """
    if type(document) is not dict:
        raise InvalidJsonError("the body must be a JSON object: id, parameters, inputs and outputs")
    unknown = sorted(set(document) - {"id", "parameters", "inputs", "outputs"})
    if unknown:
        raise refusal_of(Problem("", "unknown_field", "must have no member beside id, parameters, inputs and outputs"))
    request_id = document.get("id", "")
    if type(request_id) is not str or len(request_id) > MAX_ID:
        raise refusal_of(Problem("/id", "wrong_type", f"must be a string of at most {MAX_ID} characters"))
    parameters = parse_parameters(document.get("parameters", {}), "/parameters", ("explain", "binary_data_output"))
    explain = parse_explain(parameters.get("explain", False), "/parameters/explain")
    wanted = parse_wanted(model.contract, document.get("outputs", []))
    rows = parse_tensors(model.contract, document.get("inputs"))
    predictions = model.predict(rows, explain=explain)
    answer: dict[str, object] = {
        "model_name": model.contract.slug,
        "model_version": model.contract.version,
        "id": request_id,
        "call_id": call_id,
        "outputs": [output_tensor(model.contract, name, predictions) for name in wanted],
    }
    return answer, explain, len(rows)


def parse_parameters(parameters: object, pointer: str, known: tuple[str, ...] = ()) -> dict[str, object]:
    """Check the parameters of a request, a tensor or an output.

    Raises
    ------
    InvalidRequestError
        With the code binary_tensors if the protocol's binary extension is asked for; otherwise if they are no object,
        or one is not known.
    """
    if type(parameters) is not dict:
        raise refusal_of(Problem(pointer, "wrong_type", "must be an object"))
    if any(parameters.get(name, False) is not False for name in BINARY):
        raise binary_refusal(pointer)
    unknown = sorted(name for name in parameters if name not in known)
    if unknown:
        raise refusal_of(Problem(pointer + pointer_step(unknown[0]), "unknown_field", "is not a parameter"))
    return parameters


def binary_refusal(pointer: str) -> InvalidRequestError:
    """Build the refusal of binary tensors."""
    return refusal_of(Problem(pointer, "binary_tensors", "must not use binary tensors: set binary_data=False"))


def parse_wanted(contract: ModelContract, outputs: object) -> list[str]:
    """Return the names of the outputs to answer with: all of them, unless the request lists some."""
    known = [output.name for output in contract.outputs] + ([REASONS] if contract.reasons else [])
    if type(outputs) is not list:
        raise refusal_of(Problem("/outputs", "wrong_type", "must be an array"))
    wanted: list[str] = []
    for index, output in enumerate(outputs):
        pointer = f"/outputs/{index}"
        name = output.get("name") if type(output) is dict else None
        if name not in known:
            raise refusal_of(Problem(pointer + "/name", "not_a_choice", f"must be one of: {', '.join(known)}"))
        if name in wanted:
            raise refusal_of(Problem(pointer + "/name", "repeated", "must not name an output twice"))
        if not output.keys() <= {"name", "parameters"}:
            raise refusal_of(Problem(pointer, "unknown_field", "must have no member beside name and parameters"))
        parse_parameters(output.get("parameters", {}), pointer + "/parameters", ("binary_data",))
        wanted.append(name)
    return wanted or known


def parse_tensors(contract: ModelContract, inputs: object) -> list[Row]:
    """Turn one tensor for each feature into rows.

    Raises
    ------
    InvalidRequestError
        With pointers to the tensor, or to the element in it.
    """
    if type(inputs) is not list or not inputs:
        raise refusal_of(Problem("/inputs", "missing_field", "must be an array with one tensor for each feature"))
    features = {feature.name: feature for feature in contract.features}
    columns: dict[str, list[object]] = {}
    places: dict[str, int] = {}
    for index, tensor in enumerate(inputs):
        pointer = f"/inputs/{index}"
        name = tensor.get("name") if type(tensor) is dict else None
        if type(name) is not str or name not in features:
            raise refusal_of(Problem(pointer + "/name", "unknown_field", "must be the name of a feature"))
        if name in columns:
            raise refusal_of(Problem(pointer + "/name", "repeated", "must not name a feature twice"))
        columns[name] = parse_tensor(tensor, features[name], pointer)
        places[name] = index
    return rows_of_columns(contract, columns, places)


def parse_tensor(tensor: dict[str, object], feature: Feature, pointer: str) -> list[object]:
    """Check one tensor's datatype and shape ([n] or [n, 1]) and return its n elements."""
    parse_parameters(tensor.get("parameters", {}), pointer + "/parameters")
    if not tensor.keys() <= set(TENSOR_MEMBERS):
        raise refusal_of(Problem(pointer, "unknown_field", f"must have no member beside {', '.join(TENSOR_MEMBERS)}"))
    datatypes = feature_datatypes(feature)
    if tensor.get("datatype") not in datatypes:
        raise refusal_of(Problem(pointer + "/datatype", "wrong_type", f"must be one of: {', '.join(datatypes)}"))
    shape = tensor.get("shape")
    elements = tensor.get("data")
    if type(elements) is not list:
        raise refusal_of(Problem(pointer + "/data", "wrong_type", "must be an array"))
    if elements and all(type(element) is list and len(element) == 1 for element in elements):
        elements = [element[0] for element in elements]
    whole = type(shape) is list and all(type(length) is int for length in shape)
    if not whole or shape not in ([len(elements)], [len(elements), 1]):
        raise refusal_of(Problem(pointer + "/shape", "bad_shape", "must be [n] or [n, 1] with n elements in data"))
    return elements


def rows_of_columns(contract: ModelContract, columns: dict[str, list[object]], places: dict[str, int]) -> list[Row]:
    """Transpose columns to rows and parse them by the contract; problems point into the tensors."""
    lengths = {len(elements) for elements in columns.values()}
    if len(lengths) != 1:
        raise refusal_of(Problem("/inputs", "bad_shape", "must all have the same number of elements"))
    names = list(columns)
    instances: list[object] = [
        dict(zip(names, elements, strict=True)) for elements in zip(*columns.values(), strict=True)
    ]
    try:
        return contract.parse_rows(instances)
    except InvalidRequestError as error:
        moved = dict.fromkeys(tensor_problem(problem, places) for problem in error.problems)
        raise refusal_of(*moved) from None


def tensor_problem(problem: Problem, places: dict[str, int]) -> Problem:
    """Move a problem's pointer from ``/instances/<row>/<feature>`` to the tensor's element."""
    steps = problem.pointer.split("/")[2:]
    if len(steps) == 2 and steps[1] in places:
        return problem.replace(pointer=f"/inputs/{places[steps[1]]}/data/{steps[0]}")
    detail = f"{problem.detail}: a tensor named {steps[1]}" if len(steps) == 2 else problem.detail
    return problem.replace(pointer="/inputs", detail=detail)


def output_tensor(contract: ModelContract, name: str, predictions: list[Prediction]) -> dict[str, object]:
    """Write one output as a tensor of shape [n]."""
    shape = [len(predictions)]
    if name == REASONS:
        texts = [reasons_text(prediction) for prediction in predictions]
        return {"name": name, "datatype": "BYTES", "shape": shape, "data": texts}
    datatype = next(output_datatype(output) for output in contract.outputs if output.name == name)
    return {
        "name": name,
        "datatype": datatype,
        "shape": shape,
        "data": [prediction[name] for prediction in predictions],
    }


def reasons_text(prediction: Prediction) -> str:
    """Write the reasons of one row as JSON text; empty where it has none."""
    owed = {part: prediction[part] for part in ("reasons", "advice", "explanation") if part in prediction}
    return jsontext.encode(owed) if owed else ""
