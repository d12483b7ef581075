"""What happens in a folder and all below it, as Linux tells it (inotify(7)), at once.

Our own, because nobody else's tells a file that was renamed from one that was made, says which folders it cannot
watch, and tells at once: watchdog holds everything back for half a second behind each file that we put away.
"""

import ctypes
import errno
import os
import select
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

_CREATE, _CLOSE_WRITE, _MOVED_FROM, _MOVED_TO = 0x100, 0x8, 0x40, 0x80
_ONLYDIR, _DONT_FOLLOW, _EXCL_UNLINK = 0x0100_0000, 0x0200_0000, 0x0400_0000
_OVERFLOW, _IGNORED, _ISDIR = 0x4000, 0x8000, 0x4000_0000
_WANTED = _CREATE | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _ONLYDIR | _EXCL_UNLINK
_EVENT = struct.Struct("iIII")
"""Watch, what has happened, cookie, length of the name that follows."""
_BUFFER = 64 * 1024

PASSING = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP)
"""Why a folder inside cannot be watched, where a look has more to say of it."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told, from a thread of its own; each must return at once."""

    changed: Callable[[str | None], None]
    """With a file that was made or closed, or a folder that is new there; with None when events were lost."""
    renamed: Callable[[str], None]
    """With a file that got this name, after it was written elsewhere or under another one."""
    unwatched: Callable[[OSError], None]
    """Why a folder inside is not watched."""


class Events(threading.Thread):
    """Tells of a folder's events from `start` to `stop`.

    Raises:
        OSError: it cannot be watched.
    """

    def __init__(self, folder: str, *, recursive: bool, listener: Listener) -> None:
        super().__init__(name="inotify", daemon=True)
        self._folder = folder
        self._recursive = recursive
        self._listener = listener
        self._watched: dict[int, str] = {}
        self.is_watching = True
        """False once the folder itself, as it was at the beginning, is gone: removed or unmounted."""
        self._descriptor = _checked(_libc().inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))
        try:
            self._stopping = os.eventfd(0, os.EFD_CLOEXEC)
        except OSError:
            os.close(self._descriptor)
            raise
        try:
            self._watch_tree(folder)
        except OSError:
            self._close()
            raise

    def run(self) -> None:
        poll = select.poll()
        for descriptor in (self._descriptor, self._stopping):
            poll.register(descriptor, select.POLLIN)
        while self._stopping not in dict(poll.poll()):
            for watch, what, name in _events_in(os.read(self._descriptor, _BUFFER)):
                self._heed(watch, what, name)

    def stop(self) -> None:
        """Returns when nobody is told any more. Whether it was started or not."""
        if self.ident is not None:
            os.eventfd_write(self._stopping, 1)
            self.join()
        self._close()

    def _close(self) -> None:
        os.close(self._descriptor)
        os.close(self._stopping)

    def _heed(self, watch: int, what: int, name: str) -> None:
        if what & _OVERFLOW:
            self._watch_tree(self._folder)  # new folders may be among what was lost
            self._listener.changed(None)
        elif what & _IGNORED:
            if self._watched.pop(watch, None) == self._folder:
                self.is_watching = False
        elif (folder := self._watched.get(watch)) is not None and name:
            self._tell(what, f"{folder}/{name}")

    def _tell(self, what: int, path: str) -> None:
        if what & _ISDIR:
            if what & _MOVED_FROM:
                self._forget_tree(path)
            else:
                if self._recursive:
                    self._watch_tree(path, self._listener.changed)  # what was in it before it was watched is news, too
                self._listener.changed(path)
        elif what & _MOVED_TO:
            self._listener.renamed(path)
        elif not what & _MOVED_FROM:
            self._listener.changed(path)

    def _watch_tree(self, top: str, found: Callable[[str], None] = lambda _: None) -> None:
        """Each folder is watched before it is listed, so that whatever comes meanwhile is found or told."""
        if not self._watch(top) or not self._recursive:
            return
        for folder, inside, files in os.walk(top):
            for name in files:
                found(f"{folder}/{name}")
            for name in inside:
                path = f"{folder}/{name}"
                if not os.path.islink(path):  # noqa: PTH114 - text, and often
                    self._watch(path)

    def _watch(self, folder: str) -> bool:
        # The inbox alone may be a symbolic link.
        wanted = _WANTED if folder == self._folder else _WANTED | _DONT_FOLLOW
        try:
            watch = _checked(_libc().inotify_add_watch(self._descriptor, os.fsencode(folder), wanted))
        except OSError as error:
            if folder == self._folder:
                if not self._watched:
                    raise
                self.is_watching = False
            if error.errno not in PASSING:
                self._listener.unwatched(error)
            return False
        self._watched[watch] = folder
        return True

    def _forget_tree(self, top: str) -> None:
        """It lies elsewhere now; if that is below our folder, it is told of again."""
        for watch, folder in list(self._watched.items()):
            if folder == top or folder.startswith(f"{top}/"):
                del self._watched[watch]
                _libc().inotify_rm_watch(self._descriptor, watch)


def _events_in(told: bytes) -> Iterator[tuple[int, int, str]]:
    position = 0
    while position < len(told):
        watch, what, _, length = _EVENT.unpack_from(told, position)
        position += _EVENT.size
        yield watch, what, os.fsdecode(told[position : position + length].rstrip(b"\0"))
        position += length


def _checked(answer: int) -> int:
    if answer < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return answer


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
