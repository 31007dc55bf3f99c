/* Containers, volumes and tolerations, as pods and templates have them. */
#include "base/mem.h"
#include "cli/describe.h"
#include "wire/jsonpath.h"

static struct rk_span text_of(struct rk_describe *d, const struct rk_val *val, const char *path)
{
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };
	const struct rk_val *at = rk_val_at(val, path);

	if (at == NULL)
		return RK_SPAN("");
	rk_jsonpath_put(&out, at);
	return rk_arena_span(d->arena, rk_buf_span(&out));
}

static void put_ports(struct rk_describe *d, const struct rk_val *ports)
{
	const char *plural = rk_val_count(ports) > 1 ? "s" : "";

	rk_describe_put(d, "    Port%s:\t", plural);
	for (uint32_t i = 0; i < rk_val_count(ports); i++) {
		const struct rk_val *port = rk_val_item(ports, i);
		const struct rk_span protocol = rk_val_text_at(port, "protocol");
		rk_describe_put(d, "%s%lld/%.*s", i > 0 ? ", " : "",
				(long long)rk_val_int_at(port, "containerPort", 0),
				RK_SPAN_ARGS(protocol.size > 0 ? protocol : RK_SPAN("TCP")));
	}
	rk_describe_put(d, "%s\n    Host Port%s:\t", rk_val_count(ports) == 0 ? "<none>" : "",
			plural);
	for (uint32_t i = 0; i < rk_val_count(ports); i++) {
		const struct rk_val *port = rk_val_item(ports, i);
		const struct rk_span protocol = rk_val_text_at(port, "protocol");
		rk_describe_put(d, "%s%lld/%.*s", i > 0 ? ", " : "",
				(long long)rk_val_int_at(port, "hostPort", 0),
				RK_SPAN_ARGS(protocol.size > 0 ? protocol : RK_SPAN("TCP")));
	}
	rk_describe_put(d, "%s\n", rk_val_count(ports) == 0 ? "<none>" : "");
}

static void put_words(struct rk_describe *d, const char *label, const struct rk_val *words)
{
	if (rk_val_count(words) == 0)
		return;
	rk_describe_put(d, "    %s:\n", label);
	for (uint32_t i = 0; i < rk_val_count(words); i++) {
		struct rk_span rest = rk_val_text(rk_val_item(words, i)), line;
		do {
			rest = rk_span_cut(rest, '\n', &line);
			rk_describe_put(d, "      %.*s\n", RK_SPAN_ARGS(line));
		} while (rest.size > 0);
	}
}

static void put_state(struct rk_describe *d, const char *label, const struct rk_val *state)
{
	const struct rk_val *waiting = rk_val_at(state, "waiting");
	const struct rk_val *running = rk_val_at(state, "running");
	const struct rk_val *ended = rk_val_at(state, "terminated");

	if (running != NULL) {
		rk_describe_put(d, "    %s:\tRunning\n      Started:\t%s\n", label,
				rk_describe_time(d, rk_val_text_at(running, "startedAt"), ""));
	} else if (ended != NULL) {
		rk_describe_put(d, "    %s:\tTerminated\n", label);
		if (rk_val_text_at(ended, "reason").size > 0)
			rk_describe_put(d, "      Reason:\t%.*s\n",
					RK_SPAN_ARGS(rk_val_text_at(ended, "reason")));
		if (rk_val_text_at(ended, "message").size > 0)
			rk_describe_put(d, "      Message:\t%.*s\n",
					RK_SPAN_ARGS(rk_val_text_at(ended, "message")));
		rk_describe_put(d, "      Exit Code:\t%lld\n",
				(long long)rk_val_int_at(ended, "exitCode", 0));
		if (rk_val_int_at(ended, "signal", 0) > 0)
			rk_describe_put(d, "      Signal:\t%lld\n",
					(long long)rk_val_int_at(ended, "signal", 0));
		rk_describe_put(d, "      Started:\t%s\n      Finished:\t%s\n",
				rk_describe_time(d, rk_val_text_at(ended, "startedAt"), ""),
				rk_describe_time(d, rk_val_text_at(ended, "finishedAt"), ""));
	} else {
		rk_describe_put(d, "    %s:\tWaiting\n", label);
		if (rk_val_text_at(waiting, "reason").size > 0)
			rk_describe_put(d, "      Reason:\t%.*s\n",
					RK_SPAN_ARGS(rk_val_text_at(waiting, "reason")));
		if (rk_val_text_at(waiting, "message").size > 0)
			rk_describe_put(d, "      Message:\t%.*s\n",
					RK_SPAN_ARGS(rk_val_text_at(waiting, "message")));
	}
}

