# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests without a client program's start-up time: one SNMP SET as bytes, one line on the control socket."""

import json
import socket


def ber(tag, content):
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x82, size >> 8, size & 255])
    return bytes([tag]) + length + content


def ber_integer(value):
    return ber(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def ber_oid(text):
    numbers = [int(n) for n in text.split(".")]
    out = bytearray([numbers[0] * 40 + numbers[1]])
    for n in numbers[2:]:
        part = [n & 127]
        while n := n >> 7:
            part.append(n & 127 | 128)
        out += bytes(reversed(part))
    return ber(6, bytes(out))


class SnmpSetter:
    """SNMPv2c SETs of one integer from a host to an agent."""

    def __init__(self, lab, host, address, community="private"):
        self.socket = lab.socket(host, socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(5)
        self.socket.connect((address, 161))
        self.community, self.number = community.encode(), 0

    def set(self, oid, value):
        """Returns the error status of the answer (0: done)."""
        self.number += 1
        binding = ber(0x30, ber(0x30, ber_oid(oid) + ber_integer(value)))
        pdu = ber(0xA3, ber_integer(self.number) + ber_integer(0) + ber_integer(0) + binding)
        self.socket.send(ber(0x30, ber_integer(1) + ber(4, self.community) + pdu))
        answer = self.socket.recv(2000)
        pdu = answer[answer.index(self.community) + len(self.community) :]
        at = 2 if pdu[1] < 128 else 2 + (pdu[1] & 127)
        at += 2 + pdu[at + 1]  # the request's number
        return pdu[at + 2]

    def close(self):
        self.socket.close()


def control(path, **request):
    """One request on the control socket; the answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(10)
        s.connect(path)
        s.sendall(json.dumps(request).encode() + b"\n")
        text = b""
        while not text.endswith(b"\n"):
            part = s.recv(65536)
            if not part:
                break
            text += part
    return json.loads(text)
