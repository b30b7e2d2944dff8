"""An HTTP server, as a program, that fails by plan and writes down all that it gets.

``receiver.py PORT RECORD PLAN [CERTIFICATE KEY]``: each request takes the next word of the plan,
``500`` or another status, ``reset``, ``slow`` or ``moved``; behind its end all are taken.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    plan: list[str]
    record: str
    lock = threading.Lock()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        with self.lock:
            step = self.plan.pop(0) if self.plan else "204"
            with open(self.record, "a") as file:
                asked = {"step": step, "path": self.path, "headers": dict(self.headers)}
                print(json.dumps({**asked, "body": body}), file=file)
        if step == "reset":
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
            self.close_connection = True
        elif step == "slow":
            time.sleep(3600)
        else:
            self.answer(302 if step == "moved" else int(step))

    def answer(self, status: int) -> None:
        self.send_response(status)
        if status == 302:
            self.send_header("location", "/elsewhere")
        if status != 204:
            self.send_header("content-length", "5")
        self.end_headers()
        if status != 204:
            self.wfile.write(b"words")

    def log_message(self, *_args: object) -> None:
        """What there is to say, the record says."""


def main(port: str, record: str, plan: str, *pair: str) -> None:
    Receiver.plan, Receiver.record = plan.split(), record
    server = ThreadingHTTPServer(("127.0.0.1", int(port)), Receiver)
    server.daemon_threads = True
    if pair:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print(f"receives on {server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
