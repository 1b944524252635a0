"""Importing it loads everything: multiprocessing's fork server is told names of modules before it forks."""

import django

from billing_portal.simulation.forked import load_everything
from core.garbage import look_seldom

django.setup()
load_everything()
look_seldom()
