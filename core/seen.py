"""What a page has shown, in short: a form carries it and is refused where that is not so any more."""

import json
from hashlib import sha256


def fingerprint(*facts: object) -> str:
    """The same for the same facts, whatever order the keys of their mappings have."""
    told = json.dumps(facts, sort_keys=True, default=str)
    return sha256(told.encode()).hexdigest()[:32]
