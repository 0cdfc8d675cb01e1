"""`python -m camfs.virtual MODEL --gadget`: serves an emulated camera to other programs, as a USB device of this computer."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial

import trio

from camfs.errors import CameraError
from camfs.virtual import PROFILES, EmulatedCamera, emulate
from camfs.virtual.options import OPTIONS


async def _serve(camera: EmulatedCamera) -> None:
    from camfs.virtual import gadget  # needs FunctionFS, and root

    await gadget.serve(camera)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser("python -m camfs.virtual", description="Serve an emulated camera.")
    parser.add_argument("model", choices=PROFILES)
    parser.add_argument("--gadget", action="store_true", required=True, help="as a USB device, through FunctionFS")
    for name, option in OPTIONS.items():
        parser.add_argument(f"--{name}", metavar=option.value, help=option.help)
    values = vars(parser.parse_args(arguments))
    try:
        options = {name: values[name] for name in OPTIONS if values[name] is not None}
        trio.run(partial(_serve, emulate(values["model"], options, keep_trace=False)))
    except (ValueError, CameraError, OSError) as error:
        print(f"camfs.virtual: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
