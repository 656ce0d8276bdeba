"""A layer, to see that functions find theirs."""

GREETING = "from the layer"
