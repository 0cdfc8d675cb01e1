"""The file system: what answers the kernel, and asks a camera in the words of `camfs/cameras/api.py`.

In reading order: `nodes` (a name in the tree), `inodes` (its number), `folder`, `listing`, `file` and `tree` (the camera's side),
`handles` (what is open), `blocks` (the cache), `controls`, `capture`, `events`, `liveview` and `thumbnails` (the control files), `names`,
`failures`, `watchers` (what programs that watch folders are told, by way of `caller` and `system_calls`), then what touches pyfuse3:
`operations` (its handlers; `statfs`, `errnos` and `budget` beside them) and `kernel` (what camfs
asks of the kernel); last comes `run` (the life of a mount, which puts all of them together). What the kernel does and why is in
`README.md`.

The way of a read: ``head -c 1 card/DCIM/A.JPG``
================================================

1.  LOOKUP, for each name that the kernel does not remember. pyfuse3 calls `CameraOperations.lookup` (`operations.py`). It takes the
    folder's node by its number from the `InodeTable` (`inodes.py`) and asks it for the name. `Folder.find` (`folder.py`) has the camera
    list the folder's keys if there is no listing yet (`Camera.list_folder`), and describe one after the other (`Camera.describe`) until
    one has that name; its entry becomes a `File` or `Folder`. The reply holds the attributes, and the kernel holds the node from now
    on.
2.  OPEN. `operations.open` calls `File.open` (`file.py`): writing is refused, the entry is found again if the session was lost since,
    and the answer is a `FileHandle`. It says that the kernel may keep pages. Nothing is fetched yet; only a file whose size the camera
    may have wrong is measured (`Camera.measure`).
3.  READ. The kernel wants whole pages and some more: up to 128 KiB. `operations.read` passes that on to `FileHandle.read`, that to
    `BlockReader.read` and `BlockCache.read` (`blocks.py`). The block is absent, so a task of the cache fetches it, 256 KiB; whoever
    else wants the same block waits for the same fetch.
4.  `File.fetch` makes sure that the key means this file in this session, and calls `Camera.read(entry, offset, size)`. Here the file
    system ends and the driver begins.
5.  The driver (`camfs/cameras/ptp/` for most) waits for its turn on the wire, has `camfs/protocols/ptp/` encode a GetPartialObject, and
    its `session.py` sends it: through `usblink.py` and `camfs/transports/usbpipes.py`, or `iplink.py` and `tcp.py`. The bytes come back
    the same way.
6.  The cache keeps the block and wakes those who wait. A view of it goes back through `FileHandle.read` to pyfuse3, which hands it to
    the kernel. The kernel keeps the pages and gives `head` its byte. A second `head` asks nothing of anyone.
7.  RELEASE. `FileHandle.close`; the last handle of a file calls `Camera.release`, so that a transfer that nobody reads may stop.

All this has to happen within the request's budget of time (`budget.py`); then steps 3 and 4 are cancelled, and the driver brings its wire
back into step.

A failure on the way is a `CameraError` (`camfs/errors.py`), which comes back along the same steps. The decorator `_answers` of the
handler turns it into its errno (`errnos.py`), and its text becomes `last-error` in `.status` (unless it says that the camera, or the
thing, is gone).

On a serial line (`Camera.reads_short`) step 3 is another: the handle says `direct_io`, the kernel passes on what `head` asked for, and
the read goes past the cache to the driver, which answers within about a second with what has come so far.

Where a program reads on, as `cp` does, `BlockReader` fetches ahead of it, and `kernel.Kernel.store` gives the bytes to the kernel before it
asks, so that step 3 is left out for most of the file; what lies behind the program is dropped from the cache.

The way of an event: a picture is taken with the camera's own button
====================================================================

1.  The driver's `listen` hears the camera's event (ObjectAdded), and sends into `Camera.changes` what it means: `FolderChanged` with the
    folder's key, and `Happened` with the picture's.
2.  `Controls.follow` (`controls.py`) takes the changes in order. Of `Happened` `events.line_of` makes a line with the picture's path, for
    which `Tree.find_new` describes it; `EventLog.add` wakes programs that wait in poll(2) for more of `.events`. Everything else goes to
    `Tree.apply` (`tree.py`).
3.  `Tree.apply` marks the folder stale, and has the kernel drop the pages and attributes that it keeps of it: `Kernel.invalidate_inode`
    (`kernel.py`) puts that into a queue, from which a thread calls pyfuse3.
4.  `Watchers` (`watchers.py`) has the new picture told to programs that watch the folder, so that a file manager shows it.
5.  The next `ls` is a READDIR: `operations.readdir` asks the `DirectoryHandle` (`handles.py`) for one node after the other, and that
    the `Folder` for a listing. It is stale, so the keys are listed again. Known keys keep their nodes; the new one alone is described.

The way of a command: ``echo 1 > .capture``
===========================================

1.  LOOKUP finds `.capture` among the root's `control_files`, which are found by name and listed only with `show_control`. OPEN gives a
    `ContentsHandle` (`handles.py`), `direct_io`, so that a write arrives as it was made. The shell's `>` truncates first: a SETATTR
    that `operations.setattr` allows and that does nothing.
2.  WRITE. `operations.write` calls `ContentsHandle.write`, that `ControlFile.write` (`controls.py`), which decodes the text and looks
    into the file's row of `CONTROLS`: `Controls.write_capture`, and so `Shooting.write` (`capture.py`).
3.  `Camera.capture_several` takes the picture and returns the keys of its files once they can be read. On a PTP camera `Capture.take`
    (`camfs/cameras/ptp/capture.py`) sends InitiateCapture and waits for news, which the camera's events bring: `Events.handle`
    (`events.py` beside it) tells `Capture` of each new object, and when the shot is complete, and sends the changes on as above.
4.  For each key `Camera.locate` returns the keys of the folders that lead to it, and `Tree.find_new` describes only those and the file.
    The paths are what `.capture` reads from now on.
5.  write(2) returns. Had the camera refused, it would have failed with that errno, and `.status` would say why.
"""
