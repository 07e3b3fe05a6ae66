"""HTTP by hand over one socket, for what a well-behaved client cannot send or does not show."""

import socket
from dataclasses import dataclass


@dataclass
class RawAnswer:
    status_line: bytes
    headers: list  # of (lower-case name, value), in order
    body: bytes

    @property
    def status(self):
        return int(self.status_line.split()[1])

    def header(self, name):
        found = [value for key, value in self.headers if key == name]
        assert len(found) <= 1, found
        return found[0] if found else None


class RawConnection:
    def __init__(self, port, timeout=30):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data)

    def request(self, method, path, body=None, headers=()):
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
        lines += [f"{name}: {value}" for name, value in headers]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))
        return self.read_answer(method)

    def _read_more(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise EOFError("the server closed the connection")
        self.buffer += piece

    def _take_until(self, mark):
        while mark not in self.buffer:
            self._read_more()
        head, self.buffer = self.buffer.split(mark, 1)
        return head

    def _take(self, count):
        while len(self.buffer) < count:
            self._read_more()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def read_head(self):
        lines = self._take_until(b"\r\n\r\n").split(b"\r\n")
        headers = []
        for line in lines[1:]:
            name, value = line.split(b":", 1)
            headers.append((name.decode().lower(), value.strip().decode("latin-1")))
        return RawAnswer(lines[0], headers, b"")

    def read_answer(self, method="GET"):
        answer = self.read_head()
        if method == "HEAD" or answer.status in (204, 304) or answer.status < 200:
            return answer
        length = answer.header("content-length")
        if length is not None:
            answer.body = self._take(int(length))
        elif answer.header("transfer-encoding") == "chunked":
            answer.body = b"".join(self.read_chunks())
        return answer

    def read_chunks(self):
        while True:
            size = int(self._take_until(b"\r\n").split(b";")[0], 16)
            piece = self._take(size)
            assert self._take(2) == b"\r\n"
            if size == 0:
                return
            yield piece

    def is_closed_by_server(self, timeout=30):
        """Waits for the end of the connection; reads and drops what comes before."""
        self.socket.settimeout(timeout)
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
