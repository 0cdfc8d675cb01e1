"""How hypothesis runs: without time limits, the same examples each time; `--hypothesis-profile=explore` looks for new ones."""

from hypothesis import settings

settings.register_profile("check", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=5000, print_blob=True)
settings.load_profile("check")
