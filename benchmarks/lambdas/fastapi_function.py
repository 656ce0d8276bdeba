"""The usual way with a web framework: FastAPI behind Mangum, the same joblib model, the body checked by pydantic."""

from fastapi import FastAPI
from joblib_function import BUNDLE, probability_of
from mangum import Mangum
from pydantic import create_model

app = FastAPI()
Applicant = create_model(
    "Applicant", **{name: (str if name in BUNDLE["categories"] else float, ...) for name in BUNDLE["inputs"]}
)


@app.post("/v1/models/credit-rating/predict")
def predict(applicant: Applicant):
    """Answer one row's probability of default."""
    probability = probability_of(applicant.model_dump())
    return {"model": "credit-rating", "predictions": [{"probability_of_default": probability}]}


lambda_handler = Mangum(app, lifespan="off")
