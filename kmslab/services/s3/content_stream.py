"""An object, or a range of it, as a stream that opens its chunks while it is read.

No byte is handed out before its chunk was found whole. A long stream has a thread to help it, which
ends with the stream, also with one that was dropped unread. Where the plaintext comes from is the
business of `content_range`.
"""

import io
import threading
import weakref
from queue import SimpleQueue

from kmslab.errors import IntegrityError
from kmslab.services.s3.content_range import ContentRange, Lane

_MIB = 1024 * 1024
# What is opened ahead.
_PIECE = _MIB
# Whoever asks for more than this at once gets it opened straight into the bytes of the answer.
_LARGE = 4 * _MIB
# Two threads open so much together before they meet again.
_WINDOW = 32 * _MIB

_Asked = SimpleQueue[tuple[memoryview, int] | None]
_Done = SimpleQueue[BaseException | None]


class _Helper:
    """A thread that opens what it is asked to, one thing after the other."""

    def __init__(self, asked_for: ContentRange) -> None:
        self._asked: _Asked = SimpleQueue()
        self._done: _Done = SimpleQueue()
        # The thread must not hold the stream, or one that nobody else holds would never go.
        arguments = (Lane(asked_for), self._asked, self._done)
        self._thread = threading.Thread(target=_serve, args=arguments, daemon=True)
        self._thread.start()

    def ask(self, target: memoryview, position: int) -> None:
        self._asked.put((target, position))

    def wait(self) -> BaseException | None:
        """What became of the oldest thing asked: None, or what was raised."""
        return self._done.get()

    def stop(self) -> None:
        self._asked.put(None)

    def join(self) -> None:
        self._thread.join()


def _serve(lane: Lane, asked: _Asked, done: _Done) -> None:
    while job := asked.get():
        problem = None
        try:
            lane.fill(*job)
        except BaseException as raised:
            problem = raised
        # From here on the room is the stream's again.
        del job
        done.put(problem)


class ContentStream:
    """An object, or a range of it, opened while it is read.

    Bytes are opened a piece at a time, into two rooms by turns: while the client takes what is in
    one, the helper fills the other. Where a piece has a chunk that does not open, the way goes on
    chunk by chunk, so that all that comes before that one is still delivered.
    """

    def __init__(self, asked_for: ContentRange) -> None:
        self._range = asked_for
        self._position = asked_for.start
        self._lane = Lane(asked_for)
        self._helper: _Helper | None = None
        self._rooms: dict[int, memoryview] = {}
        self._opened_at, self._opened = self._position, memoryview(b"")
        # The number of the piece that the helper was asked for.
        self._ahead: int | None = None
        self._is_careful = False
        self._is_closed = False
        self._give_back = [weakref.finalize(self, asked_for.files.close)]
        try:
            self._open(self._position, asked_for.end_of_chunk(self._position))
        except BaseException:
            self.close()
            raise

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes. Raises IntegrityError where one of them rests in a chunk that is not
        what was stored, ValueError once this is closed."""
        if self._is_closed:
            raise ValueError("read of a closed stream")
        left = self._range.end - self._position
        wanted = left if size < 0 else min(size, left)
        if size < 0 or wanted > _LARGE:
            taken = self._read_large(wanted)
        else:
            taken = self._read_pieces(wanted)
        self._position += wanted
        if wanted == left:
            self._release()
        return taken

    def close(self) -> None:
        self._is_closed = True
        self._release()
        if self._helper:
            self._helper.join()

    def _release(self) -> None:
        for give_back in self._give_back:
            give_back()

    def _at_hand(self, position: int, end: int) -> memoryview:
        """What is opened already of the bytes from `position` to `end`, without a gap."""
        inside = position - self._opened_at
        return self._opened[inside : end - self._opened_at] if inside >= 0 else memoryview(b"")

    # --- Piece by piece -------------------------------------------------------------------

    def _read_pieces(self, wanted: int) -> bytes:
        parts, position = [], self._position
        end = position + wanted
        while position < end:
            if not self._at_hand(position, end):
                self._advance(position)
            parts.append(bytes(self._at_hand(position, end)))
            position += len(parts[-1])
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _advance(self, position: int) -> None:
        """Have opened what comes at `position`: the rest of its piece or, in need, of its chunk."""
        number = (position - self._range.start) // _PIECE
        if self._was_opened_ahead(number):
            begin, end = self._piece(number)
            self._opened_at, self._opened = begin, self._room(begin, end)
            self._look_ahead(number + 1)
            return
        if not self._is_careful:
            self._look_ahead(number + 1)
            try:
                return self._open(position, self._piece(number)[1])
            except IntegrityError:
                self._is_careful = True
        self._open(position, self._range.end_of_chunk(position))

    def _open(self, position: int, end: int) -> None:
        """Open the bytes from `position` to `end`, which are of one piece."""
        room = self._room(position, end)
        self._lane.fill(room, position)
        self._opened_at, self._opened = position, room

    def _room(self, position: int, end: int) -> memoryview:
        number, inside = divmod(position - self._range.start, _PIECE)
        room = self._rooms.get(number % 2)
        if room is None:
            begin, end_of_piece = self._piece(number)
            room = self._rooms[number % 2] = memoryview(bytearray(end_of_piece - begin))
        return room[inside : inside + end - position]

    def _piece(self, number: int) -> tuple[int, int]:
        """Where piece `number` begins and ends; the range begins with piece 0."""
        begin = self._range.start + number * _PIECE
        return begin, min(begin + _PIECE, self._range.end)

    def _look_ahead(self, number: int) -> None:
        begin, end = self._piece(number)
        if end - begin == _PIECE or (self._helper and begin < end):
            self._helping().ask(self._room(begin, end), begin)
            self._ahead = number

    def _was_opened_ahead(self, number: int) -> bool:
        """Wait for the helper, if it was asked, and say whether it opened just this piece."""
        asked, self._ahead = self._ahead, None
        return asked is not None and self._helping().wait() is None and asked == number

    # --- All at once ----------------------------------------------------------------------

    def _read_large(self, wanted: int) -> bytes:
        """Bytes opened to where the client gets them: new memory costs more than the cipher, and
        BytesIO gives its bytes away without a copy."""
        content = io.BytesIO(bytes(wanted))
        # What was asked ahead is asked again; the helper must be free.
        self._was_opened_ahead(-1)
        with content.getbuffer() as target:
            at_hand = self._at_hand(self._position, self._position + wanted)
            target[: len(at_hand)] = at_hand
            for at in range(len(at_hand), wanted, _WINDOW):
                self._open_together(target[at : at + _WINDOW], self._position + at)
        return content.getvalue()

    def _open_together(self, target: memoryview, position: int) -> None:
        """Fill `target`; the helper does the second half of a long one."""
        half = len(target) // 2
        if half < _PIECE:
            return self._lane.fill(target, position)
        half = self._range.end_of_chunk(position + half) - position
        self._helping().ask(target[half:], position + half)
        try:
            self._lane.fill(target[:half], position)
        finally:
            problem = self._helping().wait()
        if problem:
            raise problem

    def _helping(self) -> _Helper:
        if self._helper is None:
            self._helper = _Helper(self._range)
            self._give_back.append(weakref.finalize(self, self._helper.stop))
        return self._helper
