"""`python -m camfs` is the same as the `camfs` command."""

import sys

from camfs.cli import main

sys.exit(main())
