"""Lambda entry points of the comparison's model."""

from bench_rows.contract import CONTRACT
from bench_rows.decision import decide

from ratecard.serving import serve

lambda_handler, batch_handler = serve(CONTRACT, decide=decide, artifact=__file__)
