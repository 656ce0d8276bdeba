"""Invoices and credit notes as PDF; as HTML see `ratecard.billing.rendering`."""
