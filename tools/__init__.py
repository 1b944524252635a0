"""The commands of `./portal`. portal.py and steps.py run before anything is installed: standard library only."""
