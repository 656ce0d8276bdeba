"""From contracts and rate card to what AWS deploys: the gateway's OpenAPI file, the plans' stack, digests."""