static void put_status(struct rk_describe *d, const struct rk_val *status)
{
	put_state(d, "State", rk_val_at(status, "state"));
	if (rk_val_count(rk_val_at(status, "lastState")) > 0)
		put_state(d, "Last State", rk_val_at(status, "lastState"));
	rk_describe_put(d, "    Ready:\t%s\n    Restart Count:\t%lld\n",
			rk_val_bool_at(status, "ready", false) ? "True" : "False",
			(long long)rk_val_int_at(status, "restartCount", 0));
}

static void put_amounts(struct rk_describe *d, const char *label, const struct rk_val *map)
{
	if (rk_val_count(map) == 0)
		return;
	struct rk_val *all = rk_val_copy(d->arena, map);
	rk_val_sort(all);
	rk_describe_put(d, "    %s:\n", label);
	for (uint32_t i = 0; i < all->count; i++)
		rk_describe_put(d, "      %.*s:\t%.*s\n", RK_SPAN_ARGS(all->fields[i].key),
				RK_SPAN_ARGS(rk_val_text(all->fields[i].val)));
}

static void put_probe(struct rk_describe *d, const char *label, const struct rk_val *probe)
{
	const struct rk_val *http = rk_val_at(probe, "httpGet"),
			    *tcp = rk_val_at(probe, "tcpSocket");
	const struct rk_val *exec = rk_val_at(probe, "exec.command");
	struct rk_span scheme = rk_val_text_at(http, "scheme");

	if (probe == NULL)
		return;
	rk_describe_put(d, "    %s:\t", label);
	if (http != NULL) {
		rk_describe_put(d, "http-get %s://%.*s:%.*s%.*s",
				rk_span_is(scheme, "HTTPS") ? "https" : "http",
				RK_SPAN_ARGS(rk_val_text_at(http, "host")),
				RK_SPAN_ARGS(text_of(d, http, "port")),
				RK_SPAN_ARGS(rk_val_text_at(http, "path")));
	} else if (tcp != NULL) {
		rk_describe_put(d, "tcp-socket %.*s:%.*s",
				RK_SPAN_ARGS(rk_val_text_at(tcp, "host")),
				RK_SPAN_ARGS(text_of(d, tcp, "port")));
	} else {
		rk_describe_put(d, "exec [");
		for (uint32_t i = 0; i < rk_val_count(exec); i++)
			rk_describe_put(d, "%s%.*s", i > 0 ? " " : "",
					RK_SPAN_ARGS(rk_val_text(rk_val_item(exec, i))));
		rk_describe_put(d, "]");
	}
	rk_describe_put(d, " delay=%llds timeout=%llds period=%llds #success=%lld #failure=%lld\n",
			(long long)rk_val_int_at(probe, "initialDelaySeconds", 0),
			(long long)rk_val_int_at(probe, "timeoutSeconds", 1),
			(long long)rk_val_int_at(probe, "periodSeconds", 10),
			(long long)rk_val_int_at(probe, "successThreshold", 1),
			(long long)rk_val_int_at(probe, "failureThreshold", 3));
}

static void put_env_from(struct rk_describe *d, const struct rk_val *list)
{
	if (rk_val_count(list) == 0)
		return;
	rk_describe_put(d, "    Environment Variables from:\n");
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_val *from = rk_val_item(list, i);
		const bool is_map = rk_val_at(from, "configMapRef") != NULL;
		const struct rk_val *ref = rk_val_at(from, is_map ? "configMapRef" : "secretRef");
		rk_describe_put(d, "      %.*s\t%s\tOptional: %s\n",
				RK_SPAN_ARGS(rk_val_text_at(ref, "name")),
				is_map ? "ConfigMap" : "Secret",
				rk_val_bool_at(ref, "optional", false) ? "true" : "false");
	}
}

