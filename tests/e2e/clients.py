"""Debian's python3-kubernetes, which knows reckon only by its discovery: every kind that is stored is created, watched,
patched, applied, replaced, read and deleted, and no field is lost: clients.py KUBECONFIG KINDS.yaml
Prints one line for each check, "ok NAME" or "not ok NAME: why"."""
import base64, json, sys, time

import yaml
from kubernetes import client, config, watch
from kubernetes.client.rest import ApiException
from kubernetes.dynamic import DynamicClient


def said(name, problem):
    print("ok " + name if not problem else "not ok %s: %s" % (name, str(problem).replace("\n", " ")[:300]), flush=True)


def lost(sent, got, path=""):
    """What of `sent` is not in `got`; the server may add."""
    if isinstance(sent, dict):
        if not isinstance(got, dict):
            return path
        return next(filter(None, (lost(v, got.get(k), "%s.%s" % (path, k)) for k, v in sent.items())), None)
    if isinstance(sent, list):
        if not isinstance(got, list) or len(got) < len(sent):
            return path
        return next(filter(None, (lost(v, got[i], "%s[%d]" % (path, i)) for i, v in enumerate(sent))), None)
    return None if sent == got or str(sent) == str(got) else "%s: sent %r, got %r" % (path, sent, got)


def event(resource, name, revision, want, has, about):
    """Whether there is an event of the type about the object, with these fields."""
    for e in resource.watch(resource_version=revision, timeout=10, **about):
        if e["type"] == want and e["raw_object"]["metadata"]["name"] == name and not lost(has, e["raw_object"]):
            return None
    return "not there"


def through(dynamic, doc):
    kind, name = doc["kind"], doc["metadata"]["name"]
    resource = dynamic.resources.get(api_version=doc["apiVersion"], kind=kind)
    about = {"namespace": "default"} if resource.namespaced else {}
    revision = resource.get(limit=1, **about).metadata.resourceVersion
    made = resource.create(body=doc, **about).to_dict()
    for key, text in doc.pop("stringData", {}).items():  # that comes back in another form
        doc.setdefault("data", {})[key] = base64.b64encode(text.encode()).decode()
    said(kind + ": create keeps every field", lost(doc, made))
    said(kind + ": a watch sees it", event(resource, name, revision, "ADDED", doc, about))
    label = {"metadata": {"labels": {"tried": "yes"}}}
    patched = resource.patch(body=label, name=name, content_type="application/merge-patch+json", **about).to_dict()
    said(kind + ": merge patch", lost(doc, patched) or lost(label, patched))
    said(kind + ": a watch sees the patch",
         event(resource, name, made["metadata"]["resourceVersion"], "MODIFIED", label, about))
    note = {"apiVersion": doc["apiVersion"], "kind": kind, "metadata": {"name": name, "annotations": {"a": "b"}}}
    applied = resource.patch(body=json.dumps(note), name=name, content_type="application/apply-patch+yaml", field_manager="client",
                             **about).to_dict()
    said(kind + ": apply", lost(doc, applied) or lost(note, applied))
    got = resource.get(name=name, **about).to_dict()
    got["metadata"]["labels"]["tried"] = "again"
    replaced = resource.replace(body=got, **about).to_dict()
    said(kind + ": replace", lost(doc, replaced) or lost({"metadata": {"labels": {"tried": "again"}}}, replaced))
    listed = resource.get(label_selector="tried=again", **about).to_dict()["items"]
    said(kind + ": a list by label", [o["metadata"]["name"] for o in listed] != [name] and listed)
    resource.delete(name=name, **about)
    until, gone = time.time() + 10, False
    while not gone and time.time() < until:
        try:
            resource.get(name=name, **about)
            time.sleep(0.05)
        except ApiException as e:
            gone = e.status == 404
    said(kind + ": delete", not gone and "still there")


def typed():
    core, apps = client.CoreV1Api(), client.AppsV1Api()
    made = core.create_namespaced_config_map("default", client.V1ConfigMap(
        metadata=client.V1ObjectMeta(generate_name="typed-"), data={"a": "b"}))
    said("typed: create with generateName", not made.metadata.name.startswith("typed-"))
    seen = None
    for e in watch.Watch().stream(core.list_namespaced_config_map, "default", timeout_seconds=5):
        if e["object"].metadata.name == made.metadata.name:
            seen = e["object"]
            break
    said("typed: watch", seen is None or seen.data != {"a": "b"})
    stale = core.read_namespaced_config_map(made.metadata.name, "default")
    core.patch_namespaced_config_map(made.metadata.name, "default", {"data": {"a": "c"}})
    try:
        core.replace_namespaced_config_map(made.metadata.name, "default", stale)
        said("typed: a stale replace", "it was taken")
    except ApiException as e:
        said("typed: a stale replace", e.status != 409 and e)
    said("typed: delete", core.delete_namespaced_config_map(made.metadata.name, "default").status != "Success")
    spec = client.V1DeploymentSpec(replicas=2, selector={"matchLabels": {"app": "typed"}}, template=client.V1PodTemplateSpec(
        metadata=client.V1ObjectMeta(labels={"app": "typed"}),
        spec=client.V1PodSpec(containers=[client.V1Container(name="c", image="x:1")])))
    apps.create_namespaced_deployment("default", client.V1Deployment(metadata=client.V1ObjectMeta(name="typed"), spec=spec))
    until = time.time() + 10
    while apps.read_namespaced_deployment_status("typed", "default").status.replicas != 2 and time.time() < until:
        time.sleep(0.05)
    said("typed: a Deployment makes its pods", len(core.list_namespaced_pod("default", label_selector="app=typed").items) != 2)
    scale = apps.patch_namespaced_deployment_scale("typed", "default", {"spec": {"replicas": 0}})
    said("typed: scale", scale.spec.replicas not in (0, None) and scale)
    said("typed: version", not client.VersionApi().get_code().git_version.startswith("v1."))


config.load_kube_config(sys.argv[1])
typed()
dynamic = DynamicClient(client.ApiClient())
for doc in yaml.safe_load_all(open(sys.argv[2])):
    try:
        through(dynamic, doc)
    except Exception as e:  # each kind by itself
        said(doc["kind"] + ": its way", "%s: %s" % (type(e).__name__, e))
