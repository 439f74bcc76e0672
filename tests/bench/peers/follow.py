#!/usr/bin/env python3
"""follow.py FOLDER FILES LINES COMMAND...: how fast a follower of FOLDER/*.log is.

Makes FILES log files, and starts COMMAND, which writes what is appended to them.
Prints the 50th and the 99th percentile of the milliseconds from a write(2) to
the arrival of its line, for LINES lines one after the other, and the percentage
of a processor that the command takes while the files are idle for 2 s.
"""
import os
import random
import shutil
import subprocess
import sys
import time

folder, files, lines = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


shutil.rmtree(folder, ignore_errors=True)
os.makedirs(folder)
logs = [os.open(f"{folder}/{i}.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT) for i in range(files)]
for log in logs:
    os.write(log, b"first\n")
with subprocess.Popen(sys.argv[4:], stdout=subprocess.PIPE) as command:
    for _ in range(files):
        command.stdout.readline()
    before = cpu_seconds(command.pid)
    time.sleep(2)
    idle = (cpu_seconds(command.pid) - before) / 2
    times = []
    random.seed(7)
    for i in range(lines):
        log = random.choice(logs)
        begun = time.monotonic()
        os.write(log, b"line %d\n" % i)
        if command.stdout.readline() != b"line %d\n" % i:
            sys.exit(f"line {i} did not come")
        times.append(1000 * (time.monotonic() - begun))
    command.terminate()
times.sort()
print(f"{times[lines // 2]:.3f} {times[lines * 99 // 100]:.3f} {100 * idle:.2f}")
