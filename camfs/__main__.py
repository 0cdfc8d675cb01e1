"""The `camfs` command, also as `python -m camfs`.

While the modules are read nothing that Python makes becomes garbage, so it does not look for any; afterwards it need not look through all
that again. This is a tenth of the time until a mount is there. ^C meanwhile ends it like any other command.
"""

import gc
import signal
import sys


def main() -> int:
    """Run the command on this process's command line; return its exit status."""
    gc.disable()
    try:
        from camfs import cli
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    gc.freeze()
    gc.enable()
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
