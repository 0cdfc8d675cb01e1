"""The handlers that refuse whatever they are asked: nothing can be made in a store, and there are no links and extended attributes.

Those of extended attributes answer ENOSYS, after which the kernel never asks again for as long as the mount lives; no other may.
"""

import errno
from collections.abc import Sequence

import pyfuse3
from pyfuse3 import EntryAttributes, FileInfo, FileNameT, FlagT, FUSEError, InodeT, ModeT, RequestContext, XAttrNameT


class RefusingOperations(pyfuse3.Operations):
    """What `operations.CameraOperations` need not answer itself."""

    async def readlink(self, inode: InodeT, ctx: RequestContext) -> FileNameT:
        """There are no symbolic links."""
        raise FUSEError(errno.EINVAL)

    async def symlink(
        self, parent_inode: InodeT, name: FileNameT, target: FileNameT, ctx: RequestContext
    ) -> EntryAttributes:
        """Nothing can be written into a store."""
        raise FUSEError(errno.EROFS)

    async def link(
        self, inode: InodeT, new_parent_inode: InodeT, new_name: FileNameT, ctx: RequestContext
    ) -> EntryAttributes:
        """Nothing can be written into a store."""
        raise FUSEError(errno.EROFS)

    async def create(
        self, parent_inode: InodeT, name: FileNameT, mode: ModeT, flags: FlagT, ctx: RequestContext
    ) -> tuple[FileInfo, EntryAttributes]:
        """Nothing can be written into a store."""
        raise FUSEError(errno.EROFS)

    # extended attributes: there are none, on vfat neither; programs ask for them twice for each file that they list or copy

    async def getxattr(self, inode: InodeT, name: XAttrNameT, ctx: RequestContext) -> bytes:
        """Answer that nobody need ask."""
        raise FUSEError(errno.ENOSYS)

    async def listxattr(self, inode: InodeT, ctx: RequestContext) -> Sequence[XAttrNameT]:
        """Answer that nobody need ask."""
        raise FUSEError(errno.ENOSYS)

    async def setxattr(self, inode: InodeT, name: XAttrNameT, value: bytes, ctx: RequestContext) -> None:
        """Answer that nobody need ask."""
        raise FUSEError(errno.ENOSYS)

    async def removexattr(self, inode: InodeT, name: XAttrNameT, ctx: RequestContext) -> None:
        """Answer that nobody need ask."""
        raise FUSEError(errno.ENOSYS)
