"""What everything else stands on: values, errors, money, digests. Knows nothing of models or of AWS."""
