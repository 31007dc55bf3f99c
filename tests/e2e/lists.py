"""Lists and watches of a cluster of several members, byte by byte: lists.py PKI PORT...
Prints one line for each check, "ok NAME" or "not ok NAME: why"; pods are simulated, nothing else writes."""
import base64, gzip, http.client, json, os, ssl, struct, sys, threading, time

pki, ports = sys.argv[1], [int(p) for p in sys.argv[2:]]
context = ssl.create_default_context(cafile=pki + "/ca.crt")
context.load_cert_chain(pki + "/admin.crt", pki + "/admin.key")
PROTO = "application/vnd.kubernetes.protobuf"
CMS = "/api/v1/namespaces/default/configmaps"
CA = ["kube-root-ca.crt"]  # every namespace has it


def connect(member=0):
    return http.client.HTTPSConnection("127.0.0.1", ports[member % len(ports)], context=context, timeout=20)


def ask(path, member=0, method="GET", body=None, **headers):
    c = connect(member)
    c.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
    r = c.getresponse()
    data = r.read()
    c.close()
    return r.status, data, r


def get(path, member=0, method="GET", body=None, **headers):
    status, data, r = ask(path, member, method, body, **headers)
    return status, json.loads(data)


def same(name, got, want):
    print("ok " + name if got == want else "not ok %s: wanted %r, got %r" % (name, want, got), flush=True)


def create(name, data="x", labels=None, member=0):
    o = {"metadata": {"name": name, "labels": labels or {}}, "data": {"a": data}}
    status, o = get(CMS, member, "POST", json.dumps(o), content_type="application/json")
    assert status == 201, o
    return o


def patch(name, o, member=0):
    status, o = get(CMS + "/" + name, member, "PATCH", json.dumps(o), content_type="application/merge-patch+json")
    assert status == 200, o
    return o


# --- protobuf's wire format, as much of it as the checks need ---

def varint(b, at):
    value = shift = 0
    while True:
        value |= (b[at] & 127) << shift
        shift += 7
        at += 1
        if b[at - 1] < 128:
            return value, at


def fields(b):
    at, out = 0, []
    while at < len(b):
        tag, at = varint(b, at)
        if tag & 7 == 0:
            value, at = varint(b, at)
        else:
            assert tag & 7 == 2, tag
            size, at = varint(b, at)
            value, at = b[at:at + size], at + size
        out.append((tag >> 3, value))
    return out


def one(b, *path):
    for number in path:
        found = [v for n, v in fields(b) if n == number]
        if not found:
            return None
        b = found[-1]
    return b


def envelope(b):
    assert b[:4] == b"k8s\0", b[:20]
    meta = one(b[4:], 1)
    return one(meta, 1).decode(), one(meta, 2).decode(), one(b[4:], 2)


def protos(data):
    """Events of a watch: (type, api version, kind, message)."""
    out = []
    while data:
        size, = struct.unpack(">I", data[:4])
        event, data = data[4:4 + size], data[4 + size:]
        out.append((one(event, 1).decode(),) + envelope(one(event, 2, 1)))
    return out


class Watch(threading.Thread):
    def __init__(self, query, path=CMS, member=0, **headers):
        super().__init__()
        self.args = (path + "?watch=1&" + query, member)
        self.headers, self.result = headers, None
        self.start()
        time.sleep(0.4)

    def run(self):
        self.result = ask(*self.args, **self.headers)

    def events(self):
        self.join()
        return [json.loads(line) for line in self.result[1].splitlines()]

    def short(self):
        return [(e["type"], e["object"].get("metadata", {}).get("name", "")) for e in self.events()]


# --- lists ---

for i in range(7):
    create("c%d" % i, str(i), {"odd": str(i % 2)})
