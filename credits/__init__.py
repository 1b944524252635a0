"""Prepaid value and its ledger. The ledger comes later; the room stands so that its place in the line is fixed."""
