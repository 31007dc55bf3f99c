"""What `kubectl explain --recursive` has to show of a kind: every field that control/schema knows, and no other."""
import glob
import os
import re

import yaml

SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../control/schema")


class Schema:
    def __init__(self):
        self.kinds, self.types = [], {}
        for path in sorted(glob.glob(SCHEMA + "/kinds/*.yaml") + glob.glob(SCHEMA + "/types/*.yaml")):
            with open(path, encoding="utf-8") as file:
                val = yaml.safe_load(file)
            self.types.update(val.get("types") or {})
            if "type" in val:
                self.kinds.append(val)

    def fields(self, name, above=()):
        """Each field below a type, as (path, ...): a type inside itself is not looked into again."""
        if name in above:
            return
        for field, val in (self.types.get(name, {}).get("fields") or {}).items():
            yield (field,)
            inner = val.get("type") or val.get("list") or val.get("map")
            for path in self.fields(inner, (*above, name)):
                yield (field, *path)


def shown(text):
    """The paths that a client printed: their depth is their indentation."""
    stack, found = [], set()
    for line in text.partition("FIELDS:")[2].splitlines():
        field = re.match(r"( +)(\S+)\t<", line)
        if field is None:
            continue
        while stack and stack[-1][0] >= len(field[1]):
            stack.pop()
        stack.append((len(field[1]), field[2]))
        found.add(tuple(name for _, name in stack))
    return found


def api_version(kind):
    return "/".join(filter(None, (kind["group"], kind["version"])))


def faults(schema, run):
    """Through every kind with run(command): its exit code and what it printed. Yields (command, what is wrong)."""
    served = run("kubectl api-resources -o name")[1].split()
    known = [".".join(filter(None, (kind["names"]["plural"], kind["group"]))) for kind in schema.kinds]
    if set(served) != set(known):
        yield "kubectl api-resources", sorted(set(served) ^ set(known))
    for kind in schema.kinds:
        command = "kubectl explain %s --api-version=%s --recursive" % (kind["names"]["plural"], api_version(kind))
        code, text = run(command)
        want, got = set(schema.fields(kind["type"])), shown(text)
        wrong = ["exit code %d: %s" % (code, text)] if code else []
        wrong += ["missing: " + ".".join(path) for path in sorted(want - got)]
        wrong += ["unknown: " + ".".join(path) for path in sorted(got - want)]
        if wrong:
            yield command, wrong[:20]
