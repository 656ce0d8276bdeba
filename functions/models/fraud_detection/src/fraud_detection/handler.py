"""Lambda entry points of the fraud-detection model."""

from fraud_detection.contract import CONTRACT
from fraud_detection.decision import decide
from ratecard.serving import serve

lambda_handler, batch_handler = serve(CONTRACT, decide=decide, artifact=__file__)
