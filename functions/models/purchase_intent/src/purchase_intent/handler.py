"""Lambda entry points of the purchase-intent model."""

from purchase_intent.contract import CONTRACT
from purchase_intent.decision import decide
from ratecard.serving import serve

lambda_handler, batch_handler = serve(CONTRACT, decide=decide, artifact=__file__)
