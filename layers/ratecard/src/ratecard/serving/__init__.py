"""One data plane behind four doors: REST, the Open Inference Protocol, direct invocation and files in S3."""

from ratecard.serving.handlers import serve

__all__ = ["serve"]
