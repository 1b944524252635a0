"""Every state of every page, by name: `/styleguide/states/` and `manage.py states`. Development only.

A state is a page, a situation, and the story that leads there (`registry.py`). Stories (`stories*.py`) are told by the
real verbs and the real run, once per database (`telling.py`), of customers with a test clock: what a page shows does
not depend on the day on which it is looked at. `cells*.py` list the states; `looking.py` brings a browser there, also
into those that last a moment. `MISSING` in `registry.py` says what has none and why.
"""
