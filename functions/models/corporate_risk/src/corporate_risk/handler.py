"""Lambda entry points of the corporate-risk model."""

from corporate_risk.contract import CONTRACT
from corporate_risk.decision import decide
from ratecard.serving import serve

lambda_handler, batch_handler = serve(CONTRACT, decide=decide, artifact=__file__)
