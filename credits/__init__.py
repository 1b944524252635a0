"""Prepaid value and its ledger. The ledger comes with prepaid credits; the room stands so that its place in the line is fixed."""
