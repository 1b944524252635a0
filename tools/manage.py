"""`./portal manage COMMAND …`: one of Django's commands, on the servers of the running portal or on its own."""

from __future__ import annotations

import os
import signal
import sys

from django.core.management import execute_from_command_line

from billing_portal import embedded
from tools import processor
from tools.environment import demo
from tools.steps import Failure, stop_on_signals


def main() -> int:
    stop_on_signals()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell of Django's goes on after Ctrl-C
    env = demo()
    try:
        with embedded.servers(), processor.at_hand(env):
            os.environ.update(env)
            execute_from_command_line(["manage.py", *sys.argv[1:]])
    except (Failure, embedded.EmbeddedError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
