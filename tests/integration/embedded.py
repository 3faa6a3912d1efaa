"""weir-embedded as the tests use it: on free ports, asked in SQL."""
import json
import subprocess
import urllib.request

from harness import BIN, ROOT, Program, free_port, get, wait_until


class Embedded(Program):
    def __init__(self, *options):
        self.http, kafka = free_port(), free_port()
        self.brokers = f"127.0.0.1:{kafka}"
        super().__init__(f"{BIN}/weir-embedded", "--addr", f"localhost:{self.http}", "--kafka.addr",
                         f"localhost:{kafka}", *options, cwd=ROOT)
        wait_until(self.ready, lambda: f"weir-embedded answers\n{self.err}", 60)

    def ready(self):
        if not self.alive:
            raise AssertionError(f"weir-embedded ended: {self.err}")
        return get(f"http://127.0.0.1:{self.http}/ping") == "Ok.\n"

    def close(self):
        """Ends by itself, so that its temporary folder goes too."""
        if self.alive:
            try:
                self.terminate()
            except subprocess.TimeoutExpired:
                pass
        super().close()

    def query(self, sql):
        """Rows as lists."""
        url = f"http://127.0.0.1:{self.http}/?default_format=JSONCompact&output_format_json_quote_64bit_integers=0"
        with urllib.request.urlopen(url, data=sql.encode(), timeout=120) as r:
            text = r.read().decode()
        return json.loads(text)["data"] if text.strip() else []

    def lag(self):
        return json.loads(get(f"http://127.0.0.1:{self.http}/weir/lag"))

    def wait_rows(self, n):
        """flows_raw has N rows and every table behind it has its share: the group's offsets are committed after that."""
        wait_until(lambda: self.sums()["flows"] >= n and self.lag()["behind"] == 0,
                   lambda: f"{n} rows; there are {self.sums()}, {self.lag()}\n{self.err[-1000:]}", 60)

    def sums(self, where="1"):
        row = self.query(f"SELECT count(), sum(Bytes), sum(Packets) FROM flows_raw WHERE {where}")[0]
        return dict(zip(("flows", "bytes", "packets"), map(int, row)))
