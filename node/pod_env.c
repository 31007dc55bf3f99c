#include "node/pod_env.h"

#include "base/buf.h"
#include "base/mem.h"
#include "wire/base64.h"

struct rk_span rk_env_expand(struct rk_arena *arena, struct rk_span text, const struct rk_val *env)
{
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };

	for (size_t i = 0; i < text.size; i++) {
		const uint8_t next = i + 1 < text.size ? text.data[i + 1] : '\0';
		const struct rk_span rest = rk_span_sub(text, i + 2, text.size);
		struct rk_span name;

		if (text.data[i] != '$' || (next != '$' && next != '(')) {
			rk_buf_put_u8(&out, text.data[i]);
			continue;
		}
		if (next == '$') {
			rk_buf_put_u8(&out, '$');
			i++;
			continue;
		}
		const bool is_closed = rk_span_cut(rest, ')', &name).data != NULL ||
				       (rest.size > 0 && memchr(rest.data, ')', rest.size) != NULL);
		const struct rk_val *value = is_closed ? rk_val_get(env, name) : NULL;
		if (value == NULL) {
			rk_buf_put_u8(&out, '$');
			continue;
		}
		rk_buf_put_span(&out, rk_val_text(value));
		i += name.size + 2;
	}
	return rk_arena_span(arena, rk_buf_span(&out));
}

/* --- Services --- */

struct service_env {
	struct rk_arena *arena;
	struct rk_val *env;
};

static char *upper_name(struct rk_arena *arena, struct rk_span name)
{
	char *text = rk_arena_str(arena, name);

	for (char *at = text; *at != '\0'; at++) {
		if (*at >= 'a' && *at <= 'z')
			*at = (char)(*at - 'a' + 'A');
		else if (*at == '-' || *at == '.')
			*at = '_';
	}
	return text;
}

static void set(struct service_env *to, const char *name, const char *value)
{
	rk_val_put_cstr(to->arena, to->env, name, value);
}

/* The links form, NAME_PORT_80_TCP..., that old images read. */
static void add_port(struct service_env *to, const char *name, const char *host,
		     const struct rk_val *port)
{
	struct rk_arena *arena = to->arena;
	const struct rk_span said = rk_val_text_at(port, "protocol");
	const char *proto = said.size > 0 ? rk_arena_str(arena, said) : "TCP";
	const char *scheme = strcmp(proto, "UDP") == 0    ? "udp"
			     : strcmp(proto, "SCTP") == 0 ? "sctp"
							  : "tcp";
	const char *number =
		rk_arena_printf(arena, "%lld", (long long)rk_val_int_at(port, "port", 0));
	const char *stem = rk_arena_printf(arena, "%s_PORT_%s_%s", name, number, proto);

	set(to, stem, rk_arena_printf(arena, "%s://%s:%s", scheme, host, number));
	set(to, rk_arena_printf(arena, "%s_PROTO", stem), scheme);
	set(to, rk_arena_printf(arena, "%s_PORT", stem), number);
	set(to, rk_arena_printf(arena, "%s_ADDR", stem), host);
	if (rk_val_text_at(port, "name").size > 0)
		set(to,
		    rk_arena_printf(arena, "%s_SERVICE_PORT_%s", name,
				    upper_name(arena, rk_val_text_at(port, "name"))),
		    number);
}

static void add_service(void *context, const struct rk_val *service)
{
	struct service_env *to = context;
	const struct rk_span ip = rk_val_text_at(service, "spec.clusterIP");
	const struct rk_val *ports = rk_val_at(service, "spec.ports");

	if (ip.size == 0 || rk_span_is(ip, "None") || rk_val_count(ports) == 0)
		return;
	const char *name = upper_name(to->arena, rk_val_text_at(service, "metadata.name"));
	const char *host = rk_arena_str(to->arena, ip);
	for (uint32_t i = 0; i < rk_val_count(ports); i++)
		add_port(to, name, host, rk_val_item(ports, i));
	const long long first = (long long)rk_val_int_at(rk_val_item(ports, 0), "port", 0);
	set(to, rk_arena_printf(to->arena, "%s_SERVICE_HOST", name), host);
	set(to, rk_arena_printf(to->arena, "%s_SERVICE_PORT", name),
	    rk_arena_printf(to->arena, "%lld", first));
	set(to, rk_arena_printf(to->arena, "%s_PORT", name),
	    rk_arena_printf(to->arena, "tcp://%s:%lld", host, first));
}

static void add_master(void *context, const struct rk_val *service)
{
	if (rk_span_is(rk_val_text_at(service, "metadata.name"), "kubernetes"))
		add_service(context, service);
}

/* --- env and envFrom --- */

static bool is_optional(int err, const struct rk_val *ref)
{
	return err == RK_ENOENT && rk_val_bool_at(ref, "optional", false);
}

