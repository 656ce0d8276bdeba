"""Exports of a home's usage: which system is spoken to, with whose names, and from which hours."""
