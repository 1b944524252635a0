"""Metering: what was used, when, by whom – and nothing about money."""
