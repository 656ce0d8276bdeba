"""What calls cost: plans, prices and, from them, invoices; reading the price book is the only I/O."""