static void put_env(struct rk_describe *d, const struct rk_val *list)
{
	static const char *const refs[][2] = { { "configMapKeyRef", "config map" },
					       { "secretKeyRef", "secret" } };

	rk_describe_put(d, "    Environment:%s\n", rk_val_count(list) == 0 ? "\t<none>" : "");
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_val *env = rk_val_item(list, i),
				    *from = rk_val_at(env, "valueFrom");
		const struct rk_val *field = rk_val_at(from, "fieldRef");
		rk_describe_put(d, "      %.*s:\t", RK_SPAN_ARGS(rk_val_text_at(env, "name")));
		if (from == NULL)
			rk_describe_put(d, "%.*s", RK_SPAN_ARGS(rk_val_text_at(env, "value")));
		if (field != NULL)
			rk_describe_put(d, " (%.*s:%.*s)",
					RK_SPAN_ARGS(rk_val_text_at(field, "apiVersion")),
					RK_SPAN_ARGS(rk_val_text_at(field, "fieldPath")));
		for (size_t n = 0; n < RK_COUNT(refs); n++) {
			const struct rk_val *ref = rk_val_at(from, refs[n][0]);
			if (ref == NULL)
				continue;
			rk_describe_put(d, "<set to the key '%.*s' in %s '%.*s'>\tOptional: %s",
					RK_SPAN_ARGS(rk_val_text_at(ref, "key")), refs[n][1],
					RK_SPAN_ARGS(rk_val_text_at(ref, "name")),
					rk_val_bool_at(ref, "optional", false) ? "true" : "false");
		}
		rk_describe_put(d, "\n");
	}
}

static void put_mounts(struct rk_describe *d, const struct rk_val *list)
{
	rk_describe_put(d, "    Mounts:%s\n", rk_val_count(list) == 0 ? "\t<none>" : "");
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_val *mount = rk_val_item(list, i);
		const struct rk_span sub = rk_val_text_at(mount, "subPath");
		rk_describe_put(d, "      %.*s from %.*s (%s%s%.*s%s)\n",
				RK_SPAN_ARGS(rk_val_text_at(mount, "mountPath")),
				RK_SPAN_ARGS(rk_val_text_at(mount, "name")),
				rk_val_bool_at(mount, "readOnly", false) ? "ro" : "rw",
				sub.size > 0 ? ",path=\"" : "", RK_SPAN_ARGS(sub),
				sub.size > 0 ? "\"" : "");
	}
}

static const struct rk_val *status_of(const struct rk_val *statuses, struct rk_span name)
{
	for (uint32_t i = 0; i < rk_val_count(statuses); i++)
		if (rk_span_eq(rk_val_text_at(rk_val_item(statuses, i), "name"), name))
			return rk_val_item(statuses, i);
	return NULL;
}

void rk_describe_containers(struct rk_describe *d, const char *label, const struct rk_val *list,
			    const struct rk_val *statuses, const char *space)
{
	const bool is_pod = space[0] == '\0';

	rk_describe_put(d, "%s%s:\n", space, label);
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_val *container = rk_val_item(list, i);
		const struct rk_span name = rk_val_text_at(container, "name");
		const struct rk_val *status = status_of(statuses, name);
		rk_describe_put(d, "%s%.*s:\n", is_pod ? "  " : "   ", RK_SPAN_ARGS(name));
		if (status != NULL)
			rk_describe_put(d, "    Container ID:\t%.*s\n",
					RK_SPAN_ARGS(rk_val_text_at(status, "containerID")));
		rk_describe_put(d, "    Image:\t%.*s\n",
				RK_SPAN_ARGS(rk_val_text_at(container, "image")));
		if (status != NULL)
			rk_describe_put(d, "    Image ID:\t%.*s\n",
					RK_SPAN_ARGS(rk_val_text_at(status, "imageID")));
		put_ports(d, rk_val_at(container, "ports"));
		put_words(d, "Command", rk_val_at(container, "command"));
		put_words(d, "Args", rk_val_at(container, "args"));
		if (status != NULL)
			put_status(d, status);
		put_amounts(d, "Limits", rk_val_at(container, "resources.limits"));
		put_amounts(d, "Requests", rk_val_at(container, "resources.requests"));
		put_probe(d, "Liveness", rk_val_at(container, "livenessProbe"));
		put_probe(d, "Readiness", rk_val_at(container, "readinessProbe"));
		put_probe(d, "Startup", rk_val_at(container, "startupProbe"));
		put_env_from(d, rk_val_at(container, "envFrom"));
		put_env(d, rk_val_at(container, "env"));
		put_mounts(d, rk_val_at(container, "volumeMounts"));
	}
}

