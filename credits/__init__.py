"""Prepaid value and its ledger: grants, draw-down, movements. It knows no plan, no price and no invoice."""
