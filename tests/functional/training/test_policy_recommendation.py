"""The served complaint model: products, words that add up, every door, nothing of a text in a log; and its recipe."""

import csv
import importlib.util
import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from policy_recommendation.contract import CONTRACT, PRODUCTS
from policy_recommendation.decision import decide
from ratecard.contract.sample import sample_row
from ratecard.engines.manifest import load_manifest
from ratecard.kernel.errors import InvalidRequestError
from ratecard.serving.batch import job as jobs
from ratecard.serving.batch.steps import Steps, answer_batch
from ratecard.serving.handlers import load_model
from ratecard.serving.rest import answer_http
from ratecard.serving.wording import MAX_WORDS
from ratecard.storage.objects import LocalObjectStore, local_version
from ratecard_workbench.training.artifact import Provenance

MODEL = Path(__file__).resolve().parents[3] / "functions" / "models" / "policy_recommendation"
ARTIFACT = MODEL / "src" / "policy_recommendation" / "artifact"
RECIPE = MODEL / "training" / "recipe.py"
MEASURED = json.loads((MODEL / "training" / "measured.json").read_text())
CONTEXT = SimpleNamespace(aws_request_id="r-1")
KEY = "inbox/acme/policy-recommendation/complaints.csv"

STORIES = {
    "credit_card": "My credit card statement shows an annual fee that the issuer had waived, and the rewards are gone.",
    "retail_banking": "The bank closed my checking account and will not return the deposit; no branch answers.",
    "credit_reporting": "Equifax and TransUnion report accounts that are not mine; delete them from my credit report.",
    "mortgages_and_loans": "The mortgage servicer raised the escrow and lost my loan modification papers twice.",
    "debt_collection": "A collection agency calls about a medical debt that I do not owe and sent no validation.",
}
SECRET = "Zebulon Quatermass of Elm Street"


@pytest.fixture(scope="module")
def model():
    """The model as its function loads it; it needs no native layer."""
    return load_model(CONTRACT, decide, str(ARTIFACT), "/nowhere")


def predict(model, *narratives, explain=False):
    """Predictions of texts as a client sends them."""
    rows = model.contract.parse_rows([{"narrative": narrative} for narrative in narratives])
    return model.predict(rows, explain=explain)


@pytest.mark.parametrize("product", STORIES)
def test_plain_stories_go_to_their_product(model, product):
    """As they are, shouted, and stripped to bare words by somebody else."""
    story = STORIES[product]
    stripped = " ".join(word for word in story.lower().replace(".", "").replace(",", "").split() if len(word) > 3)
    found = predict(model, story, story.upper(), stripped)

    assert [one["product"] for one in found] == [product] * 3
    assert found[0]["probability"] == found[1]["probability"] > 0.4


def test_words_add_up_to_the_score(model):
    """All words together are the text's contribution; with the base, the class's log-probability against the mean."""
    story = STORIES["mortgages_and_loans"]
    (found,) = predict(model, story, explain=True)
    account = found["explanation"]
    (row,) = model.contract.parse_rows([{"narrative": story}])
    (chances,) = [model._read(row, scores).classes for scores in model._engine.score([model.contract.encode(row)])]
    logs = [math.log(chance) for chance in chances]

    assert math.fsum(one["log_odds"] for one in account["words"]) == pytest.approx(
        account["contributions"]["narrative"]
    )
    assert account["total"] == pytest.approx(logs[PRODUCTS.index("mortgages_and_loans")] - math.fsum(logs) / 5)


def test_reasons_name_the_words_that_speak_most(model):
    """Strongest first, none that speaks against, no more than the limit, each as it stands in the text."""
    story = STORIES["mortgages_and_loans"]
    (found,) = predict(model, story, explain=True)
    (reason,) = found["reasons"]
    effects = [one["log_odds"] for one in reason["words"]]

    assert 0 < len(effects) <= MAX_WORDS
    assert effects == sorted(effects, reverse=True)
    assert min(effects) > 0
    assert {"mortgage", "escrow"} <= {one["word"] for one in reason["words"]}
    assert all(one["word"].split()[0] in story.lower() for one in reason["words"])


def test_a_word_that_speaks_for_a_product_never_makes_it_less_likely(model):
    """Sweeping: the more often a mortgage's own words stand in a text of another product, the likelier a mortgage."""
    place = PRODUCTS.index("mortgages_and_loans")
    texts = ["The bank refused. " + "My mortgage servicer. " * times for times in range(6)]
    rows = model.contract.parse_rows([{"narrative": text} for text in texts])
    scores = model._engine.score([model.contract.encode(row) for row in rows])
    chances = [model._read(row, one).classes[place] for row, one in zip(rows, scores, strict=True)]

    assert chances == sorted(chances)