static void put_volume(struct rk_describe *d, const struct rk_val *volume)
{
	const struct rk_val *empty = rk_val_at(volume, "emptyDir");
	const struct rk_val *host = rk_val_at(volume, "hostPath");
	const struct rk_val *map = rk_val_at(volume, "configMap");
	const struct rk_val *secret = rk_val_at(volume, "secret");

	if (empty != NULL) {
		const struct rk_span limit = rk_val_text_at(empty, "sizeLimit");
		rk_describe_put(d,
				"    Type:\tEmptyDir (a temporary directory that shares a pod's "
				"lifetime)\n    Medium:\t%.*s\n    SizeLimit:\t%.*s\n",
				RK_SPAN_ARGS(rk_val_text_at(empty, "medium")),
				RK_SPAN_ARGS(limit.size > 0 ? limit : RK_SPAN("<unset>")));
	} else if (host != NULL) {
		rk_describe_put(d,
				"    Type:\tHostPath (bare host directory volume)\n    "
				"Path:\t%.*s\n    HostPathType:\t%.*s\n",
				RK_SPAN_ARGS(rk_val_text_at(host, "path")),
				RK_SPAN_ARGS(rk_val_text_at(host, "type")));
	} else if (map != NULL) {
		rk_describe_put(d,
				"    Type:\tConfigMap (a volume populated by a ConfigMap)\n    "
				"Name:\t%.*s\n    Optional:\t%s\n",
				RK_SPAN_ARGS(rk_val_text_at(map, "name")),
				rk_val_bool_at(map, "optional", false) ? "true" : "false");
	} else if (secret != NULL) {
		rk_describe_put(d,
				"    Type:\tSecret (a volume populated by a Secret)\n    "
				"SecretName:\t%.*s\n    Optional:\t%s\n",
				RK_SPAN_ARGS(rk_val_text_at(secret, "secretName")),
				rk_val_bool_at(secret, "optional", false) ? "true" : "false");
	} else {
		for (uint32_t i = 0; i < volume->count; i++)
			if (!rk_span_is(volume->fields[i].key, "name"))
				rk_describe_put(d, "    Type:\t%.*s\n",
						RK_SPAN_ARGS(volume->fields[i].key));
	}
}

void rk_describe_volumes(struct rk_describe *d, const struct rk_val *volumes, const char *space)
{
	rk_describe_put(d, "%sVolumes:%s\n", space, rk_val_count(volumes) == 0 ? "\t<none>" : "");
	for (uint32_t i = 0; i < rk_val_count(volumes); i++) {
		const struct rk_val *volume = rk_val_item(volumes, i);
		rk_describe_put(d, "%s%.*s:\n", space[0] == '\0' ? "  " : "   ",
				RK_SPAN_ARGS(rk_val_text_at(volume, "name")));
		put_volume(d, volume);
	}
}

void rk_describe_tolerations(struct rk_describe *d, const struct rk_val *list, const char *space)
{
	rk_describe_put(d, "%sTolerations:\t%s", space, rk_val_count(list) == 0 ? "<none>\n" : "");
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_val *one = rk_val_item(list, i);
		const struct rk_span value = rk_val_text_at(one, "value");
		const struct rk_span effect = rk_val_text_at(one, "effect");
		rk_describe_put(d, "%s%s%.*s%s%.*s%s%.*s", i > 0 ? space : "", i > 0 ? "\t" : "",
				RK_SPAN_ARGS(rk_val_text_at(one, "key")), value.size > 0 ? "=" : "",
				RK_SPAN_ARGS(value), effect.size > 0 ? ":" : "",
				RK_SPAN_ARGS(effect));
		if (rk_span_is(rk_val_text_at(one, "operator"), "Exists") && value.size == 0)
			rk_describe_put(d, " op=Exists");
		if (rk_val_at(one, "tolerationSeconds") != NULL)
			rk_describe_put(d, " for %llds",
					(long long)rk_val_int_at(one, "tolerationSeconds", 0));
		rk_describe_put(d, "\n");
	}
}
