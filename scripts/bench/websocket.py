"""HTTP and WebSocket clients that take little of the processor: they share the machine with what they measure."""

import asyncio
import base64
import json
import os
import socket
import struct
import time

PATIENCE = 60


class Refused(Exception):
    """An answer that is not the expected one."""


class Http:
    """One kept-alive connection, blocking: nothing else happens while a request is timed."""

    def __init__(self, port):
        self.port = port
        self.tcp = None
        self.headers = {}

    def request(self, method, path, body=None, expect=(200, 201, 204)):
        """Returns the bytes of the answer."""
        data = b'' if body is None else json.dumps(body).encode()
        lines = [f'{method} {path} HTTP/1.1', f'Host: 127.0.0.1:{self.port}', f'Content-Length: {len(data)}']
        lines += [f'{name}: {value}' for name, value in self.headers.items()]
        if data:
            lines.append('Content-Type: application/json')
        if self.tcp is None:
            self.tcp = socket.create_connection(('127.0.0.1', self.port), PATIENCE)
            self.tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tcp.sendall('\r\n'.join(lines).encode() + b'\r\n\r\n' + data)
        status, answer = self._answer()
        if status not in expect:
            raise Refused(f'{method} {path}: {status} {answer[:200]!r}')
        return answer

    def _answer(self):
        received = self.tcp.recv(1 << 18)
        while received and b'\r\n\r\n' not in received:
            received += self.tcp.recv(1 << 18)
        head, _, body = received.partition(b'\r\n\r\n')
        if not head:
            raise Refused('the server closed the connection')
        status = int(head[9:12])
        length = next((int(line[15:]) for line in head.split(b'\r\n') if line[:15].lower() == b'content-length:'), None)
        if length is None:
            if status == 204:
                return status, b''
            raise Refused(f'an answer without length: {head!r}')
        parts = [body]
        left = length - len(body)
        while left > 0:
            part = self.tcp.recv(1 << 18)
            if not part:
                raise Refused('the server closed the connection')
            parts.append(part)
            left -= len(part)
        return status, b''.join(parts)

    def close(self):
        if self.tcp is not None:
            self.tcp.close()


class WebSocket(asyncio.Protocol):
    """RFC 6455 without extensions. Texts go to `heard`, or wait in a queue for `until`."""

    def __init__(self, request, accepted):
        self.request = request
        self.accepted = accepted
        self.buffer = b''
        self.is_open = False
        self.heard = None
        self.lost = None
        self.texts = asyncio.Queue()
        self.transport = None

    @classmethod
    async def connect(cls, port, path, headers=(), protocol=None):
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f'GET {path} HTTP/1.1', f'Host: 127.0.0.1:{port}', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
                 f'Sec-WebSocket-Key: {key}', *(f'{name}: {value}' for name, value in headers)]
        if protocol:
            lines.append(f'Sec-WebSocket-Protocol: {protocol}')
        loop = asyncio.get_running_loop()
        accepted = loop.create_future()
        request = ('\r\n'.join(lines) + '\r\n\r\n').encode()
        _, opened = await loop.create_connection(lambda: cls(request, accepted), '127.0.0.1', port)
        await asyncio.wait_for(accepted, PATIENCE)
        return opened

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.request)

    def connection_lost(self, error):
        self.lost = error or ConnectionError('the server closed the socket')
        if not self.accepted.done():
            self.accepted.set_exception(self.lost)

    def data_received(self, data):
        data = self.buffer + data if self.buffer else data
        if not self.is_open:
            head, end, rest = data.partition(b'\r\n\r\n')
            if not end:
                self.buffer = data
                return
            if b' 101 ' not in head[:16]:
                self.accepted.set_exception(Refused(head[:200]))
                return
            self.is_open, data = True, rest
            self.accepted.set_result(None)
        at, size = 0, len(data)
        while size - at >= 2:
            length, body = data[at + 1] & 127, at + 2
            if length == 126:
                if size - at < 4:
                    break
                length, body = data[at + 2] << 8 | data[at + 3], at + 4
            elif length == 127:
                if size - at < 10:
                    break
                length, body = int.from_bytes(data[at + 2:at + 10], 'big'), at + 10
            if size - body < length:
                break
            kind, at = data[at] & 15, body + length
            text = data[body:at]
            if kind == 9:
                self._frame(10, text)
            elif kind < 3:
                if self.heard is not None:
                    self.heard(text)
                else:
                    self.texts.put_nowait(text)
        self.buffer = data[at:]

    def send(self, text):
        self._frame(1, text.encode())

    def _frame(self, kind, data):
        length = len(data)
        size = bytes([0x80 | length]) if length < 126 else b'\xfe' + struct.pack('>H', length)
        # A mask of zeros leaves the data as it is.
        self.transport.write(bytes([0x80 | kind]) + size + b'\0\0\0\0' + data)

    async def until(self, part):
        """Waits for a text with this part and drops those before it."""
        while True:
            text = await asyncio.wait_for(self.texts.get(), PATIENCE)
            if part in text:
                return text

    def close(self):
        self.transport.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def wait_for_port(port, alive):
    """Waits until somebody listens, as long as `alive()`."""
    end = time.monotonic() + PATIENCE
    while alive() and time.monotonic() < end:
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            return True
        except OSError:
            time.sleep(0.1)
    return False
