"""Metering: one line of JSON for each answered call."""
