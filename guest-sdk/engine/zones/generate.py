#!/usr/bin/env python3
"""Writes zones.bin, the engine's table of time zones, from compiled zone files (`TZif`), and checks it against them.

    generate.py [/usr/share/zoneinfo]

All numbers are little-endian:

    magic "TZ01" · names u16 · zones u16 · offsets u16
    per name, sorted: start of its text u16, length u8, zone u16
    per zone: start u32, among the zones' records
    per offset: seconds i32                     every offset from UTC that occurs
    length of the texts u16, texts
    records: first offset u16, transitions u16, per transition: Unix time i40, offset u16, then the rule for what follows:
        standard offset u16, summer time u8 (0: none); if there is: summer offset u16, then for begin and end:
        month u8, week u8 (5: the last), day u8 (Sunday is 0), seconds after local midnight i32

    Offsets are numbers of the table of offsets.

The time zone database is in the public domain.
"""

import bisect
import os
import random
import re
import struct
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

DAY = 86400
EPOCH = datetime(1970, 1, 1)
NOT_ZONES = {"localtime", "posixrules", "Factory", "leapseconds"}


def read(path):
    """First offset, transitions as (time, offset), footer."""
    data = open(path, "rb").read()
    at = 0
    for width, code in ((4, "l"), (8, "q")):
        isut, isstd, leap, times, types, chars = struct.unpack(">6l", data[at + 20 : at + 44])
        at += 44
        when = struct.unpack(f">{times}{code}", data[at : at + width * times])
        at += width * times
        kind = data[at : at + times]
        at += times
        offsets = [struct.unpack(">lBB", data[at + 6 * i : at + 6 * i + 6])[0] for i in range(types)]
        at += 6 * types + chars + leap * (width + 4) + isstd + isut
    transitions, last = [], offsets[0]
    for time, index in zip(when, kind):
        if offsets[index] != last:
            last = offsets[index]
            transitions.append((time, last))
    return offsets[0], transitions, data[at:].decode().strip()


def rule(footer):
    """(standard, None) or (standard, (summer, begin, end)) of a POSIX TZ text."""
    name, time = r"(?:<[^>]+>|[A-Za-z]+)", r"([+-]?\d+(?::\d+){0,2})"
    change = r",M(\d+)\.(\d)\.(\d)(?:/" + time + ")?"
    found = re.fullmatch(f"{name}{time}(?:{name}{time}?{change}{change})?", footer)
    if not found:
        raise SystemExit(f"a footer of another form: {footer}")
    standard, summer, *rest = found.groups()
    standard = -seconds(standard)
    if rest[0] is None:
        return standard, None
    summer = standard + 3600 if summer is None else -seconds(summer)
    changes = [
        (int(rest[i]), int(rest[i + 1]), int(rest[i + 2]), 7200 if rest[i + 3] is None else seconds(rest[i + 3]))
        for i in (0, 4)
    ]
    return standard, (summer, *changes)


def seconds(text):
    sign = -1 if text.startswith("-") else 1
    parts = [int(part) for part in text.lstrip("+-").split(":")] + [0, 0]
    return sign * (parts[0] * 3600 + parts[1] * 60 + parts[2])


def local_change(year, change):
    month, week, day, after = change
    first = datetime(year, month, 1)
    shift = (day - (first.weekday() + 1)) % 7 + (week - 1) * 7
    date = first + timedelta(days=shift)
    if date.month != month:
        date -= timedelta(days=7)
    return (date - EPOCH).days * DAY + after


def by_rule(parsed, time):
    standard, summer = parsed
    if summer is None:
        return standard
    offset, begin, end = summer
    year = (EPOCH + timedelta(seconds=time + standard)).year
    start = local_change(year, begin) - standard
    stop = local_change(year, end) - offset
    inside = start <= time < stop if start < stop else not stop <= time < start
    return offset if inside else standard


def slim(first, transitions, parsed):
    """Without the last transitions, as far as the rule says the same."""
    while transitions:
        time, offset = transitions[-1]
        since = transitions[-2][0] if len(transitions) > 1 else None
        before = transitions[-2][1] if len(transitions) > 1 else first
        if since is None or by_rule(parsed, time) != offset:
            break
        samples = [since, *range(since, time, DAY), time - 1]
        if any(by_rule(parsed, sample) != before for sample in samples):
            break
        transitions = transitions[:-1]
    return transitions


def lookup(zone, time):
    first, transitions, parsed = zone
    at = bisect.bisect_right([when for when, _ in transitions], time)
    if at == len(transitions):
        return by_rule(parsed, time) if transitions or parsed[1] else parsed[0]
    return transitions[at - 1][1] if at else first


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "/usr/share/zoneinfo"
    zones, names = [], {}
    for directory, _, files in os.walk(root):
        for file in files:
            path = os.path.join(directory, file)
            name = os.path.relpath(path, root)
            if name.split("/")[0] in ("posix", "right") or name in NOT_ZONES or open(path, "rb").read(4) != b"TZif":
                continue
            first, transitions, footer = read(path)
            parsed = rule(footer)
            names[name] = (first, tuple(slim(first, transitions, parsed)), parsed)
    zones = sorted(set(names.values()), key=repr)
    offsets = sorted({offset for zone in zones for offset in (
        zone[0], zone[2][0], *([zone[2][1][0]] if zone[2][1] else []), *(offset for _, offset in zone[1]))})

    texts, rows, starts, records = b"", b"", b"", b""
    for name in sorted(names, key=str.encode):
        rows += struct.pack("<HBH", len(texts), len(name), zones.index(names[name]))
        texts += name.encode()
    for first, transitions, (standard, summer) in zones:
        starts += struct.pack("<I", len(records))
        records += struct.pack("<HH", offsets.index(first), len(transitions))
        for time, offset in transitions:
            records += struct.pack("<q", time)[:5] + struct.pack("<H", offsets.index(offset))
        records += struct.pack("<HB", offsets.index(standard), summer is not None)
        if summer:
            records += struct.pack("<H", offsets.index(summer[0]))
            for month, week, day, after in summer[1:]:
                records += struct.pack("<BBBi", month, week, day, after)
    head = b"TZ01" + struct.pack("<HHH", len(names), len(zones), len(offsets))
    table = head + rows + starts + struct.pack(f"<{len(offsets)}i", *offsets) + struct.pack("<H", len(texts)) + texts
    target = os.path.join(os.path.dirname(os.path.abspath(__file__)), "zones.bin")
    open(target, "wb").write(table + records)

    chance = random.Random(1)
    for name, zone in names.items():
        for _ in range(300):
            time = chance.randrange(-5 * 10**9, 8 * 10**9)
            moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=time)
            expected = int(moment.astimezone(ZoneInfo(name)).utcoffset().total_seconds())
            assert lookup(zone, time) == expected, (name, time, lookup(zone, time), expected)
    total = sum(len(zone[1]) for zone in zones)
    print(f"{len(names)} names, {len(zones)} zones, {total} transitions, {len(table + records)} bytes")


main()
