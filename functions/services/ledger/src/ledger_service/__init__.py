"""The ledger's jobs in AWS: usage summaries and prepaid balances, reconciliation and invoices, keys at the gateway."""
