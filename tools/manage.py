"""`./portal manage COMMAND …`: one of Django's commands, on the servers of the running portal or on its own."""

from __future__ import annotations

import os
import signal
import sys

from django.core.management import execute_from_command_line

from billing_portal import embedded
from tools.environment import demo
from tools.steps import stop_on_signals


def main() -> int:
    stop_on_signals()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell of Django's goes on after Ctrl-C
    os.environ.update(demo())
    try:
        with embedded.servers():
            execute_from_command_line(["manage.py", *sys.argv[1:]])
    except embedded.EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
