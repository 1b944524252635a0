"""The ground every room stands on: money, calendar, clock. Pure, no models."""
