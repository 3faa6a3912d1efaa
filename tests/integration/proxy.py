"""A TCP proxy that cuts connections when it is told to: a network between collector and broker that cannot be trusted."""
import socket
import threading


class Proxy:
    def __init__(self, port, target):
        self.target = target
        self.pairs = set()
        self.lock = threading.Lock()
        self.cuts = 0
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                near.close()
                continue
            with self.lock:
                self.pairs.add((near, far))
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    @staticmethod
    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for s in (source, sink):
            Proxy.end(s)

    @staticmethod
    def end(s):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it has ended before

    def cut(self):
        """All connections that there are, in the middle of whatever they carry."""
        with self.lock:
            pairs, self.pairs = self.pairs, set()
        for pair in pairs:
            self.cuts += 1
            for s in pair:
                self.end(s)
                s.close()

    def close(self):
        """For good, and what is open too."""
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self.listener.close()
        self.cut()
        self.cut()
