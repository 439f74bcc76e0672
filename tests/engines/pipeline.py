"""A pipeline of five stages between two engines, as one machine runs it."""

import os
import signal
import subprocess

from ends import BIN

# The processes, in the order of the records.  Workers and helpers are children.
ROLES = ["from", "pfanin", "pfanout", "worker", "pratelimit", "pdeadletter", "sender", "to"]
STAGES = ["pfanin", "pfanout", "pratelimit", "pdeadletter", "sender"]
CHILD = {"pfanin": "from", "pfanout": "worker", "sender": "to"}

# Drops records, rejects them, or asks for another attempt, by the id.
WORKER = r"""
import sys
asked = set()
for line in sys.stdin:
    i = int(line.split(':')[1].split(',')[0].rstrip('}\n '))
    if i % 50 == 7: print(flush=True)
    elif i % 100 == 13: print('!thirteen', flush=True)
    elif i % 200 == 21 and i not in asked: asked.add(i); print('?later', flush=True)
    else: print(line, end='', flush=True)
"""


def is_dropped(i):
    return i % 50 == 7


def children(pid):
    """Those of all threads."""
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                found += [int(word) for word in file.read().split()]
    except OSError:
        pass
    return found


def peak(pid):
    """The most memory that a process has had, in KiB; 0: it is gone."""
    try:
        with open(f"/proc/{pid}/status") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("VmHWM")), 0)
    except OSError:
        return 0


class Pipeline:
    """`before` is put before each command, such as what enters a machine."""

    def __init__(self, folder, urls, rate, window, grace, before=()):
        self.folder, self.before, self.procs = folder, list(before), []
        self.dead, self.runs, self.wanted, self.frozen = os.path.join(self.folder, "dead"), 0, True, False
        os.makedirs(self.folder + "/run", mode=0o700)
        self.env = {**os.environ, "PCHAN_RUN_DIR": self.folder + "/run"}
        worker = os.path.join(self.folder, "worker.py")
        with open(worker, "w") as file:
            file.write(WORKER)
        self.commands = [
            ["pfanin", "--window", str(window), "--grace", grace, urls[0]],
            ["pfanout", "-j3", "-a9", "--backoff", "1ms", "--", "/usr/bin/python3", worker],
            ["pratelimit", "-r", f"{rate}/s", "--burst", "100"],
            ["pdeadletter", "-d", self.dead],
            ["pfanout", "--to", urls[1]],
        ]

    def start(self):
        """As a shell does: all stages are one process group."""
        self.procs, stdin, last = [], None, len(self.commands) - 1
        with open(self.folder + "/log", "a") as log:
            for i, argv in enumerate(self.commands):
                proc = subprocess.Popen(
                    [*self.before, os.path.join(BIN, argv[0]), *argv[1:]],
                    stdin=stdin if i > 0 else subprocess.DEVNULL,
                    stdout=log if i == last else subprocess.PIPE,
                    stderr=log,
                    env=self.env,
                    process_group=self.procs[0].pid if i > 0 else 0,
                )
                if stdin is not None:
                    stdin.close()
                stdin = proc.stdout
                self.procs.append(proc)
        self.runs += 1

    def has_ended(self):
        return all([proc.poll() is not None for proc in self.procs])

    def processes(self):
        """The pids that run, by the role."""
        found = {}
        for role, proc in zip(STAGES, self.procs):
            if proc.poll() is None:
                found[role] = [proc.pid]
                if role in CHILD:
                    found[CHILD[role]] = children(proc.pid)
        return found

    def signal(self, number, roles=ROLES):
        for role, pids in self.processes().items():
            for pid in pids if role in roles else []:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass

    def freeze(self, frozen):
        self.frozen = frozen
        self.signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    def interrupt(self):
        """Ctrl-C."""
        os.killpg(self.procs[0].pid, signal.SIGINT)

    def end(self):
        """SIGTERM for the first stage, if that is still there."""
        if self.procs[0].poll() is None:
            self.procs[0].send_signal(signal.SIGTERM)

    def memory(self):
        """The most of stages and helpers together, in KiB."""
        return sum(peak(pid) for role, pids in self.processes().items() if role != "worker" for pid in pids)

    def metrics(self):
        """What all stages say of their work."""
        return subprocess.run(
            [os.path.join(BIN, "pmetrics"), "print"], stdout=subprocess.PIPE, env=self.env, text=True, check=False
        ).stdout
