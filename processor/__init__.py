"""The sandbox processor: a card processor for tests and demos that speaks the part of Stripe's protocol in use.

A program of its own (`python -m processor`); it imports nothing of the portal. See README.md.
"""