time.sleep(0.3)
_, page = get(CMS + "?limit=3")
meta = page["metadata"]
first = meta["resourceVersion"]
names = lambda l: [i["metadata"]["name"] for i in l["items"]]
same("first page", names(page), ["c0", "c1", "c2"])
same("what remains", meta.get("remainingItemCount"), 4 + len(CA))
same("nothing is counted with a selector", "remainingItemCount" in get(CMS + "?limit=1&labelSelector=odd%3D1")[1]["metadata"], False)
get(CMS + "/c4", method="DELETE")
patch("c5", {"data": {"a": "changed"}})
create("c3a")
time.sleep(0.3)
for member in range(len(ports)):
    _, page = get(CMS + "?limit=3&continue=" + meta["continue"], member)
    same("second page from member %d" % member, (names(page), page["metadata"]["resourceVersion"], page["metadata"]["remainingItemCount"]),
         (["c3", "c4", "c5"], first, 1 + len(CA)))
    same("as it was, from member %d" % member, page["items"][2]["data"]["a"], "5")
    _, page = get(CMS + "?limit=3&continue=" + page["metadata"]["continue"], member)
    same("last page from member %d" % member, (names(page), sorted(page["metadata"])), (["c6"] + CA, ["resourceVersion"]))
    same("a list at a revision, from member %d" % member, names(get(CMS + "?resourceVersionMatch=Exact&resourceVersion=" + first, member)[1]),
         ["c%d" % i for i in range(7)] + CA)
    same("an object at a revision, from member %d" % member,
         get(CMS + "/c5?resourceVersionMatch=Exact&resourceVersion=" + first, member)[1]["data"]["a"], "5")
same("an object that was deleted since", get(CMS + "/c4?resourceVersionMatch=Exact&resourceVersion=" + first)[0], 200)
same("an object that was made since", get(CMS + "/c3a?resourceVersionMatch=Exact&resourceVersion=" + first)[0], 404)
same("the newest", names(get(CMS)[1]), ["c0", "c1", "c2", "c3", "c3a", "c5", "c6"] + CA)
same("whatever is here", get(CMS + "?resourceVersion=0")[0], 200)

status, o = get(CMS + "?resourceVersion=5&continue=" + meta["continue"])
same("revision and token", (status, o["message"]), (400, "specifying resource version is not allowed when using continue"))
status, o = get(CMS + "?resourceVersionMatch=Exact")
same("match without a revision", (status, o["reason"]), (422, "Invalid"))
status, o, r = ask(CMS + "?resourceVersion=99999999")
o = json.loads(o)
same("a revision that is to come", (status, o["reason"], o["details"]["causes"][0]["reason"], o["details"]["retryAfterSeconds"], r.headers["Retry-After"]),
     (504, "Timeout", "ResourceVersionTooLarge", 1, "1"))

# --- forms ---

