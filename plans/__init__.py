"""The price list, who subscribed to what, and what that costs."""
