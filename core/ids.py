"""Public ids: unguessable, readable, sortable by nothing."""

import secrets

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, lower case


def public_id(prefix: str) -> str:
    """`inv_` + 20 random characters (100 bits)."""
    bits = secrets.randbits(100)
    return f"{prefix}_" + "".join([ALPHABET[bits >> shift & 31] for shift in range(0, 100, 5)])
