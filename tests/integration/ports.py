"""Ports for what starts slowly, as a broker does: below those that the kernel gives to whoever connects, and each for one test only."""
import os
import random
import socket

PORTS = int(os.environ.get("WEIR_TEST_PORTS", 24000))


def claim(port):
    """That no other test, here or beside us, is given it between now and when somebody listens there."""
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        name.bind(f"\0weir-test-port-{port}")
    except OSError:
        name.close()
        raise
    name.detach()  # the name is in the kernel, and goes with this process


def free_port(kind=socket.SOCK_STREAM):
    """One that nobody uses, and the next one too (Kafka's controller has it)."""
    for _ in range(2000):
        port = random.randrange(PORTS, PORTS + 990, 2)
        try:
            with socket.socket(socket.AF_INET, kind) as a, socket.socket(socket.AF_INET, kind) as b:
                a.bind(("127.0.0.1", port))
                b.bind(("127.0.0.1", port + 1))
                claim(port)
                return port
        except OSError:
            continue
    raise RuntimeError("no free port")
