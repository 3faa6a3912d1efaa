#!/usr/bin/env python3
"""Real traffic for scripts/capture-exporters.sh, with nothing but Python's library.

    capture-traffic.py serve ADDRESS...   answers HTTP on port 80 and datagrams on 53 and 443 of these addresses
    capture-traffic.py use ADDRESS...     downloads, uploads and asks, from each given server address, and ends
"""
import http.server
import socket
import sys
import threading
import urllib.request


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        size = int(self.path.strip("/") or 1000)
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(b"w" * size)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def answer(address, port, size):
    # One socket an address: from a wildcard one the answer would leave with the interface's own.
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    s.bind((address, port))
    while True:
        data, peer = s.recvfrom(2048)
        s.sendto(data + b"r" * size, peer)


def serve(addresses):
    for address in addresses:
        threading.Thread(target=answer, args=(address, 53, 120), daemon=True).start()
        threading.Thread(target=answer, args=(address, 443, 1100), daemon=True).start()
    Server(("::", 80), Page).serve_forever()


def ask(address, port, times):
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    s.settimeout(2)
    s.connect((address, port))
    for _ in range(times):
        s.send(b"q" * 40)
        s.recv(2048)
    s.close()


def use(addresses):
    for n, address in enumerate(addresses):
        host = f"[{address}]" if ":" in address else address
        urllib.request.urlopen(f"http://{host}/{20000 * (n + 1)}", timeout=5).read()
        urllib.request.urlopen(f"http://{host}/", data=b"u" * 6000, timeout=5).read()
        ask(address, 53, 1)
        ask(address, 443, 5 + n)
        refused = socket.socket(family(address), socket.SOCK_STREAM)
        try:
            refused.connect((address, 81))
        except OSError:
            pass  # nobody listens there: a flow of SYN and RST is what is wanted
        refused.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2:])
    elif sys.argv[1:2] == ["use"]:
        use(sys.argv[2:])
    else:
        sys.exit(__doc__)
