# SPDX-License-Identifier: GPL-2.0-or-later
"""Cluster frames as somebody on the network sees them: captured and sent again, as they were or changed, from a host
that is no member. IPv4 over Ethernet only: 14 bytes, 20 bytes (no options), 8 bytes UDP, then the frame.
"""

import os
import select
import socket
import struct
import time

ALL = 0x0003  # ETH_P_ALL
PORT = 8116
START = 42
MAGIC = 0x1A90


class Wire:
    def __init__(self, lab, host, device):
        self.socket = lab.socket(host, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
        self.socket.bind((device, ALL))
        self.socket.setblocking(False)

    def capture(self, seconds):
        """Every cluster frame that passes, whole."""
        frames, end = [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.socket], [], [], left)[0]:
                break
            try:
                data, origin = self.socket.recvfrom(4096)
            except BlockingIOError:
                continue
            if origin[2] != socket.PACKET_OUTGOING and is_frame(data):
                frames.append(data)
        return frames

    def send(self, frames):
        for frame in frames:
            while True:
                try:
                    self.socket.send(frame)
                    break
                except BlockingIOError:
                    select.select([], [self.socket], [], 1)

    def close(self):
        self.socket.close()


def is_frame(data):
    return (
        len(data) >= START + 20
        and data[12:14] == b"\x08\x00"
        and data[14] == 0x45
        and data[23] == 17
        and struct.unpack("!H", data[36:38])[0] == PORT
        and struct.unpack("!H", data[START : START + 2])[0] == MAGIC
    )


def sender(frame):
    return struct.unpack("!H", frame[START + 12 : START + 14])[0]


def changed(frame, offset, value):
    """The frame with bytes of its payload replaced; UDP checksum off: only the cluster's own check can object."""
    data = bytearray(frame)
    data[40:42] = b"\0\0"
    data[START + offset : START + offset + len(value)] = value
    return bytes(data)


def cut(frame, length):
    """The frame with only the first bytes of its payload, its length fields in order."""
    data = bytearray(frame[: START + length])
    data[16:18] = struct.pack("!H", 28 + length)
    data[38:40] = struct.pack("!H", 8 + length)
    data[40:42] = b"\0\0"
    data[24:26] = b"\0\0"
    total = sum(struct.unpack("!10H", bytes(data[14:34])))
    total = (total & 0xFFFF) + (total >> 16)
    data[24:26] = struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF)
    return bytes(data)


def noise(frame):
    """The frame with everything after the first 20 bytes random: what somebody without the key can make."""
    size = len(frame) - START - 20
    return changed(frame, 20, os.urandom(size))