static int add_from(struct rk_arena *arena, const struct rk_pod_view *view,
		    const struct rk_val *from, struct rk_val *env, struct rk_error *error)
{
	const struct rk_val *secret = rk_val_at(from, "secretRef");
	const struct rk_val *ref = secret != NULL ? secret : rk_val_at(from, "configMapRef");
	const enum rk_ref_kind kind = secret != NULL ? RK_REF_SECRET : RK_REF_CONFIGMAP;
	const struct rk_val *object = NULL;

	const int err = rk_ref_object(view, kind, rk_val_text_at(ref, "name"), &object, error);
	if (err < 0)
		return is_optional(err, ref) ? 0 : err;
	const struct rk_val *data = rk_val_at(object, "data");
	for (uint32_t i = 0; i < rk_val_count(data); i++) {
		struct rk_span value = rk_val_text(data->fields[i].val);

		if (kind == RK_REF_SECRET && !rk_base64_decode(arena, value, &value))
			return rk_fail(error, RK_EINVAL, "the value of key %.*s is not base64",
				       RK_SPAN_ARGS(data->fields[i].key));
		const char *name = rk_arena_printf(arena, "%.*s%.*s",
						   RK_SPAN_ARGS(rk_val_text_at(from, "prefix")),
						   RK_SPAN_ARGS(data->fields[i].key));
		rk_val_put_str(arena, env, name, value);
	}
	return 0;
}

static int value_from(struct rk_arena *arena, const struct rk_pod_view *view,
		      const struct rk_val *container, const struct rk_val *from,
		      struct rk_span *ret, bool *ret_is_set, struct rk_error *error)
{
	const struct rk_val *map = rk_val_at(from, "configMapKeyRef"),
			    *secret = rk_val_at(from, "secretKeyRef");
	const struct rk_val *field = rk_val_at(from, "fieldRef"),
			    *size = rk_val_at(from, "resourceFieldRef");

	*ret_is_set = true;
	if (field != NULL)
		return rk_pod_field(arena, view, rk_val_text_at(field, "fieldPath"), ret, error);
	if (size != NULL)
		return rk_pod_resource(arena, view, container, size, ret, error);
	if (map == NULL && secret == NULL)
		return rk_fail(error, RK_ENOTSUP,
			       "a kind of valueFrom that this node does not know");
	const struct rk_val *ref = secret != NULL ? secret : map;
	const int err =
		rk_ref_key(arena, view, secret != NULL ? RK_REF_SECRET : RK_REF_CONFIGMAP,
			   rk_val_text_at(ref, "name"), rk_val_text_at(ref, "key"), ret, error);
	*ret_is_set = err == 0;
	return is_optional(err, ref) ? 0 : err;
}

static int add_one(struct rk_arena *arena, const struct rk_pod_view *view,
		   const struct rk_val *container, const struct rk_val *one, struct rk_val *env,
		   struct rk_error *error)
{
	const struct rk_val *from = rk_val_at(one, "valueFrom");
	const struct rk_span name = rk_val_text_at(one, "name");
	struct rk_span value = { 0 };
	bool is_set = true;

	if (from == NULL)
		value = rk_env_expand(arena, rk_val_text_at(one, "value"), env);
	else
		RK_TRY(value_from(arena, view, container, from, &value, &is_set, error));
	if (is_set)
		rk_val_set(arena, env, name, rk_val_str(arena, value));
	return 0;
}

int rk_pod_env(struct rk_arena *arena, const struct rk_pod_view *view,
	       const struct rk_val *container, const struct rk_val *image_env, struct rk_val **ret,
	       struct rk_error *error)
{
	struct rk_val *env = rk_val_map(arena);
	struct service_env services = { arena, env };
	const struct rk_val *from = rk_val_at(container, "envFrom"),
			    *own = rk_val_at(container, "env");

	rk_val_put_cstr(arena, env, "PATH",
			"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	rk_val_put_str(arena, env, "HOSTNAME", view->name);
	view->objects->services(view->objects->context, RK_SPAN("default"), add_master, &services);
	if (rk_val_bool_at(view->pod, "spec.enableServiceLinks", true))
		view->objects->services(view->objects->context, view->ns, add_service, &services);
	for (uint32_t i = 0; i < rk_val_count(image_env); i++) {
		struct rk_span name;
		const struct rk_span value =
			rk_span_cut(rk_val_text(rk_val_item(image_env, i)), '=', &name);
		rk_val_set(arena, env, name, rk_val_str(arena, value));
	}
	for (uint32_t i = 0; i < rk_val_count(from); i++)
		RK_TRY(add_from(arena, view, rk_val_item(from, i), env, error));
	for (uint32_t i = 0; i < rk_val_count(own); i++)
		RK_TRY(add_one(arena, view, container, rk_val_item(own, i), env, error));
	*ret = env;
	return 0;
}
