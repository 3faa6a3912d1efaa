"""What bench/compare, bench/consume and bench/clickhouse_cost.py share: processes, their CPU, the load, a broker, a full topic.

WEIR_BUILD says where the programs are; without it, the release preset's.
"""
import contextlib, json, os, signal, socket, subprocess, sys, tempfile, time, urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("WEIR_BUILD", f"{ROOT}/build/release")
BIN = f"{BUILD}/bin"
BENCH = f"{BUILD}/bench"
sys.path.append(f"{ROOT}/tests/integration")
import ports

TICK = os.sysconf("SC_CLK_TCK")


def stat(pid):
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rsplit(")", 1)[1].split()


def family(pid):
    """The process and all that descend from it."""
    children = {}
    for p in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            children.setdefault(int(stat(p)[1]), []).append(int(p))
    found, left = [], [pid]
    while left:
        p = left.pop()
        found.append(p)
        left += children.get(p, [])
    return found


def cpu_seconds(pid):
    """(user, system) of the process and its family, those included that have ended and were waited for.

    The sum is to the ns (the process's CPU clock, clock_getcpuclockid(3)); how it parts is by the kernel's ticks."""
    user = system = 0
    for p in family(pid):
        with contextlib.suppress(OSError):
            ticks = [int(x) for x in stat(p)[11:15]]
            own = time.clock_gettime(~p << 3 | 2)
            user, system = user + (ticks[0] + ticks[2]) / TICK, system + own + (ticks[3] - ticks[0]) / TICK
    return user, system


def rss_bytes(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS"))


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def process(command, settle=1.5, **where):
    """A process that is started, given time to settle, and ended by SIGTERM."""
    p = subprocess.Popen(command, **{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **where})
    try:
        time.sleep(settle)
        if p.poll() is not None:
            raise SystemExit(f"ended at once with {p.returncode}: {' '.join(command)}")
        yield p
    finally:
        p.send_signal(signal.SIGTERM)
        try:
            p.wait(20)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()


def wait_for(condition, p, seconds=60):
    """Until the process is ready; it must not end before."""
    end = time.monotonic() + seconds
    while not condition():
        if p.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"not ready: {p.args}")
        time.sleep(0.01)


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def udp_sockets(port):
    """Of each UDP socket that is bound to PORT: (octets that wait in its receive buffer, datagrams dropped)."""
    found = []
    for path in ("/proc/net/udp", "/proc/net/udp6"):
        with contextlib.suppress(OSError), open(path) as f:
            rows = [line.split() for line in f.readlines()[1:]]
            found += [(int(v[4].split(":")[1], 16), int(v[-1])) for v in rows if int(v[1].split(":")[1], 16) == port]
    return found


def queued(port):
    """Octets that wait in the receive buffers of a UDP port; None when nobody listens there."""
    found = udp_sockets(port)
    return sum(waiting for waiting, _ in found) if found else None


def dropped(port):
    """Datagrams that the kernel dropped there because the program did not take them in time."""
    return sum(drops for _, drops in udp_sockets(port))


def load(port, count, rate, **more):
    """Sends COUNT datagrams; what bench_load says of it."""
    flags = [w for k, v in more.items() for w in ([f"--{k}"] if v is True else [f"--{k}", str(v)])]
    return json.loads(subprocess.check_output(
        [f"{BENCH}/bench_load", "--port", str(port), "--count", str(count), "--rate", str(rate), *flags]))


def metric(port, name):
    """Sum of a metric over its labels."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if line.split("{")[0].split(" ")[0] == name)


def on_cores(cores):
    """For subprocess: the process, and all that it starts, keeps to them."""
    return (lambda: os.sched_setaffinity(0, cores)) if cores else None


@contextlib.contextmanager
def kafka(needed=True, cores=None):
    """A real Apache Kafka broker, on these cores only; its address, or None when it is not needed."""
    if not needed:
        yield None
        return
    port = ports.free_port()
    p = subprocess.Popen([f"{ROOT}/scripts/kafka-run", "--port", str(port)], stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, start_new_session=True, preexec_fn=on_cores(cores))
    try:
        for _ in range(120):
            if subprocess.run(["kcat", "-b", f"127.0.0.1:{port}", "-L", "-m", "1"], capture_output=True).returncode == 0:
                break
            time.sleep(0.5)
        else:
            raise SystemExit("Kafka does not answer")
        yield f"127.0.0.1:{port}"
    finally:
        os.killpg(p.pid, signal.SIGTERM)
        p.wait(30)


def fill(brokers, flows, *options, rate=8000, **more):
    """The topic, through a collector, so that messages are what they are; how many flows are in it."""
    http, udp = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
    with tempfile.TemporaryDirectory() as d, process(
            [f"{BIN}/weir-collector", "--listen", f"netflow://127.0.0.1:{udp}", "--kafka.brokers", brokers, "--addr",
             f"localhost:{http}", "--journal.path", d, *options]):
        load(udp, flows // 16, rate, **more)
        before, done = -1, 0
        while done < flows // 16 * 16 and done != before:  # what the kernel dropped on a busy machine never comes
            time.sleep(2)
            before, done = done, metric(http, "weir_collector_flows_acknowledged_total")
        return int(done)
