"""What the pipeline of a seed is: its records, its stages, its reader, and what
happens meanwhile.  The seed alone decides it."""
import os
import random
import shlex

HERE = os.path.dirname(os.path.abspath(__file__))
WORKER = os.path.join(HERE, "worker")
BIN = os.environ.get("BIN") or os.path.abspath(os.path.join(HERE, "../../bin"))
STOPS = ("TERM", "INT", "HUP")


class Stage:
    """One stage: its command line, and what the rules of its worker allow."""

    def __init__(self, number):
        self.name = f"s{number}"
        self.argv = []
        self.mode = ""
        self.raw = self.ordered = False
        self.drops = []         # rules (MOD, REST): no result, no letter
        self.never = []         # rules: no result
        self.may = {}           # reason -> rules; an empty list: any record
        self.may_abort = False  # its workers may end the run with status 2
        self.trusted = True     # its answers belong to its records
        self.sheds = False      # it drops records as it likes, and counts them
        self.batched = False    # results have the places of others before them

    def allows(self, reason, rule=None):
        rules = self.may.setdefault(reason, [])
        if rule:
            rules.append(rule)

    def explains(self, reason, number):
        rules = self.may.get(reason)
        return rules is not None and (not rules or matches(rules, number))


def matches(rules, number):
    return any(number % mod == rest for mod, rest in rules)


