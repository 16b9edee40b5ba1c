# SPDX-License-Identifier: GPL-2.0-or-later
"""A small SNMPv2c manager: what the commands of net-snmp do not show, the PDUs one by one.

    client = Client(lab.socket(host, AF_INET, SOCK_DGRAM))
    rows = client.bulk([(1, 3, 6, 1, 2)], repetitions=10)      # [(oid, type, value)] as they came in one PDU
    everything = client.walk(root, repetitions=20)             # {oid: (type, value)}; asserts that names increase
"""

import socket

GET, GETNEXT, RESPONSE, GETBULK = 0xA0, 0xA1, 0xA2, 0xA5
INTEGER, STRING, NULL, OID, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
ADDRESS, COUNTER32, GAUGE, TICKS, COUNTER64 = 0x40, 0x41, 0x42, 0x43, 0x46
NO_OBJECT, NO_INSTANCE, END = 0x80, 0x81, 0x82


def tlv(tag, body):
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    head = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(head)]) + head + body


def integer(number):
    return tlv(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def name(oid):
    out = bytearray([oid[0] * 40 + oid[1]])
    for arc in oid[2:]:
        part = [arc & 0x7F]
        while arc > 0x7F:
            arc >>= 7
            part.append(0x80 | arc & 0x7F)
        out += bytes(reversed(part))
    return tlv(OID, bytes(out))


def split(data):
    """[(tag, body)] of what follows one another."""
    found, at = [], 0
    while at < len(data):
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            count = size & 0x7F
            size = int.from_bytes(data[at:at + count], "big")
            at += count
        found.append((tag, data[at:at + size]))
        at += size
    return found


def read_name(body):
    arcs, value = [], 0
    for byte in body[1:]:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(value)
            value = 0
    return (body[0] // 40, body[0] % 40, *arcs)


def read_value(tag, body):
    if tag == INTEGER:
        return int.from_bytes(body, "big", signed=True)
    if tag in (COUNTER32, GAUGE, TICKS, COUNTER64):
        return int.from_bytes(body, "big")
    return read_name(body) if tag == OID else body


class Client:
    def __init__(self, sock, address=("127.0.0.1", 161), community=b"public", timeout=2.0, retries=3):
        self.sock, self.address, self.community, self.retries, self.request = sock, address, community, retries, 0
        sock.settimeout(timeout)
        self.pdus = 0

    def close(self):
        self.sock.close()

    def ask(self, kind, oids, first=0, second=0):
        """[(oid, type, value)] of the answer; an error status raises OSError."""
        self.request += 1
        varbinds = b"".join(tlv(SEQUENCE, name(o) + tlv(NULL, b"")) for o in oids)
        pdu = tlv(kind, integer(self.request) + integer(first) + integer(second) + tlv(SEQUENCE, varbinds))
        message = tlv(SEQUENCE, integer(1) + tlv(STRING, self.community) + pdu)
        for _ in range(self.retries + 1):
            self.sock.sendto(message, self.address)
            try:
                while True:
                    body = split(split(self.sock.recv(65536))[0][1])[2]
                    parts = split(body[1])
                    if body[0] == RESPONSE and read_value(*parts[0]) == self.request:
                        break
            except socket.timeout:
                continue
            self.pdus += 1
            if read_value(*parts[1]) != 0:
                raise OSError(f"SNMP error status {read_value(*parts[1])}")
            pairs = [split(v) for _, v in split(parts[3][1])]
            return [(read_name(n[1]), v[0], read_value(*v)) for n, v in pairs]
        raise OSError("no answer from the SNMP agent")

    def get(self, *oids):
        return self.ask(GET, oids)

    def bulk(self, oids, repetitions=10, non_repeaters=0):
        return self.ask(GETBULK, oids, non_repeaters, repetitions)

    def walk(self, root, repetitions=20):
        """repetitions 0: by GETNEXT."""
        found, at = {}, tuple(root)
        while True:
            rows = self.bulk([at], repetitions) if repetitions else self.ask(GETNEXT, [at])
            for oid, kind, value in rows:
                if kind == END or oid[:len(root)] != tuple(root):
                    return found
                assert oid > at, f"{oid} after {at}"
                found[oid] = (kind, value)
                at = oid
