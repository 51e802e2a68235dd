import collections
import dataclasses
import functools
import heapq
import itertools
import json
import re
import struct
import sys
import textwrap
import unicodedata

text = open(sys.argv[1], encoding="utf-8").read()
data = json.load(open(sys.argv[2], encoding="utf-8"))
words = re.findall(r"[a-z]+", text)
for word, count in sorted(collections.Counter(words).items()):
    print(word, count)
print(re.sub(r"(?P<first>\w+), (?P<second>\w+)", r"\g<second>/\g<first>", text)[:400])
print(sum(item["weight"] for item in data), len(json.dumps(data, sort_keys=True, indent=1)))
heap = [hash_ % 1009 for hash_ in range(0, 100_000, 97)]
heapq.heapify(heap)
print([heapq.heappop(heap) for _ in range(10)])


@dataclasses.dataclass(order=True)
class Point:
    x: int
    y: float = 0.5


@functools.lru_cache
def ackermann(m, n):
    return n + 1 if m == 0 else ackermann(m - 1, 1) if n == 0 else ackermann(m - 1, ackermann(m, n - 1))


print(sorted([Point(3), Point(1, 2.0), Point(1)]), ackermann(2, 15))
print(list(itertools.islice(itertools.permutations("abcd"), 5, 9)))
print(struct.pack("<bhiqfd", -1, -2, -3, -4, 1.5, -2.5).hex())
print(textwrap.fill(" ".join(words[:60]), 50), unicodedata.normalize("NFD", "é").encode())


def walk(n):
    if n:
        yield n
        yield from walk(n - 1)


print(sum(walk(300)))
try:
    raise ValueError("inner") from KeyError("cause")
except ValueError as error:
    print(repr(error), repr(error.__cause__))
