"""Every kubectl sub-command, as docs/kubectl.md records it: kubectl.py RECKON SCRATCH PORT KUBECTL...

Each client goes through the rows in turn, in a cluster of its own with simulated nodes. A row that is not run says why.
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys

import explain

HERE = os.path.dirname(os.path.abspath(__file__))
DOC = os.path.join(HERE, "../../docs/kubectl.md")
# What is not served yet: rows whose column `clients` says so wait until the word goes from here.
NOT_YET = ["quotas"]
# What every client does. Only some do the rest; that all create the same by command, control.sh tries.
ALL_DO = ["Objects from files", "Rights"]
ITEM = re.compile(r"(?P<no>not )?`(?P<line>[^`]+)`|(?P<count>\d+) lines?|(?P<nothing>nothing)|\([^)]*\)|[,.; ]+")


class Row:
    def __init__(self, section, cells):
        self.section, self.command, self.exit = section, cells[0].strip("`"), int(cells[1] or 0)
        self.says, self.clients = cells[2], cells[3]
        self.lines, self.absent, self.count = [], [], None
        at = 0
        while at < len(self.says):
            item = ITEM.match(self.says, at)
            if item is None:
                sys.exit("docs/kubectl.md: not understood: %s" % self.says[at:])
            at = item.end()
            if item["line"]:
                (self.absent if item["no"] else self.lines).append(item["line"])
            if item["count"] or item["nothing"]:
                self.count = int(item["count"] or 0)

    def elsewhere(self):
        """The test that covers it, or the word that it waits for: ("node.sh", ...), ("not yet", ...)."""
        match = re.match(r"(node\.sh|not yet): (.*)", self.clients)
        return match and match.groups()

    def holds(self, minor):
        match = re.match(r"1\.(\d+)(\+|-1\.(\d+))?$", self.clients)
        if match is None:
            return True
        last = match[3] or (match[1] if not match[2] else 99)
        return int(match[1]) <= minor <= int(last)

    def paths(self):
        """The sub-commands that it calls: [["create", "role", ...], ...]."""
        found = []
        for part in self.command.split("kubectl ")[1:]:
            words = re.sub(r"^(--\S+[= ]\S+ )+", "", part).split()
            plain = next((i for i, word in enumerate(words) if not re.match(r"[a-z-]+$", word) or word[0] == "-"), len(words))
            found.append(words[:plain])
        return found


def rows_of(path):
    rows, section, ours = [], "", False
    for line in open(path, encoding="utf-8"):
        if line.startswith("## "):
            section = line[3:].strip()
        if not line.startswith("| `"):
            ours = line.startswith("| command | exit |") or (ours and line.startswith("| ---"))
        elif ours:
            rows.append(Row(section, [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]))
    return rows


def commands_of(kubectl, path=()):
    """Every sub-command that the client's own help lists, each as a tuple of words."""
    text = subprocess.run([kubectl, *path, "--help"], capture_output=True, text=True, check=False).stdout
    listed, found = False, []
    for line in text.splitlines():
        if re.match(r"\S.*Commands.*:$", line):
            listed = True
        elif re.match(r"\S", line):
            listed = False
        elif listed and (word := re.match(r"  ([a-z-]+)  +\S", line)):
            found.append((*path, word[1]))
    return found + [below for child in found for below in commands_of(kubectl, child)]


def flags_of(kubectl, path):
    text = subprocess.run([kubectl, *path, "--help"], capture_output=True, text=True, check=False).stdout
    return re.findall(r"^ +(?:(-\w), )?(--[a-z-]+)=", text, re.M)


def no(name, why):
    """A failure, with its details behind BELs."""
    return "\a".join(["not ok " + name, *why])


def squeeze(text):
    return [" ".join(line.split()) for line in text.splitlines()]


def is_said(pattern, lines):
    wanted = re.compile(".*".join(re.escape(part) for part in pattern.split("*")))
    return any(wanted.fullmatch(line) for line in lines)