class Plan:
    """All that the seed decides."""

    def __init__(self, seed, folder):
        self.seed = seed
        self.folder = folder
        self.r = r = random.Random(seed)
        self.count = r.choices([1, 7, 60, 400, 2500], [1, 1, 4, 4, 3])[0]
        self.raw = r.random() < .12
        self.signals = r.random() < .5
        self.max_record = r.choices([None, "100K"], [5, 1])[0]
        self.stages = [self.deal(i) for i in range(r.choices([1, 2, 3, 4, 5], [6, 5, 4, 2, 1])[0])]
        self.make_input()
        self.source = r.choices(["file", "pipe", "drip", "open"], [4, 4, 4, 2])[0]
        self.sink = r.choices(["file", "pipe", "dawdle", "leave", "full", "limit"],
                              [8, 6, 4, 2, 1, 1])[0]
        self.cut = r.choice([0, 1, 5000, 200000])  # bytes that a reader takes before it leaves
        self.events = self.deal_events() if self.signals else []

    # --- records

    def make_input(self):
        r, lines, self.lines = self.r, [], []
        left = 3 << 20
        crlf = r.random() < .15
        odd = 0 if r.random() < .5 else .05
        self.bad = {}
        for number in range(1, self.count + 1):
            size = r.choices([0, 40, 5000, 70000, 150000], [60, 30, 6, 2, 1])[0] * (left > 0)
            left -= size
            line = b'{"id":%d,"k":%d,"n":%d,"p":"%s"}' % (
                number, number % 5, size, bytes([97 + number % 26]) * size)
            if r.random() < odd:
                line = self.odd(number, line)
            lines.append(line + b"\r" * crlf)
            if r.random() < odd:
                lines.append(b" " * r.choice([0, 3]))
        self.bytes = b"\n".join(lines) + b"\n" * (r.random() < .8)
        self.lines = self.bytes.splitlines()

    def odd(self, number, line):
        kind = self.r.choice(["bad", "letter", "retry"])
        # A retry envelope may hold a record over --max-record.
        if kind == "bad" or self.raw or self.max_record and len(line) > 100 << 10:
            self.bad[number] = b'{"id":%d,"bad' % number
            return self.bad[number]
        head = b'"dead-letter/1","stage":"before","reason":"timeout"'
        if kind == "retry":
            head = b'"retry/1","replays":1'
        return b'{"pchan":%s,"id":"i%d","value":%s}' % (head, number, line)

    # --- stages

    def deal(self, number):
        s, r = Stage(number), self.r
        tool = r.choices(["pfanout", "pratelimit", "pdeadletter", "pfanin"], [8, 1, 1, 2])[0]
        s.argv = [tool, "-v", "-n", s.name]
        if self.signals or r.random() < .2:
            s.argv += ["--grace", r.choice(["100ms", "300ms", "1s"])]
        if self.max_record:
            s.argv += ["--max-record", self.max_record]
        if self.raw:
            s.argv.append("-R")
        s.raw = self.raw
        s.allows("too_long")
        if r.random() < .3:
            s.argv += ["-b", str(r.choice([0, 1, 3, 50]))]
        if tool != "pdeadletter" and r.random() < .25 or tool == "pdeadletter":
            s.argv += ["-d", "/dev/full" if r.random() < .08 else f"d{number}"]
            s.may_abort = "/dev/full" in s.argv
        getattr(self, "deal_" + tool)(s)
        return s

    def deal_pfanin(self, s):
        """Standard input among others that have nothing to say, or end early."""
        r = self.r
        order = r.choice([[], [], ["--round-robin"], ["--concat"], ["--merge", ".id"]])
        s.argv += order
        s.ordered = "--merge" not in order
        if not s.ordered:
            s.allows("invalid")
            s.allows("no_key")
            s.allows("late")
        empty = os.path.join(self.folder, "empty")
        open(empty, "w", encoding="ascii").close()
        inputs = ["-"] + r.choice([[], ["/dev/null"], [empty], [empty, "/dev/null", empty]])
        r.shuffle(inputs)
        s.argv += inputs

    def deal_pratelimit(self, s):
        r = self.r
        s.argv += ["-r", r.choice([f"{max(300, self.count)}/s", "50000/s"])]
        s.argv += ["-B", str(r.choice([1, 10, 200]))]
        s.ordered = r.random() < .5
        if not s.ordered:
            s.argv += ["--key", ".k"]
            s.allows("invalid")
            s.allows("no_key")
        over = r.choices(["wait", "dead-letter", "drop"], [3, 1, 1])[0]
        s.argv += ["--over", over]
        s.sheds = over == "drop"
        if over == "dead-letter":
            s.allows("over_rate")

    def deal_pdeadletter(self, s):
        s.ordered = True
        s.argv += self.r.choice([[], ["--max-size", "4K"],
                                 ["--sync", "none"], ["--sync", "record"]])

    def deal_pfanout(self, s):
        r = self.r
        s.mode = r.choices(["map", "exec", "filter", "check"], [7, 2, 3, 1])[0]
        if s.mode == "exec":
            self.count = min(self.count, 60)
        s.allows("invalid")
        s.argv += ["-j", str(r.choice([1, 2, 3, 4]))]
        if s.mode != "filter" and r.random() < .4:
            s.argv.append("-k")
            s.ordered = True
        if s.mode != "filter" and r.random() < .04:
            s.argv += ["--max-failed", "5"]
            s.may_abort = True
        if s.name == "s0" and r.random() < .1 and self.raw:
            s.argv.append("--no-bypass")
        command = {"map": self.deal_map, "exec": self.deal_exec, "filter": self.deal_filter,
                   "check": lambda s: []}[s.mode](s)
        s.argv += ["--"] * bool(command) + command

    def rule(self, lots=False):
        mod = self.r.choice([3, 10, 50] if lots else [40, 200, 1000])
        return mod, self.r.randrange(min(mod, self.count))

    def deed(self, s, name, reason=None, lots=False, arg=None):
        """An argument of the worker, once the stage allows what follows from it."""
        rule = self.rule(lots)
        if name in ("drop", "skip"):
            s.drops.append(rule)
        if reason:
            s.allows(reason, rule)
        if reason and name != "crash-once":
            s.never.append(rule)
        return f"{name}={rule[0]}:{rule[1]}" + (f":{arg}" if arg is not None else "")

    def deal_harmless(self, s):
        r, deeds = self.r, []
        if r.random() < .3:
            lots = r.random() < .5
            arg = .001 if lots else .01 if self.count > 400 else .1
            deeds.append(self.deed(s, "pause", lots=lots, arg=arg))
        if r.random() < .15:
            deeds.append(self.deed(s, "noise", arg=r.choice([0, 10, 5000, 100000])))
        if r.random() < .1 and not self.max_record:
            deeds.append(self.deed(s, "big"))
        if r.random() < .1:
            deeds.append("deaf=1:0")
        if r.random() < .1:
            deeds.append("linger=1:0:" + (".01" if s.mode == "exec" else ".05"))
        return deeds

    def deal_attempts(self, s):
        if self.r.random() < .4:
            s.argv += ["-a", str(self.r.choice([2, 3]))]
            s.argv += ["--backoff", self.r.choice(["1ms", "5ms,20ms"])]

    def deal_map(self, s):
        r = self.r
        self.deal_attempts(s)
        if r.random() < .3:
            s.argv += ["--window", str(r.choice([1, 2, 8, 50]))]
            # Many workers are started again for each window.
            self.count = min(self.count, 200)
        match = not self.raw and r.random() < .2
        if match:
            s.argv += ["--match", ".id"]
        if r.random() < .35:
            honest = [["cat"], ["sed", "s/^//"], ["sed", "-u", "s/^//"], ["awk", "{ print }"],
                      ["awk", "{ print; fflush() }"], ["grep", "--line-buffered", ""],
                      ["sh", "-c", "while IFS= read -r x; do printf '%s\\n' \"$x\"; done"]]
            return r.choice(honest + [["jq", "-c", "."]] * (not self.raw) * 3)
        # The first deed whose rule matches is done: failures come first.
        deeds = []
        if not self.raw and r.random() < .3:
            deeds.append(self.deed(s, "drop", lots=True))
        if not self.raw and r.random() < .3:
            deeds.append(self.deed(s, "reject", "rejected", lots=True))
        for name in ("crash", "half", "exit-first"):
            if r.random() < .1:
                deeds.append(self.deed(s, name, "crash"))
                s.may_abort = True
        if not self.raw and r.random() < .12:
            deeds.append(self.deed(s, "garbage", "bad_answer"))
            s.may_abort = True
        if r.random() < .08:
            s.argv += ["-t", "1500ms"]
            mod = max(self.count, 2)
            rule = mod, r.randrange(mod)
            deeds.append("hang=%d:%d" % rule)
            s.allows("timeout", rule)
            s.never.append(rule)
        if r.random() < .1:
            os.makedirs(os.path.join(self.folder, "once." + s.name), exist_ok=True)
            deeds.append(self.deed(s, "crash-once", "crash", arg="once." + s.name))
            s.may_abort = True
        if r.random() < .15:
            # One that leaves after EOF may have dropped what it owes.
            deeds.append(self.deed(s, "leave", lots=r.random() < .5))
            s.allows("no_answer")
            s.may_abort = True
        if r.random() < .08:
            deeds.append(r.choice(["close-in", "close-out"]) + f"=1000:{self.rule()[1]}:.1")
            s.allows("crash")
            s.allows("no_answer")
            s.may_abort = True
        if r.random() < .06:
            deeds.append(f"{r.choice(['more', 'skip'])}=%d:%d" % self.rule())
            s.may_abort = True
            # A rejection and an empty line carry no id that could be compared.
            s.trusted = match and not deeds
            s.allows("no_answer")
            s.allows("bad_answer")
        return [WORKER] + ["-u"] * (r.random() < .5) + deeds + self.deal_harmless(s)

    def deal_exec(self, s):
        r = self.r
        s.argv.append("-x")
        s.batched = r.random() < .4
        if s.batched:
            s.argv += ["--batch", r.choice(["2", "7,1ms", "30,0s", "500,1h"])]
        self.deal_attempts(s)
        if r.random() < .3:
            return r.choice([["cat"], ["sed", "s/^//"], ["tee"]])
        deeds = []
        for name, reason, chance in (("skip", None, .3), ("exit", "exit", .3),
                                     ("crash", "signal", .2), ("half", "signal", .2)):
            if r.random() < chance:
                deeds.append(self.deed(s, name, reason, lots=True))
        # In a batch a record that hangs is searched for: that takes too long.
        if r.random() < .1 and not s.batched:
            s.argv += ["-t", "1500ms"]
            deeds.append(self.deed(s, "hang", "timeout"))
        return [WORKER] + deeds + self.deal_harmless(s)

    def deal_filter(self, s):
        r = self.r
        s.argv.append("-F")
        if r.random() < .4:
            drop = r.choice([[], ["grep", "-v", '"id":[0-9]*7,'], ["sed", '/"id":[0-9]*7,/d'],
                             ["awk", '!/"id":[0-9]*7,/']])
            s.drops += [(10, 7)] * bool(drop)
            return drop or ["cat"]
        deeds = []
        if r.random() < .5:
            deeds.append(self.deed(s, "skip", lots=True))
        # What one that leaves has in its buffer nobody can know.
        how = []
        for name in ("crash", "half", "exit-first", "leave"):
            if r.random() < .06:
                deeds.append(self.deed(s, name))
                s.may_abort = True
                how = ["-b"] if name == "leave" else how
        return [WORKER] + ["-u"] * (r.random() < .5) + how + deeds + self.deal_harmless(s)

    # --- what happens meanwhile

    def deal_events(self):
        r, events, at = self.r, [], self.r.choice([.02, .1, .2, .4])
        what = r.choices(["stop", "stop twice", "kill", "worker", "pause", "other"],
                         [8, 5, 2, 4, 2, 2])[0]
        target = r.choice(["all", "all", r.randrange(len(self.stages))])
        one = r.randrange(len(self.stages))
        if what.startswith("stop"):
            events.append((at, target, r.choice(STOPS)))
        if what == "stop twice":
            events.append((at + r.choice([.16, .3]), target, events[0][2]))
        if what == "kill":
            events.append((at, one, "KILL"))
        if what == "worker":
            events += [(at + .05 * i, one, "worker") for i in range(r.choice([1, 3]))]
            for reason in ("crash", "signal"):
                self.stages[one].allows(reason)
                self.stages[one].may[reason].clear()
            self.stages[one].may_abort = True
        if what == "pause":
            events += [(at, target, "STOP"), (at + .2, target, "CONT")]
        if what == "other":
            events += [(at, target, "USR1"), (at + .05, target, "HUP")]
        return events

    def shell(self):
        """What a person types to run the same, but for the events."""
        stages = [shlex.join(s.argv) + f" 2>e{i}" for i, s in enumerate(self.stages)]
        stages[0] = ("<in " if self.source == "file" else "cat in | ") + stages[0]
        end = {"file": ">out", "limit": ">out", "full": ">/dev/full",
               "leave": f"| head -c {self.cut} >out", "dawdle": "| (sleep 1; cat) >out"}
        end = end.get(self.sink, "| cat >out")
        if self.sink == "limit":
            stages[-1] = "(ulimit -f 4; " + stages[-1] + ")"
        return f"cd {self.folder} && PATH={BIN}:$PATH && {' | '.join(stages)} {end}"
