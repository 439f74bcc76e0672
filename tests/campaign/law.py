"""What must hold after a run: the law.

Each record that the first stage took is in the output or in a dead-letter file
exactly once and whole, unless a rule of a worker dropped it.  Where a fault made
that impossible, a stage says so on standard error."""
import base64
import json
import os
import re
import signal

from plan import matches
from run import BOUND, slurp

ID = re.compile(rb'"id":(\d+)[,}]')
COUNTS = ("received", "processed", "filtered", "failed", "unwritten", "bypassed", "blank",
          "written")
NUMBERS = re.compile(r"received (\d+), processed (\d+), filtered (\d+), failed (\d+)(?: \([^)]*\))?"
                     r"(?:, unwritten (\d+))?, bypassed (\d+),.*? blank (\d+), written (\d+)")
MESSAGE = re.compile(r"(pfanout|pfanin|pratelimit|pdeadletter): ")
# What says nothing about an error.
SUMMARY = re.compile(r": received \d|records? failed \(|dead letters? (is|are) in ")
# What a stage says when it knows that it has lost something.
LOSS = re.compile(r"unread|left in|not read|neither|lost|not written|can't be told|unwritten [1-9]")


class Law:
    """What must hold after a run.  self.broken lists what does not."""

    def __init__(self, run):
        self.run, self.plan = run, run.plan
        self.broken = []
        self.rc = [p.returncode for p in run.procs]
        self.err = [slurp(run.path(f"e{i}")).decode("latin1") for i in range(len(self.rc))]
        self.numbers = [self.parse(e) for e in self.err]
        self.excused = False  # something may be missing, and was told
        self.seen = {}
        self.results = []
        self.check()

    @staticmethod
    def parse(text):
        found = NUMBERS.findall(text)
        if not found:
            return None
        n = {name: int(value or 0) for name, value in zip(COUNTS, found[-1])}
        n["taken"] = n["received"] + n["bypassed"] + n["blank"]
        return n

    def fail(self, text):
        self.broken.append(text)

    def need(self, holds, text):
        if not holds:
            self.fail(text)

    def check(self):
        if self.run.stuck:
            self.fail(f"did not end within {BOUND} s:\n{self.run.stuck}")
            return
        self.need(not self.run.remains, f"processes are left: {self.run.remains}")
        for i, stage in enumerate(self.plan.stages):
            self.check_status(i, stage)
            self.check_balance(i, stage)
        self.given = self.records_given()
        for i in range(1, len(self.plan.stages)):
            self.check_link(i)
        self.check_output()
        for i in range(len(self.plan.stages)):
            self.check_file(i)
        self.check_ids()

    def sent(self, i, *signals):
        return any(at in ("all", i) and what in signals for _, at, what in self.plan.events)

    def check_status(self, i, stage):
        rc, n, err = self.rc[i], self.numbers[i], self.err[i]
        self.need("Sanitizer" not in err, f"{stage.name}: a sanitizer's report")
        told = [line for line in err.splitlines()
                if MESSAGE.search(line) and not SUMMARY.search(line)]
        gone = rc in (-signal.SIGKILL, -signal.SIGPIPE) or "at once" in err
        if rc == 2:
            self.need(told, f"{stage.name}: status 2 without a message")
            self.need(stage.may_abort or not stage.trusted or self.plan.signals or
                      self.plan.sink in ("full", "limit"),
                      f"{stage.name}: status 2, and nobody misbehaved: {told[-1:]}")
        elif rc < 0:
            name = signal.Signals(-rc).name[3:]
            unheard = self.plan.sink == "leave" or self.rc[i + 1:i + 2] not in ([], [0], [1])
            self.need(name == "PIPE" and unheard or self.sent(i, name),
                      f"{stage.name}: died of SIG{name}")
        elif rc > 2:
            self.fail(f"{stage.name}: status {rc}")
        elif n:
            bad = n["failed"] + (n["bypassed"] if stage.argv[0] == "pdeadletter" else 0)
            self.need(rc == (bad > 0), f"{stage.name}: status {rc}, {bad} failed")
        if gone or "standard output: " in err:
            self.excused = True
        self.need(n or gone, f"{stage.name}: no numbers at its end")

    def check_balance(self, i, stage):
        n = self.numbers[i]
        if n and self.rc[i] != -signal.SIGPIPE:
            ended = n["processed"] + n["filtered"] + n["failed"] + n["unwritten"]
            self.need(n["received"] == ended,
                      f"{stage.name}: the numbers do not add up: {n}")
        if n and n["unwritten"] or stage.mode == "filter" and LOSS.search(self.err[i]):
            self.excused = True

    def records_given(self):
        """The lines that the first stage took; the last may be the head of one."""
        n, plan = self.numbers[0], self.plan
        if plan.source == "file":
            lines = plan.lines
        else:
            lines = plan.bytes[:self.run.fed - self.run.left].splitlines()
        if not n or self.rc[0] == -signal.SIGPIPE:
            return lines
        early = self.rc[0] not in (0, 1)
        if plan.source == "file" and early:
            self.need(n["taken"] <= len(lines), f"s0: took {n['taken']} of {len(lines)} lines")
            return lines[:n["taken"]]
        if n["taken"] != len(lines):
            self.fail(f"s0: was given {len(lines)} lines, took {n['taken']}, status {self.rc[0]}")
        # What is written while the stage ends is nobody's to tell.
        fed_before = self.run.fed_at < self.run.head_ended - .1
        if self.run.left and fed_before and not LOSS.search(self.err[0]):
            self.fail(f"s0: left {self.run.left} bytes in its pipe without a word, "
                      f"status {self.rc[0]}")
        return lines

    def check_link(self, i):
        above, below = self.numbers[i - 1], self.numbers[i]
        dead = (-signal.SIGPIPE, -signal.SIGKILL)
        if not above or not below or self.rc[i] in dead or self.rc[i - 1] in dead:
            return
        gap = above["written"] - below["taken"]
        if gap:
            self.excused = True
            self.need(gap > 0 and self.rc[i] not in (0, 1) and LOSS.search(self.err[i]),
                      f"s{i}: {above['written']} lines were written to it, "
                      f"it took {below['taken']}, status {self.rc[i]}, and says nothing")

    def check_output(self):
        out, n, last = self.run.output, self.numbers[-1], len(self.rc) - 1
        if self.plan.sink == "full":
            self.excused = True
            return
        lines = out.split(b"\n")
        cut = self.plan.sink in ("leave", "limit") or self.sent(last, "KILL")
        if lines.pop() and not cut and "at once" not in self.err[last]:
            self.fail("the last line of the output has no LF")
        if n and self.plan.sink != "leave" and self.rc[last] != -signal.SIGPIPE:
            self.need(len(lines) == n["written"],
                      f"{len(lines)} lines came out, {n['written']} are told")
        if self.plan.sink == "leave":
            self.excused = True
        for line in lines:
            self.take(line, "out")
        # Letters overtake the records that wait for a rate; those from inside a
        # batch come after its results.
        moved = any(s.argv[0] == "pratelimit" or s.batched for s in self.plan.stages)
        numbers = [number for number, letter in self.results if not (letter and moved)]
        if all(s.ordered for s in self.plan.stages) and self.trusted():
            self.need(numbers == sorted(numbers), "the order was not kept")

    def trusted(self):
        return all(s.trusted for s in self.plan.stages)

    def check_file(self, i):
        files = [name for name in os.listdir(self.plan.folder)
                 if re.fullmatch(rf"d{i}(\.\d+)?", name)]
        lines = b"".join(slurp(self.run.path(name)) for name in files).split(b"\n")
        if not files:
            return
        self.need(lines.pop() == b"" or self.sent(i, "KILL"), f"d{i}: a torn line")
        n, collects = self.numbers[i], self.plan.stages[i].argv[0] == "pdeadletter"
        # A file that could not keep a letter has it put into the output.
        kept = ": dead-letter file " not in self.err[i]
        if n and kept and self.rc[i] != -signal.SIGPIPE:
            want = n["failed"] + (n["bypassed"] if collects else 0)
            lost = re.search(r"lost:.* (\d+) dead letters? that", self.err[i])
            want -= int(lost.group(1)) if lost and collects else 0
            self.need(len(lines) == want, f"d{i}: {len(lines)} letters are in it, {want} are told")
        for line in lines:
            self.take(line, f"d{i}")

    def take(self, line, where):
        """Looks at a line that came out, or at a letter in a file."""
        found = ID.search(line.replace(b'\\"', b'"'))
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if isinstance(record, dict) and record.get("pchan") == "dead-letter/1":
            found = ID.search(payload(record))
            number = int(found.group(1)) if found else None
            if number is None and not payload(record).strip():
                return  # a blank line
            self.check_letter(record, number)
        elif not line.strip():
            return
        else:
            number = int(found.group(1)) if found else None
            self.check_result(line, record, number, where)
        if number is None:
            self.need(self.plan.raw or self.cut_somewhere(),
                      f"{where}: a line without an id: {line[:80]}")
            return
        self.results.append((number, isinstance(record, dict) and "pchan" in record))
        self.seen[number] = self.seen.get(number, 0) + 1

    def cut_somewhere(self):
        """Whether a line may have been cut: a stage was killed, or the writer stopped."""
        return any(what == "KILL" for _, _, what in self.plan.events) or \
            self.plan.source != "file" and self.run.fed < len(self.plan.bytes)

    def check_letter(self, letter, number):
        stage, reason = letter["stage"], letter["reason"]
        if stage == "before" or not self.trusted():
            return
        i = int(stage[1:])
        s = self.plan.stages[i]
        if reason == "cancelled":
            ok = self.plan.signals or s.may_abort or self.rc[i] < 0
        elif reason == "invalid":
            ok = number is None or number in self.plan.bad or self.cut_somewhere()
        else:
            ok = number is None or s.explains(reason, number)
        self.need(ok, f"{stage}: record {number} is charged with {reason}: {letter.get('message')}")

    def check_result(self, line, record, number, where):
        if not self.trusted() or number is None:
            return
        parses = not self.plan.raw and any(s.mode for s in self.plan.stages)
        if self.plan.bad.get(number) == line.rstrip(b"\r"):
            self.need(not parses, f"{where}: {number} is not JSON")
            return
        if isinstance(record, dict) and record.get("pchan") == "retry/1":
            record = record.get("value")
        whole = isinstance(record, dict) and "n" in record and \
            record.get("p") == chr(97 + number % 26) * record["n"]
        # Whoever does not parse takes a cut line for a whole one.
        self.need(whole or not parses and self.cut_somewhere(),
                  f"{where}: a torn line: {line[:60]}...{line[-40:]}")
        for s in self.plan.stages:
            self.need(not matches(s.never + s.drops, number),
                      f"{s.name} lets {number} pass as a result")

    def check_ids(self):
        if not self.trusted():
            return
        given = [int(m.group(1)) for line in self.given if (m := ID.search(line))]
        whole = given[:-1] if self.cut_somewhere() else given
        twice = [i for i, n in self.seen.items() if n > 1]
        self.need(not twice, f"twice: {short(twice)}")
        made_up = sorted(set(self.seen) - set(given))
        self.need(not made_up, f"made up: {short(made_up)}")
        drops = [rule for s in self.plan.stages for rule in s.drops]
        missing = [i for i in whole if i not in self.seen and not matches(drops, i)]
        shed = sum(n["filtered"] for n, s in zip(self.numbers, self.plan.stages) if n and s.sheds)
        self.need(self.excused or len(missing) <= shed, f"missing: {short(missing)}")


def payload(letter):
    if "base64" in letter:
        return base64.b64decode(letter["base64"])
    value = letter.get("value")
    if isinstance(value, dict) and "pchan" in value:
        return payload(value)
    if "text" in letter:
        return letter["text"].encode()
    return json.dumps(value, separators=(",", ":")).encode()


def short(ids):
    return f"{len(ids)}: {' '.join(map(str, ids[:8]))}"
