"""Lambda entry points of the policy-recommendation model."""

from policy_recommendation.contract import CONTRACT
from policy_recommendation.decision import decide
from ratecard.serving import serve

lambda_handler, batch_handler = serve(CONTRACT, decide=decide, artifact=__file__)
