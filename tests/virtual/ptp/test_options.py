"""The options of emulated PTP cameras."""

from pathlib import Path

import pytest

from camfs.protocols.ptp.codes import Operation
from camfs.protocols.ptp.datasets import DeviceInfo
from camfs.virtual import PROFILES, emulate
from camfs.virtual.ptp.store import Folder
from tests.virtual.ptp.host import hosted


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("dc119", {}, "dc119"),
        ("sigma-fp", {"colour": "red"}, "colour"),
        ("sigma-fp", {"memory": "/"}, "memory"),
        ("sigma-fp", {"card": "/does/not/exist"}, "card=/does/not/exist: no such folder"),
        ("sigma-fp", {"card": __file__}, "not a folder"),
        ("sigma-fp", {"objects": "many"}, "objects=many"),
        ("sigma-fp", {"objects": "-1"}, "objects"),
        ("sigma-fp", {"objects": "1", "card": "/"}, "objects"),
        ("sigma-fp", {"serial": ""}, "serial"),
        ("sigma-fp", {"bandwidth": "0"}, "bandwidth"),
        ("sigma-fp", {"bandwidth": "fast"}, "bandwidth"),
        ("sigma-fp", {"bandwidth": "nan"}, "bandwidth"),
        ("sigma-fp", {"latency": "-1"}, "latency"),
        ("sigma-fp", {"latency": "inf"}, "latency"),
        ("sigma-fp", {"trace": "/does/not/exist"}, "trace=/does/not/exist: No such file"),
        ("sigma-fp", {"trace": ""}, "trace"),
        ("sigma-fp", {"events": "maybe"}, "events"),
        ("sigma-fp", {"quirks": "max_partial"}, "quirks=max_partial: of split_header"),
        ("sigma-fp", {"packet": "500"}, "packet"),
        ("sigma-fp", {"firmware": "V1"}, "firmware=V1: V84 or V91"),
        ("sigma-fp", {"custom_modes": "both"}, "custom_modes=both: bits or numbers"),
        ("ptp", {"custom_modes": "bits"}, "option custom_modes=bits: this emulated camera has no such option"),
        ("sigma-fp", {"snap_time": "-1"}, "snap_time"),
        ("sigma-fp", {"failures": "af,rain"}, "failures=af,rain: of af, buffer"),
        ("ptp", {"firmware": "V91"}, "option firmware=V91: this emulated camera has no such option"),
        ("ptp", {"operations": "95C1"}, "operations"),
        ("ptp", {"operations": "+"}, "operations"),
        ("ptp", {"operations": "-nothing"}, "operations"),
    ],
)
def test_says_what_is_wrong(model: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        emulate(model, options)


@pytest.mark.parametrize(
    ("options", "firmware"),
    [({}, "V91"), ({"firmware": "5.02"}, "V91"), ({"firmware": "V91"}, "V91"), ({"firmware": "V84"}, "V84")],
)
def test_firmware(options: dict[str, str], firmware: str) -> None:
    assert emulate("sigma-fp", options).sigma.firmware == firmware


async def test_leaves_operations_out() -> None:
    async with hosted("ptp", operations="-95C1,-GetPartialObject, -9805") as (camera, host):
        info = DeviceInfo.decode(await host.data(Operation.GetDeviceInfo))
        without = {0x95C1, 0x101B, 0x9805}
        assert set(PROFILES["ptp"].device_info.operations) - set(info.operations) == without
        for code in without:
            assert (await host.do(code, camera.card.find("DCIM").handle)).code == 0x2005


async def test_lists_more_operations() -> None:
    async with hosted("ptp", operations="+9010,+SnapCommand,-95C1,+1001") as (_, host):
        listed = DeviceInfo.decode(await host.data(Operation.GetDeviceInfo)).operations
        assert listed[-2:] == (0x9010, 0x901B)
        assert listed.count(0x1001) == 1
        assert (await host.do(0x9010)).code == 0x2005


async def test_shows_folders(tmp_path: Path) -> None:
    for name in ("card", "memory"):
        (tmp_path / name / name).mkdir(parents=True)
    async with hosted("ptp", card=str(tmp_path / "card"), memory=str(tmp_path / "memory")) as (_, host):
        names = [(await host.info(handle)).filename for handle in await host.handles()]
    assert sorted(names) == ["card", "memory"]


async def test_makes_objects() -> None:
    async with hosted("sigma-fp", objects="25") as (camera, host):
        folder = camera.card.find("DCIM/100SIGMA")
        assert isinstance(folder, Folder)
        assert len(await host.handles(folder.handle)) == 25


async def test_sends_no_events_when_told_so() -> None:
    async with hosted("ptp", events="off") as (camera, _):
        camera.state.set_property(0x5001, 5)
        assert not camera.state.events


@pytest.mark.parametrize("packet", [64, 512, 1024])
async def test_packets_of_any_size(packet: int) -> None:
    async with hosted("ptp", packet=str(packet)) as (camera, host):
        handle = camera.card.add_file("", "A", bytes(packet - 12)).handle
        assert await host.data(Operation.GetObject, handle) == bytes(packet - 12)
        assert host.transfers[-2:] == [packet, 12]


async def test_has_bad_habits() -> None:
    async with hosted("ptp", quirks="lists_slots,own_parent") as (camera, _):
        assert camera.quirks.lists_slots
        assert camera.quirks.own_parent
        assert not camera.quirks.storage_parent
