"""Writers, and watchers at every member, while leaders come and go: watches.py RECKON CLUSTER PORT

Each writer makes, patches and removes ConfigMaps of its own and writes down the resourceVersion of each answer. Each watcher
notes what it is told; when its connection ends, it goes on at another member, from the last resourceVersion that it saw (an event's
or a bookmark's). In the end all of them must have seen the same: every change that was acknowledged, once, in order."""
import http.client, json, os, random, signal, ssl, subprocess, sys, threading, time

RECKON, CLUSTER, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])
MEMBERS, WRITERS, WATCHERS = 3, 6, 9
SECONDS = 24
CMS = "/api/v1/namespaces/default/configmaps"
context = ssl.create_default_context(cafile=CLUSTER + "/pki/ca.crt")
context.load_cert_chain(CLUSTER + "/pki/admin.crt", CLUSTER + "/pki/admin.key")
done = threading.Event()  # no more is written
GONE = (OSError, http.client.HTTPException, ValueError)


def connect(member):
    return http.client.HTTPSConnection("127.0.0.1", PORT + member % MEMBERS, context=context, timeout=5)


class Writer(threading.Thread):
    def __init__(self, number):
        super().__init__()
        self.number, self.acked, self.unknown = number, {}, 0  # resourceVersion: (type, name)

    def ask(self, conn, method, path, body, form):
        conn.request(method, path, json.dumps(body) if body else None, {"Content-Type": form})
        answer = conn.getresponse()
        return answer.status, json.loads(answer.read())

    def run(self):
        dice, conn, count = random.Random(self.number), None, 0
        names = []
        while not done.is_set():
            kind = dice.choice("CCPPPD") if names else "C"
            try:
                conn = conn or connect(dice.randrange(MEMBERS))
                if kind == "C":
                    name = "w%d-%d" % (self.number, count)
                    count += 1
                    code, o = self.ask(conn, "POST", CMS, {"metadata": {"name": name}, "data": {"a": "0"}}, "application/json")
                    if code == 201:
                        names.append(name)
                        self.acked[int(o["metadata"]["resourceVersion"])] = ("ADDED", name)
                elif kind == "P":
                    name = dice.choice(names)
                    code, o = self.ask(conn, "PATCH", CMS + "/" + name, {"data": {"a": str(time.time())}}, "application/merge-patch+json")
                    if code == 200:
                        self.acked[int(o["metadata"]["resourceVersion"])] = ("MODIFIED", name)
                else:
                    name = names.pop(dice.randrange(len(names)))
                    self.ask(conn, "DELETE", CMS + "/" + name, None, "application/json")
            except GONE:
                self.unknown += 1
                conn = None
                time.sleep(0.05)
            time.sleep(0.004)


class Watcher(threading.Thread):
    def __init__(self, number, since):
        super().__init__()
        self.number, self.at, self.seen, self.moves, self.wrong = number, since, [], 0, None

    def take(self, line):
        event = json.loads(line)
        o = event["object"]
        if event["type"] == "ERROR":
            if o["code"] != 504:  # a member that is not there yet says so
                self.wrong = "%d: %s" % (o["code"], o["message"])
            return False
        self.at = int(o["metadata"]["resourceVersion"])
        if event["type"] != "BOOKMARK":
            self.seen.append((self.at, event["type"], o["metadata"]["name"]))
        return True

    def follow(self, member):
        conn = connect(member)
        conn.request("GET", "%s?watch=1&allowWatchBookmarks=true&timeoutSeconds=7&resourceVersion=%d" % (CMS, self.at))
        answer = conn.getresponse()
        if answer.status != 200:
            text = json.loads(answer.read())
            if answer.status not in (429, 500, 503, 504):
                self.wrong = "%d: %s" % (answer.status, text["message"])
            time.sleep(0.1)
            return
        while not self.wrong and self.at < goal[0]:
            line = answer.readline()
            if not line or not self.take(line):
                return

    def run(self):
        dice = random.Random(1000 + self.number)
        member = self.number
        give_up = time.time() + SECONDS + 30
        while not self.wrong and self.at < goal[0] and time.time() < give_up:
            try:
                self.follow(member)
            except GONE:
                time.sleep(0.05)
            member, self.moves = member + dice.randrange(1, MEMBERS), self.moves + 1


def status():
    text = subprocess.run([RECKON, "cluster", "status", "--dir", CLUSTER], capture_output=True, text=True).stdout
    return {line.split()[0]: line.split()[2] for line in text.splitlines() if line.startswith("m")}


def leader():
    while True:
        for name, role in status().items():
            if role == "leader":
                return name
        time.sleep(0.1)


def pid_of(name):
    with open("%s/%s/pid" % (CLUSTER, name)) as f:
        return int(f.read())


def up():
    subprocess.run([RECKON, "cluster", "up", "--dir", CLUSTER], capture_output=True)


def kill():
    name = leader()
    os.kill(pid_of(name), signal.SIGKILL)
    time.sleep(2)
    up()


def stall():  # it comes back as a leader that is none any more
    pid = pid_of(leader())
    os.kill(pid, signal.SIGSTOP)
    time.sleep(2)
    os.kill(pid, signal.SIGCONT)


def hand_over():
    conn = connect(int(leader()[1:]) - 1)
    conn.request("POST", "/reckon/v1/transfer", "{}", {"Content-Type": "application/json"})
    conn.getresponse().read()


def same(name, got, want):
    print("ok " + name if got == want else "not ok %s: wanted %r, got %r" % (name, want, got), flush=True)


conn = connect(0)
conn.request("GET", CMS + "?limit=1")
start = int(json.loads(conn.getresponse().read())["metadata"]["resourceVersion"])
goal = [float("inf")]  # the last change: who has seen it has seen all
watchers = [Watcher(i, start) for i in range(WATCHERS)]
writers = [Writer(i) for i in range(WRITERS)]
for thread in watchers + writers:
    thread.start()
faults = [kill, hand_over, stall, hand_over, kill]
for fault in faults:
    time.sleep(1.5)
    fault()
done.set()
for writer in writers:
    writer.join()
up()
for attempt in range(50):
    try:
        conn = connect(attempt)
        conn.request("POST", CMS, json.dumps({"metadata": {"name": "last"}}), {"Content-Type": "application/json"})
        goal[0] = int(json.loads(conn.getresponse().read())["metadata"]["resourceVersion"])
        break
    except (KeyError,) + GONE:
        time.sleep(0.2)
for watcher in watchers:
    watcher.join()
acked = {rv: change for writer in writers for rv, change in writer.acked.items()}
seen = watchers[0].seen
print("%d faults, %d changes acknowledged, %d requests failed, %d events seen by each, watchers moved %d times" %
      (len(faults), len(acked), sum(w.unknown for w in writers), len(seen), sum(w.moves for w in watchers)), flush=True)
same("enough was written for this to mean something", len(acked) > 500, True)
same("no watch was refused or told an error", [w.wrong for w in watchers if w.wrong], [])
same("every watcher came to the end", [w.number for w in watchers if w.at < goal[0]], [])
same("every watcher moved between members", [w.number for w in watchers if w.moves < 2], [])
for watcher in watchers:
    versions = [rv for rv, _, _ in watcher.seen]
    same("watcher %d: in order, nothing twice" % watcher.number, all(a < b for a, b in zip(versions, versions[1:])), True)
same("all watchers saw the same", [w.number for w in watchers if w.seen != seen], [])
told = {rv: (kind, name) for rv, kind, name in seen}
same("every acknowledged change was seen", sorted(rv for rv in acked if told.get(rv) != acked[rv])[:5], [])