def test_reasons_come_unasked_where_a_violation_is_named(model):
    """What is held against a company can be traced; a story that touches no rule is answered without."""
    named, quiet = predict(model, STORIES["debt_collection"], "The line at the branch was long.")

    assert named["possible_violation"] == "fdcpa"
    assert named["reasons"][0]["words"]
    assert quiet["possible_violation"] == "none"
    assert "reasons" not in quiet


def test_a_text_of_nothing_known_is_near_even(model):
    """Empty, masked and foreign texts say nothing, and the probability shows it."""
    for found in predict(model, "", "XXXX XXXX 2020", "\u5929\u6c14\u5f88\u597d"):
        assert found["probability"] < 0.45
        assert (found["possible_violation"], found["urgency"]) == ("none", "routine")


@pytest.mark.parametrize("narrative", [None, 3, ["a"], "x" * 32_001, "a\0b", "\ud800"])
def test_what_is_no_text_is_refused(model, narrative):
    """By the contract, without the value."""
    with pytest.raises(InvalidRequestError):
        predict(model, narrative)


def call(model, path, body):
    """One call of the REST door."""
    event = {"httpMethod": "POST", "path": path, "body": json.dumps(body), "headers": {}, "requestContext": {}}
    answer = answer_http(model, event, "call-1")
    return answer["statusCode"], json.loads(answer["body"])


def test_every_door_gives_the_same_answer_and_no_log_holds_the_text(model, capsys):
    """REST, the Open Inference Protocol (BYTES) and an explained call; the usage lines name nobody and no word."""
    story = f"{SECRET}: {STORIES['credit_reporting']}"
    status, rest = call(model, "/v1/models/policy-recommendation/predict", {"narrative": story})
    tensor = {"name": "narrative", "shape": [1], "datatype": "BYTES", "data": [story]}
    inferred, tensors = call(model, "/v2/models/policy-recommendation/infer", {"inputs": [tensor]})
    refused, _ = call(model, "/v1/models/policy-recommendation/predict", {"narrative": story, SECRET: 1})
    by_name = {one["name"]: one["data"][0] for one in tensors["outputs"]}
    written = capsys.readouterr()

    assert (status, inferred, refused) == (200, 200, 400)
    assert {name: rest["predictions"][0][name] for name in ("product", "probability", "policy")} == {
        name: by_name[name] for name in ("product", "probability", "policy")
    }
    assert json.loads(by_name["reasons"])["reasons"] == rest["predictions"][0]["reasons"]
    assert written.out.count("\n") == 2
    for word in ("Zebulon", "zebulon", "Equifax", "equifax", "delete"):
        assert word not in written.out + written.err


