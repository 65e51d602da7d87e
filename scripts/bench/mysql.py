"""As much of MySQL's protocol as the benches need: statements as text, and the server's counters."""

import hashlib
import socket
import struct
from urllib.parse import urlsplit

MORE_RESULTS = 8
MULTI_STATEMENTS, PROTOCOL_41, SECURE_CONNECTION, CONNECT_WITH_DB, PLUGIN_AUTH = 1 << 16, 1 << 9, 1 << 15, 1 << 3, 1 << 19


class MySqlError(Exception):
    pass


class MySql:
    """A connection to a `mysql://user:password@host:port/database` URL."""

    def __init__(self, url):
        parts = urlsplit(url)
        self.tcp = socket.create_connection((parts.hostname, parts.port or 3306), 30)
        self.tcp.settimeout(300)
        self.received = b''
        greeting = self._packet()
        at = greeting.index(b'\0', 1) + 5
        nonce = greeting[at:at + 8] + greeting[at + 27:at + 39]
        flags = MULTI_STATEMENTS | PROTOCOL_41 | SECURE_CONNECTION | CONNECT_WITH_DB | PLUGIN_AUTH
        proof = _proof(parts.password or '', nonce)
        self._send(1, struct.pack('<IIB23x', flags, 1 << 24, 45) + (parts.username or '').encode() + b'\0' + bytes([len(proof)]) + proof
                   + parts.path[1:].encode() + b'\0mysql_native_password\0')
        answer = self._packet()
        if answer[:1] == b'\xfe':
            self._send(3, _proof(parts.password or '', answer[answer.index(b'\0') + 1:].rstrip(b'\0')))
            answer = self._packet()
        _check(answer)

    def run(self, sql):
        """Runs statements and returns the rows of the last one with a result, as tuples of text."""
        self._send(0, b'\x03' + sql.encode())
        rows = []
        while True:
            first = _check(self._packet())
            if first[0] == 0:
                if not _ok_status(first) & MORE_RESULTS:
                    return rows
                continue
            for _ in range(first[0] + 1):
                self._packet()
            rows = []
            while True:
                packet = _check(self._packet())
                if packet[0] == 0xfe and len(packet) < 9:
                    break
                rows.append(_row(packet))
            if not struct.unpack_from('<H', packet, 3)[0] & MORE_RESULTS:
                return rows

    def questions(self):
        """Statements that the server has got from its clients so far, this one included."""
        return int(self.run("show global status like 'Questions'")[0][1])

    def _send(self, number, body):
        self.tcp.sendall(struct.pack('<I', len(body))[:3] + bytes([number]) + body)

    def _packet(self):
        head = self._bytes(4)
        return self._bytes(int.from_bytes(head[:3], 'little'))

    def _bytes(self, count):
        while len(self.received) < count:
            part = self.tcp.recv(1 << 16)
            if not part:
                raise MySqlError('the server closed the connection')
            self.received += part
        found, self.received = self.received[:count], self.received[count:]
        return found


def _proof(password, nonce):
    if not password:
        return b''
    once = hashlib.sha1(password.encode()).digest()
    mask = hashlib.sha1(nonce + hashlib.sha1(once).digest()).digest()
    return bytes(one ^ other for one, other in zip(once, mask))


def _check(packet):
    if packet[:1] == b'\xff':
        raise MySqlError(packet[3:].decode(errors='replace'))
    return packet


def _number(data, at):
    """A length-encoded integer and where it ends."""
    if data[at] < 0xfb:
        return data[at], at + 1
    size = {0xfc: 2, 0xfd: 3, 0xfe: 8}[data[at]]
    return int.from_bytes(data[at + 1:at + 1 + size], 'little'), at + 1 + size


def _ok_status(packet):
    _, at = _number(packet, 1)
    _, at = _number(packet, at)
    return struct.unpack_from('<H', packet, at)[0]


def _row(packet):
    values, at = [], 0
    while at < len(packet):
        if packet[at] == 0xfb:
            values.append(None)
            at += 1
        else:
            length, at = _number(packet, at)
            values.append(packet[at:at + length].decode(errors='replace'))
            at += length
    return tuple(values)
