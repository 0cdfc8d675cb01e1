"""A host that has an emulated fp under remote control, for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import trio

from camfs.protocols.ptp.codes import ResponseCode
from camfs.protocols.sigma import datasets
from camfs.protocols.sigma.can_set import CanSetInfo
from camfs.protocols.sigma.codes import SigmaOperation as Sigma
from camfs.protocols.sigma.datasets import Dataset, Value
from camfs.protocols.sigma.records import (
    CLEAR,
    CLOSE,
    ApiInfo,
    CameraStatus,
    CaptureStatus,
    Picture,
    Snap,
    decode_partial,
    decode_pictures,
)
from camfs.virtual import EmulatedCamera
from camfs.virtual.sigma.fp import Mode, SigmaFp
from tests.virtual.ptp.host import Host, Reply, hosted

OK = Reply(ResponseCode.OK)


@dataclass
class Tether:
    """Does the operations of the vendor's API."""

    camera: EmulatedCamera
    host: Host

    @property
    def fp(self) -> SigmaFp:
        return self.camera.sigma

    def mode(self) -> Mode:
        return self.fp.mode

    async def configure(self) -> ApiInfo:
        return ApiInfo.decode(await self.host.data(Sigma.ConfigApi))

    async def close(self) -> None:
        assert await self.host.do(Sigma.CloseApplication, data=CLOSE) == OK

    async def reconnect(self) -> None:
        """Do what the next program does: a new PTP session."""
        await self.host.do(0x1003)
        await self.host.open_session()

    async def get(self, dataset: Dataset) -> dict[str, Value]:
        return datasets.decode(dataset, await self.host.data(dataset.reads))

    async def put(self, dataset: Dataset, **values: Value) -> None:
        assert await self.host.do(dataset.writes, data=datasets.encode(dataset, values)) == OK

    async def tell(self, dataset: Dataset, **values: Value) -> dict[str, Value]:
        """Write values, and return what they read then."""
        await self.put(dataset, **values)
        got = await self.get(dataset)
        return {name: got[name] for name in values}

    async def can_set(self) -> CanSetInfo:
        return CanSetInfo.decode(await self.host.data(Sigma.GetCamCanSetInfo5))

    async def changed(self, *masks: int) -> CameraStatus:
        return CameraStatus.decode(await self.host.data(Sigma.GetCamStatus2, *masks))

    async def status(self, image_id: int = 0) -> CaptureStatus:
        return CaptureStatus.decode(await self.host.data(Sigma.GetCamCaptStatus, image_id))

    async def snap(self, mode: int = 2, amount: int = 1) -> int:
        """Send SnapCommand, and return the tail before it."""
        tail = (await self.status()).tail
        assert await self.host.do(Sigma.SnapCommand, data=Snap(mode, amount).encode()) == OK
        return tail

    async def shoot(self, mode: int = 2) -> int:
        """Take a picture, wait for its end, and return its id."""
        image_id = await self.snap(mode)
        while (await self.status(image_id)).state in (0x0001, 0x0004, 0x0006):
            await trio.sleep(0.1)
        return image_id

    async def pictures(self) -> tuple[Picture, ...]:
        return decode_pictures(await self.host.data(Sigma.GetPictFileInfo2))

    async def partial(self, address: int, offset: int, length: int) -> bytes:
        return bytes(decode_partial(await self.host.data(Sigma.GetBigPartialPictFile, address, offset, length)))

    async def fetch(self, picture: Picture) -> bytes:
        return await self.partial(picture.address, 0, picture.size)

    async def clear(self, image_id: int) -> None:
        assert await self.host.do(Sigma.ClearImageDBSingle, image_id, data=CLEAR) == OK

    async def clear_all(self) -> None:
        for image_id in (await self.status()).pending():
            await self.clear(image_id)


@asynccontextmanager
async def tethered(*, configured: bool = True, **options: Any) -> AsyncIterator[Tether]:
    """Run an emulated fp, and a host that has it under remote control."""
    async with hosted("sigma-fp", **options) as (camera, host):
        tether = Tether(camera, host)
        if configured:
            await tether.configure()
        yield tether
