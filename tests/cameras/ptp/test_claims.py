"""A camera that announces more bytes than there can be: it is not believed, and so not waited for."""

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.protocols.ptp.codes import ROOT, Operation
from camfs.virtual.ptp.calls import Answer, Call, Slice
from camfs.virtual.ptp.state import CameraState
from tests.cameras.network import networked
from tests.zeros import Zeros


@pytest.mark.parametrize("claim", [1 << 63, (1 << 64) - 2, 1 << 48])
@pytest.mark.parametrize("operations", ["-GetNumObjects", "-GetPartialObject,-GetPartialObject64"])
async def test_more_than_a_card_holds(autojump_clock: MockClock, operations: str, claim: int) -> None:
    async def endless(state: CameraState, call: Call) -> Answer:
        return Answer(Slice(Zeros(claim), 0, claim))

    async with networked(objects="3", operations=operations) as rig:
        camera = rig.driver()
        await rig.link.connect()
        await camera.open()
        (store,) = await camera.list_folder(None)
        keys = await camera.list_folder(store)
        while True:
            folder = await camera.describe(keys[0], None)
            assert folder is not None
            if not folder.is_folder:
                break
            keys = await camera.list_folder(folder.key)
        entry = await camera.describe(keys[0], None)
        assert entry is not None
        for operation in (Operation.GetObject, Operation.GetPartialObject, Operation.GetObjectInfo, Operation.GetThumb):
            rig.body.override(operation, endless)
        before = trio.current_time()
        moved = rig.network.moved
        for ask in (
            lambda: camera.read(entry, 0, 1000),
            lambda: camera.describe(entry.key, None),
            lambda: camera.thumbnail(entry),
        ):
            with pytest.raises(errors.CameraError):
                await ask()
        assert rig.network.moved - moved < 64 << 20
        assert trio.current_time() - before < 60
        await camera.aclose()
        assert store.handle == ROOT
