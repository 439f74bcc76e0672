"""Runs a plan: starts the processes, feeds them, reads what comes out, and does
to them what the plan says."""
import os
import random
import re
import select
import signal
import subprocess
import threading
import time

from plan import BIN, STOPS

BOUND = 30  # seconds in which a pipeline must have ended


class Run:
    """One run of a plan: processes, the writer before them, the reader behind."""

    def __init__(self, plan):
        self.plan = plan
        self.mark = f"PCHAN_CAMPAIGN={os.getpid()}.{plan.seed}"
        self.procs = []
        self.logs = []  # what copies their standard error into files
        self.fed = self.left = 0  # bytes that the head was offered, and did not take
        self.fed_at = self.head_ended = 0
        self.stopped = threading.Event()
        self.stuck = ""
        self.output = b""

    def path(self, name):
        return os.path.join(self.plan.folder, name)

    def start(self):
        name, value = self.mark.split("=")
        env = dict(os.environ, PATH=BIN + ":" + os.environ["PATH"], **{name: value})
        last = len(self.plan.stages) - 1
        stdin, self.feed_end = self.open_input()
        for i, stage in enumerate(self.plan.stages):
            above, stdout = self.open_output() if i == last else os.pipe()
            argv = ["env", "--default-signal"] + stage.argv
            if i == last and self.plan.sink == "limit":
                argv = ["sh", "-c", 'ulimit -f 4; exec "$@"', "sh"] + argv
            # Through cat(1), as the limit must not hold for standard error.
            with open(self.path(f"e{i}"), "wb") as file:
                log = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=file)
            self.logs.append(log)
            self.procs.append(subprocess.Popen(argv, stdin=stdin, stdout=stdout, stderr=log.stdin,
                                               env=env, cwd=self.plan.folder))
            log.stdin.close()
            os.close(stdout)
            if i > 0:
                os.close(stdin)
            else:
                self.head = stdin  # kept: it tells what was not read
            stdin = above

        self.reader_end = stdin

    def open_input(self):
        with open(self.path("in"), "wb") as f:
            f.write(self.plan.bytes)
        if self.plan.source == "file":
            return os.open(self.path("in"), os.O_RDONLY), None
        return os.pipe()

    def open_output(self):
        if self.plan.sink in ("file", "limit", "full"):
            name = "/dev/full" if self.plan.sink == "full" else self.path("out")
            return None, os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        return os.pipe()

    def feed(self):
        """Writes the records into the head's pipe, and stops when all is told to."""
        r, data = random.Random(self.plan.seed), self.plan.bytes
        os.set_blocking(self.feed_end, False)
        until = time.monotonic() + .8
        while self.fed < len(data) and not self.stopped.is_set() and self.procs[0].poll() is None:
            size = r.choice([1, 100, 5000, 60000]) if self.plan.source == "drip" else 1 << 20
            if select.select([], [self.feed_end], [], .02)[1]:
                self.fed += os.write(self.feed_end, data[self.fed:self.fed + size])
                self.fed_at = time.monotonic()
            if self.plan.source == "drip" and time.monotonic() < until:
                time.sleep(r.choice([0, 0, .001, .02]))
        if self.plan.source == "open":
            self.stopped.wait(1)
        os.close(self.feed_end)

    def read(self):
        """The reader behind the last stage."""
        most = self.plan.cut if self.plan.sink == "leave" else None
        chunks, got = [], 0
        if self.plan.sink == "dawdle":
            time.sleep(self.plan.r.choice([.3, 1]))
        while most is None or got < most:
            chunk = os.read(self.reader_end, 65536 if most is None else most - got)
            if not chunk:
                break
            chunks.append(chunk)
            got += len(chunk)
        os.close(self.reader_end)
        self.output = b"".join(chunks)

    def act(self, target, what):
        procs = self.procs if target == "all" else [self.procs[target]]
        if target == "all" and what in STOPS:
            self.stopped.set()
        if what == "worker":
            pids = children(procs[0].pid)
        else:
            pids = [p.pid for p in procs if p.poll() is None]
        for pid in pids[:1] if what == "worker" else pids:
            send(pid, signal.SIGKILL if what == "worker" else getattr(signal, "SIG" + what))

    def wait_ready(self):
        """Until all stages hold back signals: before, a signal just ends them."""
        until = time.monotonic() + 5
        for p in self.procs:
            while p.poll() is None and time.monotonic() < until:
                found = re.search(rb"SigBlk:\s*([0-9a-f]+)", slurp(f"/proc/{p.pid}/status"))
                if found and int(found.group(1), 16) & 1 << signal.SIGTERM - 1:
                    break
                time.sleep(.001)

    def run(self):
        self.start()
        self.wait_ready()
        begun = time.monotonic()
        threads = [threading.Thread(target=self.feed)] * (self.feed_end is not None)
        threads += [threading.Thread(target=self.read)] * (self.reader_end is not None)
        for t in threads:
            t.start()
        events = list(self.plan.events)
        while any([p.poll() is None for p in self.procs]):
            now = time.monotonic() - begun
            if not self.head_ended and self.procs[0].poll() is not None:
                self.head_ended = time.monotonic()
            while events and events[0][0] <= now:
                self.act(*events.pop(0)[1:])
            if now > BOUND and not self.stuck:
                self.stuck = self.look()
                self.kill()
            time.sleep(.01)
        self.head_ended = self.head_ended or time.monotonic()
        self.kill()
        for t in threads:
            t.join()
        for log in self.logs:
            log.wait()
        self.seconds = time.monotonic() - begun
        self.take_rest()

    def take_rest(self):
        if self.plan.source == "file":
            self.fed, self.left = len(self.plan.bytes), 0
        else:
            while chunk := os.read(self.head, 65536):
                self.left += len(chunk)
        os.close(self.head)
        if self.plan.sink in ("file", "limit"):
            with open(self.path("out"), "rb") as f:
                self.output = f.read()

    def alive(self):
        """The processes of this run; those that ended a moment ago are none."""
        for _ in range(100):
            pids = [pid for pid in processes()
                    if self.mark.encode() in slurp(f"/proc/{pid}/environ").split(b"\0")]
            if not pids or any(p.poll() is None for p in self.procs):
                break
            time.sleep(.01)
        return pids

    def look(self):
        lines = []
        for pid in self.alive():
            for task in os.listdir(f"/proc/{pid}/task"):
                at = f"/proc/{pid}/task/{task}"
                state = re.search(rb"State:\s*(.*)", slurp(at + "/status"))
                facts = [b"  %d/%s" % (pid, task.encode()), slurp(at + "/comm").strip(),
                         state.group(1) if state else b"?", slurp(at + "/wchan"),
                         slurp(at + "/syscall").strip()[:40]]
                lines.append(b" ".join(facts).decode("latin1"))
        return "\n".join(lines)

    def kill(self):
        """Ends what is left; after a run nothing may be."""
        self.remains = self.alive() if not self.stuck else []
        for pid in self.alive():
            send(pid, signal.SIGKILL)


def send(pid, sig):
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        pass


def processes():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def children(parent):
    stats = [(pid, slurp(f"/proc/{pid}/stat")) for pid in processes()]
    # The name of the program, in parentheses, may have blanks.
    return [pid for pid, stat in stats
            if stat.rpartition(b")")[2].split()[1:2] == [b"%d" % parent]]


def slurp(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""
