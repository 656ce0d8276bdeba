"""Invoices and credit notes as pages for people; the canonical document stays what counts."""
