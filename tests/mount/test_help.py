"""`.help`: that it names every control file, and says what this camera can do."""

from camfs.cameras.api import Ability
from camfs.mount.controls import Controls, Permits
from camfs.mount.help import HELP, help_text
from tests.cameras.rig import nursery, rigged
from tests.cameras.scripted import ScriptedCamera
from tests.mount.rig import WatchedTree


async def test_every_control_file_is_in_it() -> None:
    async with nursery() as work:
        tree = WatchedTree(ScriptedCamera(), work)
        Controls(tree, "virtual:test").install()
        assert {name.decode() for name in tree.root.control_files} == set(HELP)


async def test_it_tells_what_this_camera_can_do() -> None:
    async with nursery() as work:
        controls = Controls(WatchedTree(ScriptedCamera(), work), "virtual:test", Permits(raw=True))
        lines = (await controls.read_help()).splitlines()
        assert lines[0].startswith("Scripted can: take pictures, ")
        assert "record movies" not in lines[0]
        assert any(line.startswith(".record: (not with this camera) ") for line in lines)
        assert any(line.startswith(".format: (needs -o allow_format) ") for line in lines)
        assert any(line.startswith(".raw: write") for line in lines)
        assert lines[-1] == "rm: deletes on the camera, with -o allow_delete"


async def test_it_can_be_read_while_the_camera_is_gone() -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        camera.gone = True
        text = await Controls(WatchedTree(camera, work), "virtual:test").read_help()
        assert text.startswith("this camera can: ")


async def test_a_ptp_camera_can_do_what_it_lists() -> None:
    async with rigged(operations="-100E,-100F") as rig:
        abilities = rig.camera.abilities()
        assert Ability.CAPTURE not in abilities
        assert Ability.FORMAT not in abilities
        assert {Ability.DELETE, Ability.THUMBNAILS, Ability.SETTINGS, Ability.CLOCK} <= abilities


def test_a_camera_that_can_do_nothing_else() -> None:
    assert help_text("Old", set(), set()).startswith("Old can: be read\n")