status, data, r = ask(CMS + "/c1", accept=PROTO + ",application/json")
same("an object in protobuf", (status, r.headers["Content-Type"], envelope(data)[:2]), (200, PROTO, ("v1", "ConfigMap")))
same("its name", one(envelope(data)[2], 1, 1), b"c1")
same("its data", (one(envelope(data)[2], 2, 1), one(envelope(data)[2], 2, 2)), (b"a", b"1"))
status, data, r = ask(CMS + "?limit=2", accept=PROTO)
same("a list in protobuf", envelope(data)[:2], ("v1", "ConfigMapList"))
message = envelope(data)[2]
same("its items", [one(v, 1, 1) for n, v in fields(message) if n == 2], [b"c0", b"c1"])
same("its metadata", (one(message, 1, 4), one(message, 1, 3) is not None), (5 + len(CA), True))
status, data, r = ask(CMS + "/none", accept=PROTO)
same("an error in protobuf", (status, envelope(data)[:2], one(envelope(data)[2], 4), one(envelope(data)[2], 6)), (404, ("v1", "Status"), b"NotFound", 404))
status, data, r = ask(CMS, accept=PROTO + ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")
same("metadata in protobuf", (envelope(data)[:2], len([1 for n, v in fields(envelope(data)[2]) if n == 2])),
     (("meta.k8s.io/v1", "PartialObjectMetadataList"), 7 + len(CA)))
same("nothing that can be made", get(CMS, accept="text/html")[0], 406)
status, o = get(CMS, method="POST", body="x", content_type="text/plain")
same("a body that nobody reads", (status, PROTO in o["message"]), (415, True))
status, o = get(CMS, method="POST", body=b"k8s\0\x0a\x01", content_type=PROTO)
same("a body that is no protobuf", (status, o["reason"]), (400, "BadRequest"))
_, data, _ = ask(CMS + "/c1", accept=PROTO)
status, o = get(CMS + "/c1", method="PUT", body=data, content_type=PROTO)
same("what was got can be put", (status, o["data"]), (200, {"a": "1"}))



# --- bodies in protobuf of what is no kind of its own ---

def field(number, value):
    if isinstance(value, int):
        head, rest, out = number << 3, value, b""
    else:
        head, rest, out = number << 3 | 2, len(value), value
    b = b""
    for n in (head, rest):
        while n > 127:
            b, n = b + bytes([n & 127 | 128]), n >> 7
        b += bytes([n])
    return b + out


def body(version, kind, message):
    return b"k8s\0" + field(1, field(1, version.encode()) + field(2, kind.encode())) + field(2, message)


status, o = get(CMS + "/c3a", method="DELETE", content_type=PROTO,
                body=body("v1", "DeleteOptions", field(2, field(2, b"1"))))
same("delete options in protobuf", (status, o["reason"]), (409, "Conflict"))
status, o = get(CMS + "/c3a", method="DELETE", content_type=PROTO, body=body("v1", "Pod", b""))
same("what are no delete options", status, 400)
DEPLOY = "/apis/apps/v1/namespaces/default/deployments"
pod = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
status, o = get(DEPLOY, method="POST", content_type="application/json",
                body=json.dumps({"metadata": {"name": "d"}, "spec": {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": pod}}))
same("a deployment", status, 201)
status, data, r = ask(DEPLOY + "/d/scale", accept=PROTO)
same("its scale in protobuf", envelope(data)[:2], ("autoscaling/v1", "Scale"))
status, data, r = ask(DEPLOY + "/d/scale", method="PUT", content_type=PROTO, accept=PROTO,
                      body=body("autoscaling/v1", "Scale", envelope(data)[2] + field(2, field(1, 1))))
same("and changed by it", (status, one(envelope(data)[2], 2, 1)), (200, 1))
time.sleep(0.5)
name = get("/api/v1/namespaces/default/pods")[1]["items"][0]["metadata"]["name"]
status, data, r = ask("/api/v1/namespaces/default/pods/%s/eviction" % name, method="POST", content_type=PROTO, accept=PROTO,
                      body=body("policy/v1", "Eviction", field(1, field(1, name.encode()) + field(3, b"default"))))
same("an eviction", (status, envelope(data)[1], one(envelope(data)[2], 2)), (201, "Status", b"Success"))
get(DEPLOY + "/d", method="DELETE")

# --- gzip ---

noise = base64.b64encode(os.urandom(100000)).decode()
for i in range(40):
    create("big%02d" % i, noise)
plain = ask(CMS)[1]
same("an answer in pieces", len(json.loads(plain)["items"]), 47 + len(CA))
status, data, r = ask(CMS, accept=PROTO)
bigs = [one(v, 2, 2) for n, v in fields(envelope(data)[2]) if n == 2 and (one(v, 1, 1) or b"").startswith(b"big")]
same("in protobuf too", (len(bigs), bigs == [noise.encode()] * 40, envelope(data)[:2]), (40, True, ("v1", "ConfigMapList")))
status, packed, r = ask(CMS, accept=PROTO, accept_encoding="gzip")
same("and compressed", (r.headers["Content-Encoding"], gzip.decompress(packed) == data), ("gzip", True))
status, data, r = ask(CMS, accept_encoding="gzip")
same("a large answer is compressed", (r.headers["Content-Encoding"], gzip.decompress(data) == plain), ("gzip", True))
same("a small one is not", ask(CMS + "/c1", accept_encoding="gzip")[2].headers["Content-Encoding"], None)
status, data, r = ask("/openapi/v2", accept_encoding="gzip")
same("OpenAPI is compressed", (r.headers["Content-Encoding"], "swagger" in json.loads(gzip.decompress(data))), ("gzip", True))
c = connect()
c.request("GET", CMS + "?watch=1&timeoutSeconds=3&labelSelector=%21odd")
r = c.getresponse()
time.sleep(1.5)  # more than fits into any buffer is on its way meanwhile
create("late")
get(CMS + "/late", method="DELETE")
lines = [json.loads(line) for line in r.read().splitlines()]
same("a watch that begins slowly", [e["type"] for e in lines], ["ADDED"] * (42 + len(CA)) + ["DELETED"])
same("and in order", [e["object"]["metadata"]["name"] for e in lines], ["big%02d" % i for i in range(40)] + ["c3a"] + CA + ["late", "late"])
for i in range(40):
    get(CMS + "/big%02d" % i, method="DELETE")

# --- watches ---

rv = get(CMS)[1]["metadata"]["resourceVersion"]
by_label = Watch("labelSelector=odd%3D1&timeoutSeconds=3&resourceVersion=" + rv)
by_proto = Watch("timeoutSeconds=3&resourceVersion=" + rv, member=1, accept=PROTO)
partial = Watch("timeoutSeconds=3&resourceVersion=" + rv, accept="application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
table = Watch("timeoutSeconds=3&resourceVersion=" + rv, accept="application/json;as=Table;g=meta.k8s.io;v=v1")
named = Watch("timeoutSeconds=3&fieldSelector=metadata.name%3Dc6", member=2)
patch("c0", {"metadata": {"labels": {"odd": "1"}}})
last = patch("c0", {"metadata": {"labels": {"odd": "0"}}})
patch("c6", {"data": {"a": "six"}})
get(CMS + "/c6", method="DELETE")
same("selectors make and unmake", by_label.short(), [("ADDED", "c0"), ("DELETED", "c0")])
gone = by_label.events()[1]["object"]["metadata"]
same("what leaves is as it was seen last", (gone["labels"]["odd"], gone["resourceVersion"]), ("1", last["metadata"]["resourceVersion"]))
same("one name", named.short(), [("ADDED", "c6"), ("MODIFIED", "c6"), ("DELETED", "c6")])
by_proto.join()
same("frames", [(e[0], e[1], e[2], one(e[3], 1, 1)) for e in protos(by_proto.result[1])],
     [("MODIFIED", "v1", "ConfigMap", b"c0")] * 2 + [("MODIFIED", "v1", "ConfigMap", b"c6"), ("DELETED", "v1", "ConfigMap", b"c6")])
same("their type", by_proto.result[2].headers["Content-Type"], PROTO + ";stream=watch")
same("metadata of changes", [(e["object"]["kind"], sorted(e["object"])) for e in partial.events()],
     [("PartialObjectMetadata", ["apiVersion", "kind", "metadata"])] * 4)
same("tables of changes", [(e["object"]["kind"], e["object"]["columnDefinitions"] is None, e["object"]["rows"][0]["cells"][0]) for e in table.events()],
     [("Table", False, "c0"), ("Table", True, "c0"), ("Table", True, "c6"), ("Table", True, "c6")])

bookmarks = Watch("timeoutSeconds=1&allowWatchBookmarks=true&resourceVersion=" + rv).events()
same("a bookmark before the end", (bookmarks[-1]["type"], int(bookmarks[-1]["object"]["metadata"]["resourceVersion"]) > int(rv)), ("BOOKMARK", True))
initial = Watch("timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=" + rv).events()
same("a streamed list", [e["type"] for e in initial], ["ADDED"] * (6 + len(CA)) + ["BOOKMARK"] * 2)
same("its end is marked", [e["object"]["metadata"].get("annotations") for e in initial[-2:]], [{"k8s.io/initial-events-end": "true"}, None])
without = Watch("timeoutSeconds=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan")
create("c7")
same("without what is there", without.short(), [("ADDED", "c7")])
status, o = get(CMS + "?watch=1&sendInitialEvents=true")
same("sendInitialEvents alone", (status, o["reason"]), (422, "Invalid"))
same("no YAML", get(CMS + "?watch=1", accept="application/yaml")[0], 406)
same("the old way", [e["type"] for e in Watch("timeoutSeconds=1", "/api/v1/watch/namespaces/default/configmaps/c7").events()], ["ADDED"])


# --- WebSocket ---

def socket_watch(query, accept, then):
    raw = context.wrap_socket(__import__("socket").create_connection(("127.0.0.1", ports[0])), server_hostname="127.0.0.1")
    raw.settimeout(10)
    raw.sendall(("GET %s?watch=1&%s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAccept: %s\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" % (CMS, query, accept)).encode())
    f = raw.makefile("rb")
    head = []
    while True:
        line = f.readline().strip()
        if not line:
            break
        head.append(line.lower())
    then(raw)
    messages = []
    while True:
        b = f.read(2)
        if len(b) < 2:
            break
        size = b[1] & 127
        if size == 126:
            size, = struct.unpack(">H", f.read(2))
        elif size == 127:
            size, = struct.unpack(">Q", f.read(8))
        messages.append((b[0] & 15, f.read(size)))
        if b[0] & 15 == 8:
            break
    raw.close()
    return head, messages


rv = get(CMS)[1]["metadata"]["resourceVersion"]


def ping_and_change(raw):
    raw.sendall(b"\x89\x82abcd" + bytes(x ^ y for x, y in zip(b"hi", b"ab")))
    create("ws", "w" * 300)
    get(CMS + "/ws", method="DELETE")


head, messages = socket_watch("timeoutSeconds=1&resourceVersion=" + rv, "application/json", ping_and_change)
same("a WebSocket", (head[0], b"sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=" in head), (b"http/1.1 101 switching protocols", True))
same("a pong", [m for m in messages if m[0] == 10], [(10, b"hi")])
same("events as texts", [(m[0], json.loads(m[1])["type"], json.loads(m[1])["object"]["metadata"]["name"]) for m in messages if m[0] == 1],
     [(1, "ADDED", "ws"), (1, "DELETED", "ws")])
same("a close at the end", messages[-1], (8, b"\x03\xe8"))
head, messages = socket_watch("timeoutSeconds=1&resourceVersion=" + rv, PROTO, lambda raw: None)
same("events as bytes", [(m[0], one(m[1], 1)) for m in messages if m[0] == 2], [(2, b"ADDED"), (2, b"DELETED")])
head, messages = socket_watch("timeoutSeconds=60", "application/json", lambda raw: raw.sendall(b"\x88\x80abcd"))
same("a client that closes", (head[0], messages[-1][0]), (b"http/1.1 101 switching protocols", 8))

# --- what is kept no more ---

for i in range(9000):
    if i % 1000 == 0:
        c = connect()
    c.request("PATCH", CMS + "/c0", json.dumps({"data": {"a": str(i)}}), {"Content-Type": "application/merge-patch+json"})
    c.getresponse().read()
time.sleep(1)
status, o = get(CMS + "?limit=3&continue=" + meta["continue"], 1)
same("a token that is too old", (status, o["reason"]), (410, "Expired"))
status, page = get(CMS + "?limit=3&continue=" + o["metadata"]["continue"], 1)
same("and the one that goes on", (status, names(page)), (200, ["c3", "c3a", "c5"]))
same("a revision that is too old", get(CMS + "?resourceVersionMatch=Exact&resourceVersion=" + first, 1)[1]["reason"], "Expired")
status, data, _ = ask(CMS + "?watch=1&resourceVersion=" + first, 1)
same("a watch that is too old", (status, json.loads(data)["type"], json.loads(data)["object"]["code"]), (200, "ERROR", 410))
status, data, _ = ask(CMS + "?watch=1&resourceVersion=" + first, 1, accept=PROTO)
same("and in protobuf", [(e[0], e[2], one(e[3], 6)) for e in protos(data)], [("ERROR", "Status", 410)])

# --- every answer has a name ---

ids = []
for path in (CMS, CMS + "/none", "/version", "/openapi/v3/api/v1", CMS + "?watch=1&timeoutSeconds=1"):
    status, data, r = ask(path)
    ids.append(r.getheader("Audit-Id") or "")
same("audit ids: a UUID each", [len(i) for i in ids], [36] * len(ids))
same("audit ids: no two alike", len(set(ids)), len(ids))
status, data, r = ask(CMS, Audit_ID="mine")
same("audit ids: the client's own", r.getheader("Audit-Id"), "mine")
