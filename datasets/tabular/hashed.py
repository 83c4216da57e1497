"""The compiled loops behind `Coder`: hash tables that stay between blocks, whole numbers and texts compared exactly."""

import numpy as np
from numba import njit

# A table has slots, a power of two of them, at most half full. Of whole numbers, [size, 2]: the number, its code + 1
# (0: free). Of texts, [size, 4]: the hash, the code + 1, where its bytes start, how many they are.


@njit(nogil=True, cache=True)
def _mixed(value):
    """The finaliser of splitmix64."""
    h = np.uint64(value)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))


@njit(nogil=True, cache=True)
def code_numbers(column, there, slots, known, count, out):
    """Writes the code of each number of `column` [n] to `out`, -1 where `there` is False; new ones are appended to
    `known`. Returns how many are known then. `slots` must have room for n more."""
    mask = np.uint64(len(slots) - 1)
    for row in range(len(column)):
        if not there[row]:
            out[row] = -1
            continue
        value = column[row]
        place = _mixed(value) & mask
        while slots[place, 1] and slots[place, 0] != value:
            place = (place + np.uint64(1)) & mask
        if not slots[place, 1]:
            known[count] = value
            count += 1
            slots[place, 0], slots[place, 1] = value, count
        out[row] = slots[place, 1] - 1
    return count


# places in bytes are unsigned: a signed one might count from the end, which costs a test for each byte
_1, _8 = np.uint64(1), np.uint64(8)


@njit(nogil=True, cache=True)
def _word(data, at):
    """Eight bytes as one number: the compiler makes it one load."""
    word = np.uint64(0)
    for place in range(8):
        word |= np.uint64(data[at + np.uint64(place)]) << np.uint64(8 * place)
    return word


@njit(nogil=True, cache=True)
def _tail(data, at, end):
    """The last bytes, fewer than eight, as one number."""
    word = np.uint64(0)
    while at < end:
        word = (word << _8) | np.uint64(data[at])
        at += _1
    return word


@njit(nogil=True, cache=True)
def _hash(data, start, end):
    h = end - start
    while start + _8 <= end:
        h = _mixed(h ^ _word(data, start)) + np.uint64(0x9E3779B97F4A7C15)
        start += _8
    return _mixed(h ^ _tail(data, start, end))


@njit(nogil=True, cache=True)
def _same(one, start, end, other, first):
    while start + _8 <= end:
        if _word(one, start) != _word(other, first):
            return False
        start += _8
        first += _8
    return _tail(one, start, end) == _tail(other, first, first + end - start)


@njit(nogil=True, cache=True)
def _copy(one, start, end, other, first):
    while start < end:
        other[first] = one[start]
        start += _1
        first += _1


@njit(nogil=True, cache=True)
def code_texts(starts, data, there, slots, known_starts, known_data, count, out):
    """The same for texts, the bytes data[starts[row]:starts[row + 1]]; new ones are appended to `known_data`."""
    mask = np.uint64(len(slots) - 1)
    for row in range(len(starts) - 1):
        if not there[row]:
            out[row] = -1
            continue
        start, end = np.uint64(starts[row]), np.uint64(starts[row + 1])
        h = _hash(data, start, end)
        value, size = np.int64(h), np.int64(end - start)
        place = h & mask
        while slots[place, 1]:
            if (
                slots[place, 0] == value
                and slots[place, 3] == size
                and _same(data, start, end, known_data, np.uint64(slots[place, 2]))
            ):
                break
            place = (place + _1) & mask
        if not slots[place, 1]:
            first = known_starts[count]
            _copy(data, start, end, known_data, np.uint64(first))
            count += 1
            known_starts[count] = first + size
            slots[place, 0], slots[place, 1], slots[place, 2], slots[place, 3] = value, count, first, size
        out[row] = slots[place, 1] - 1
    return count


@njit(nogil=True, cache=True)
def resized(slots, size):
    """The same entries in a table of another size."""
    width = slots.shape[1]
    larger = np.zeros((size, width), np.int64)
    mask = np.uint64(size - 1)
    for old in range(len(slots)):
        if slots[old, 1]:
            h = np.uint64(slots[old, 0]) if width == 4 else _mixed(slots[old, 0])
            place = h & mask
            while larger[place, 1]:
                place = (place + np.uint64(1)) & mask
            larger[place] = slots[old]
    return larger


@njit(nogil=True, cache=True)
def mix_in(state, column):
    """Takes a column of 64 bits into the hash of each row, uint64 [n]."""
    for row in range(len(state)):
        state[row] = _mixed((state[row] ^ np.uint64(column[row])) + np.uint64(0x9E3779B97F4A7C15))
