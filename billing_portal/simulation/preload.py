"""Importing it loads everything, for a process that only forks: its fork server is told names of modules alone."""

import django

from billing_portal.simulation.forked import load_everything
from core.garbage import look_seldom

django.setup()
load_everything()
look_seldom()
