"""Lambda entry points of the loan-assessment model."""

from loan_assessment.contract import CONTRACT
from loan_assessment.decision import decide
from ratecard.serving import serve

lambda_handler, batch_handler = serve(CONTRACT, decide=decide, artifact=__file__)
