"""Lambda entry points of the credit-rating model."""

from credit_rating.contract import CONTRACT
from credit_rating.decision import decide
from ratecard.serving import serve

lambda_handler, batch_handler = serve(CONTRACT, decide=decide, artifact=__file__)
