"""How the SIGMA is acquired and released: ConfigApi and CloseApplication (camfs/protocols/sigma/README.md, "Two lives").

A tethered SIGMA lists its card as empty. The first ConfigApi of a session empties its image database, and so does CloseApplication. Whether
it is tethered is told by GetCamCaptStatus, which only a tethered one answers; one that was switched off answers NOT_INITIALISED.
"""

from camfs import errors
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.protocols.sigma.codes import NOT_INITIALISED, Destination
from camfs.protocols.sigma.datasets import Dataset, Value
from camfs.protocols.sigma.records import ApiInfo


class SigmaTether:
    """A `tethered.remote.Tether`.

    Args:
        operations: the vendor operations.

    Attributes:
        info: the reply to ConfigApi, once it was sent.
    """

    def __init__(self, operations: SigmaOperations) -> None:
        self.info: ApiInfo | None = None
        self._operations = operations

    async def acquire(self) -> None:
        self.info = await self._operations.config_api()

    async def set_up(self) -> None:
        """Have shots kept by the computer, and by the card if there is one: unless it is set, no shot is certain to be saved."""
        group = await self._operations.read(Dataset.GROUP1)
        has_card = group.get("MediaStatus") == 1 and _number(group.get("MediaFreeSpace")) > 0
        await self._operations.write(
            Dataset.GROUP3, {"DestToSave": Destination.BOTH if has_card else Destination.COMPUTER}
        )

    async def probe(self) -> bool:
        return await self._operations.probe() is not None

    async def release(self) -> None:
        await self._operations.close_application()

    def has_ended(self, error: errors.Refused) -> bool:
        return error.code == NOT_INITIALISED


def _number(value: Value | None) -> int:
    return value if isinstance(value, int) else 0