class Client:
    def __init__(self, reckon, scratch, port, kubectl, is_whole):
        self.reckon, self.port, self.is_whole = reckon, port, is_whole
        self.name = "kubectl " + re.search(r"1\.(\d+)$", kubectl)[0]
        self.minor = int(self.name.split(".")[1])
        self.dir = os.path.join(scratch, self.name[8:])
        shutil.copytree(os.path.join(HERE, "kubectl"), self.dir)
        os.mkdir(self.dir + "/bin")
        os.symlink(kubectl, self.dir + "/bin/kubectl")
        self.env = {"PATH": self.dir + "/bin:" + os.environ["PATH"], "HOME": self.dir, "LANG": "C.UTF-8",
                    "KUBECONFIG": self.dir + "/cluster/admin.kubeconfig"}

    def run(self, command, timeout=40):
        done = subprocess.run(["timeout", "-k", "1", str(timeout), "bash", "-c", command], cwd=self.dir, env=self.env, text=True,
                              errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.returncode, done.stdout

    def cluster(self, verb):
        more = "--members 1 --nodes 2 --simulated --port %d --peer-port %d" % (self.port, self.port + 1) if verb == "up" else ""
        return self.run("%s cluster %s --dir cluster %s" % (self.reckon, verb, more))

    def fault(self, row):
        """What is wrong with it, or None."""
        code, text = self.run(row.command)
        lines, expand = squeeze(text), lambda pattern: pattern.replace("$node", self.env["node"])
        faults = ["exit code %d, not %d" % (code, row.exit)] if code != row.exit else []
        faults += ["no line: " + line for line in row.lines if not is_said(expand(line), lines)]
        faults += ["a line: " + line for line in row.absent if is_said(expand(line), lines)]
        if row.count not in (None, len(lines)):
            faults.append("%d lines, not %d" % (len(lines), row.count))
        return faults and faults + ["it said:"] + lines[:25]

    def explained(self, schema):
        faults = list(explain.faults(schema, self.run))
        said = [no("%s: %s" % (self.name, command), wrong) for command, wrong in faults]
        return said + ["ok %s: explain --recursive: %d of %d kinds" % (self.name, len(schema.kinds) - len(faults), len(schema.kinds))]

    def session(self, rows):
        """Its report, as lines of a test."""
        said = []
        try:
            code, text = self.cluster("up")
            if code != 0:
                return [no("%s: cluster up" % self.name, squeeze(text))]
            self.run("openssl req -x509 -newkey rsa:2048 -nodes -keyout tls.key -out tls.crt -subj /CN=example -days 9")
            self.env["node"] = self.run("kubectl get nodes -o 'jsonpath={.items[0].metadata.name}'")[1]
            for section in dict.fromkeys(row.section for row in rows):
                if not self.is_whole and section not in ALL_DO:
                    continue
                here = [row for row in rows if row.section == section and not row.elsewhere() and row.holds(self.minor)]
                faults = [(row, fault) for row in here if (fault := self.fault(row))]
                said += [no("%s: %s" % (self.name, row.command), fault) for row, fault in faults]
                said.append("ok %s: %s: %d of %d rows" % (self.name, section, len(here) - len(faults), len(here)))
            if self.is_whole:
                said += self.explained(explain.Schema())
            else:
                said.append("ok %s: that was all: other clients do the rest" % self.name)
        finally:
            self.cluster("down")
        return said


def complete(rows, kubectl):
    """Is there a row for every sub-command of the newest client?"""
    commands = commands_of(kubectl)
    called = [path for row in rows for path in row.paths()]
    for command in commands + [("options",)]:
        children = [child[-1] for child in commands if child[:-1] == command]
        # What has sub-commands and does something itself, too, says so in its usage.
        own = [path for path in called if tuple(path[:len(command)]) == command]
        if children and command not in (("apply",), ("create",), ("cluster-info",)):
            continue
        if [path for path in own if path[len(command):len(command) + 1] not in [[child] for child in children]]:
            continue
        yield "not ok a row for kubectl %s" % " ".join(command)
    yield "ok a row for each of %d sub-commands" % len(commands)


def elsewhere(rows):
    node = "".join(open(os.path.join(HERE, name), encoding="utf-8").read() for name in ("node.sh", "attach.sh", "forward.sh", "inside.sh"))
    for row in rows:
        where = row.elsewhere()
        if where and where[0] == "node.sh":
            missing = [name for name in re.findall(r"`([^`]+)`", where[1]) if name + '"' not in node]
            yield no("%s: node.sh has no such test" % row.command, missing) if missing \
                else "ok %s: node.sh: %s" % (row.command, where[1].replace("`", ""))
        elif where and where[1] in NOT_YET:
            yield "SKIPPED %s\a%s is not served yet" % (row.command, where[1])


def main():
    reckon, scratch, port, kubectls = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
    rows = rows_of(DOC)
    for row in rows:
        if (row.elsewhere() or ("", ""))[0] == "not yet" and row.elsewhere()[1] not in NOT_YET:
            row.clients = ""
    newest = max(kubectls, key=lambda path: int(path.rsplit(".", 1)[1]))
    for line in [*complete(rows, newest), *elsewhere(rows)]:
        print(line, flush=True)
    whole = [kubectls[0], newest, *[path for path in kubectls if path.endswith(".27") or os.environ.get("KUBECTL_ALL")]]
    clients = [Client(reckon, scratch, port + 2 * i, kubectl, kubectl in whole) for i, kubectl in enumerate(kubectls)]
    clients.sort(key=lambda client: not client.is_whole)  # the long ones first; clients wait for much, so there are more than processors
    with concurrent.futures.ThreadPoolExecutor(2 * os.cpu_count()) as pool:
        for said in pool.map(lambda client: client.session(rows), clients):
            print("\n".join(line.replace("\n", " ") for line in said), flush=True)


if __name__ == "__main__":
    main()
