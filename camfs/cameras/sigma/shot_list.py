"""What the folder `imagedb` lists: files of shots that the camera holds, and whole files of the spool, each under a key of its own.

A file keeps its key as long as it is listed, whoever has its bytes. No key is ever used for another file, even if it has the same name.
"""

import itertools
import logging
from collections.abc import Collection

from camfs import errors
from camfs.cameras.api import Entry, Key
from camfs.cameras.sigma.exposure import Exposure, FileEvent, FileState, ShotFile
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.cameras.tethered.file_names import safe_name
from camfs.cameras.tethered.shot_key import ImageKey
from camfs.cameras.tethered.spool import Spool
from camfs.protocols.sigma.records import Movie, Picture

log = logging.getLogger(__name__)


class ShotList:
    """The listed files.

    Args:
        operations: the camera's.
        spool: its whole files are listed.

    Attributes:
        files: by key, in the order in which they were listed.
    """

    def __init__(self, operations: SigmaOperations, spool: Spool) -> None:
        self.files: dict[ImageKey, ShotFile] = {}
        self._operations = operations
        self._spool = spool
        self._numbers = itertools.count(1)

    def file(self, key: Key) -> ShotFile:
        """Return a file.

        Raises:
            NotFound: it is not listed any more.
        """
        file = self.files.get(key) if isinstance(key, ImageKey) else None
        if file is None:
            raise errors.NotFound("this file is not in imagedb any more")
        return file

    def describe(self, key: Key) -> Entry:
        """Describe a file.

        Raises:
            NotFound: it is not listed any more.
        """
        file = self.file(key)
        return Entry(
            file.key,
            file.key.name,
            str(file.key.number),
            False,
            file.size,
            mtime_ns=file.mtime_ns,
            is_picture=not file.is_movie,
            is_local=True,
        )

    def drop(self, file: ShotFile) -> None:
        """Do not list a file any more."""
        self.files.pop(file.key, None)

    def add(self, record: Picture | Movie, mtime_ns: int, exposure: Exposure, others: Collection[str]) -> None:
        """List a file of an exposure under a name that no listed file, no file of the spool and none of `others` has."""
        names = {*others, *(key.name for key in self.files)}
        key = ImageKey(self._spool.free_name(safe_name(record.name), names), next(self._numbers))
        file = ShotFile(self._operations, self._spool, key, record.size, mtime_ns, record=record, exposure=exposure)
        exposure.files.append(file)
        self.files[key] = file

    def follow_spool(self) -> bool:
        """List the files of the spool, and no others that the spool should have; return whether the list has changed."""
        before = list(self.files)
        listed = {key.name for key in self.files}
        for name, stored in self._spool.files.items():
            if name not in listed:
                key = ImageKey(name, next(self._numbers))
                self.files[key] = ShotFile(
                    self._operations, self._spool, key, stored.size, stored.mtime_ns, FileState.SAFE
                )
        for key, file in list(self.files.items()):
            if file.state is FileState.SAFE and key.name not in self._spool.files:
                if file.can_be_fetched_again:
                    file.note(FileEvent.SPOILED)
                    continue
                log.warning("%s is not in the spool any more", key.name)
                del self.files[key]
        return before != list(self.files)