def complaints_file():
    """Stories over several lines, with quotes and commas, one too long to take."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["row_id", "narrative"])
    for product, story in STORIES.items():
        writer.writerow([product, f'{SECRET} wrote:\n"{story}"\r\n\nThank you, and so on'])
    writer.writerow(["long", "x" * 32_001])
    return text.getvalue().encode()


def test_a_file_of_texts_with_line_breaks_is_scored(model, tmp_path, capsys):
    """Through plan, score and collect: stories to their products, the bad row named, no text in log or manifest."""
    store, content = LocalObjectStore(tmp_path), complaints_file()
    store.store_bytes("inbox", KEY, content)
    version = local_version(store.path_of(KEY))
    prices = {"RATECARD_BATCH_ROW_PRICE": "0.001 USD", "RATECARD_BATCH_EXPLAIN_ROW_PRICE": "0.002 USD"}
    environ = {"RATECARD_OBJECT_ROOT": str(tmp_path), "RATECARD_OUTBOX": "outbox", **prices}
    event = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": "2026-11-22T10:11:12Z",
        "detail": {"bucket": {"name": "inbox"}, "object": {"key": KEY, "version-id": version, "size": len(content)}},
    }
    manifest = run_steps(model, event, environ)
    (scored,) = tmp_path.rglob("scored.csv")
    (rejects,) = tmp_path.rglob("rejects.csv")
    rows = list(csv.DictReader(io.StringIO(scored.read_text())))
    written = capsys.readouterr()

    assert [row["product"] for row in rows] == [row["row_id"] for row in rows] == list(STORIES)
    assert "narrative,too_long" in rejects.read_text()
    for text in (written.out, written.err, json.dumps(manifest, default=str), scored.read_text(), rejects.read_text()):
        assert "Zebulon" not in text


def run_steps(model, event, environ):
    """Plan, score and collect."""
    from ratecard.serving.arrival import parse_arrival

    job = jobs.job_of(parse_arrival(event, CONTRACT.slug), "outbox", ())
    planned = answer_batch(model, {"operation": "plan", "job": job.document()}, environ)
    for part in Steps(model, environ).load(job, "parts.json"):
        answer_batch(model, {"operation": "score", "job": planned["job"], "part": part}, environ)
    return answer_batch(model, {"operation": "collect", "job": planned["job"]}, environ)


def test_the_sample_is_read_as_what_it_is(model):
    """The story of the documentation: debit card transactions that nobody made."""
    (found,) = predict(model, sample_row(CONTRACT)["narrative"])

    assert (found["product"], found["possible_violation"], found["policy"]) == (
        "retail_banking",
        "efta_reg_e",
        "reg_e_error",
    )


def test_the_artifact_is_the_committed_recipes_and_small():
    """Its digest is in the manifest; load time is cold start."""
    described = Provenance(RECIPE, MODEL.parents[2], "").describe_recipe()

    assert load_manifest(ARTIFACT).recipe["sha256"] == described["sha256"]
    assert (ARTIFACT / "model.words").stat().st_size < 3_000_000


def test_manifest_measurements_and_card_agree():
    """The same figures everywhere, and the project's aim is met."""
    figures = MEASURED["measured"]["out_of_fold"]
    card = (MODEL / "MODEL_CARD.md").read_text()
    headline = load_manifest(ARTIFACT).metrics["out_of_fold"]

    assert {name: value["value"] for name, value in figures.items()} == pytest.approx(headline)
    assert figures["macro_recall"]["lower"] > 0.80
    recall = figures["macro_recall"]
    assert f"{recall['value']:.3f} [{recall['lower']:.3f}, {recall['upper']:.3f}]" in card
    assert [row["name"] for row in MEASURED["classes"]] == list(PRODUCTS)
    assert len(MEASURED["comparison"]) == 11
    for row in MEASURED["comparison"]:
        accuracy = row["accuracy"]
        assert f"| {row['name']} | {accuracy['value']:.3f} [{accuracy['lower']:.3f}, {accuracy['upper']:.3f}] |" in card
    assert f"{MEASURED['issues']['recent']['agreement']:.1%}" in card
    assert "$" not in card


@pytest.fixture(scope="module")
def preparation():
    """The recipe's data module, which is not installed."""
    path = MODEL / "training" / "policy_recommendation_data.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def test_rows_of_the_files_become_labelled_texts(preparation):
    """Old and new labels, issues where there are any; copies, other products and empty texts are dropped."""
    older = {
        preparation.NARRATIVE: np.array(["One story.", "ONE story", None, "Another"], dtype=object),
        "Product": np.array(["Mortgage", "Mortgage", "Mortgage", "Other financial service"], dtype=object),
    }
    recent = {
        preparation.NARRATIVE: np.array(["A third", "A fourth"], dtype=object),
        "Product": np.array(["Credit card or prepaid card", "Debt collection"], dtype=object),
        "Issue": np.array(["Fees or interest", "Anything else"], dtype=object),
    }
    base = {
        "narrative": np.array(["fifth bank story"], dtype=object),
        "product": np.array(["retail_banking"], dtype=object),
    }
    found = preparation.gather_complaints(
        {preparation.OLDER: older, preparation.RECENT: recent, preparation.BASE_FORMS: base}
    )

    assert list(found.texts.texts) == ["One story.", "A third", "A fourth", "fifth bank story"]
    assert [PRODUCTS[place] for place in found.texts.classes] == [
        "mortgages_and_loans",
        "credit_card",
        "debt_collection",
        "retail_banking",
    ]
    assert found.issues.tolist() == ["", "fees_or_interest", "account_servicing", ""]
    assert found.texts.weights.tolist() == [1.0, 1.0, 1.0, 2.0]
    assert found.dropped == 3
    assert set(preparation.PRODUCT_NAMES.values()) == set(PRODUCTS)


@pytest.mark.slow
def test_two_runs_on_a_sample_write_the_same_bytes(tmp_path, requires_shared):
    """The recipe is seeded from the order of the texts on."""
    environ = os.environ | {"RATECARD_DATA_DIR": str(requires_shared / "data")}
    files = []
    for name in ("one", "two"):
        options = ["--quiet", "--artifact-only", "--rows", "500", "--target", str(tmp_path / name)]
        subprocess.run([sys.executable, str(RECIPE), *options], check=True, capture_output=True, env=environ)
        folder = tmp_path / name / "src" / "policy_recommendation" / "artifact"
        files.append({path.name: path.read_bytes() for path in folder.iterdir()})

    assert files[0] == files[1]
    assert set(files[0]) == {"model.words", "manifest.json"}
