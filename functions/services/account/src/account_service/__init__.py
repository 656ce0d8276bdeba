"""What a key's owner may read of their own: usage, invoices, credit notes. Nothing of it is sold."""
