"""Ratecard: financial models as metered serverless functions (the library every function shares)."""
