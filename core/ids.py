"""Public ids: unguessable, readable, sortable by nothing."""

import secrets

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, lower case


def public_id(prefix: str) -> str:
    """`inv_` + 20 random characters (100 bits)."""
    return prefix + "_" + "".join(secrets.choice(ALPHABET) for _ in range(20))
