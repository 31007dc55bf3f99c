/* What holds for the metadata of every kind. */
#include "base/mem.h"
#include "control/schema/names.h"
#include "control/schema/validate.h"

static rk_syntax *name_syntax(const struct rk_kind *kind)
{
	if (strcmp(kind->kind, "Namespace") == 0)
		return rk_name_label;
	if (strcmp(kind->kind, "StatefulSet") == 0)
		return rk_name_label;
	if (strcmp(kind->kind, "Service") == 0)
		return rk_name_label_1035;
	/* Rights and requests for certificates are called what people like: "system:node". */
	if (strcmp(kind->group, "rbac.authorization.k8s.io") == 0 ||
	    strcmp(kind->group, "certificates.k8s.io") == 0)
		return rk_name_path_segment;
	/* These follow from what the objects say; their own rules compare. */
	if (strcmp(kind->kind, "APIService") == 0 ||
	    strcmp(kind->kind, "CustomResourceDefinition") == 0)
		return rk_name_path_segment;
	return rk_name_subdomain;
}

static void check_name(const struct rk_check *check, const struct rk_path *path,
		       const struct rk_kind *kind, const struct rk_val *meta)
{
	const struct rk_path name_path = rk_path_field(path, "name"),
			     generate = rk_path_field(path, "generateName");
	const struct rk_span name = rk_val_text_at(meta, "name");
	struct rk_span base = rk_val_text_at(meta, "generateName");

	if (name.size == 0 && base.size == 0)
		(void)rk_missing(check, &name_path, "name or generateName is required");
	else if (name.size > 0)
		(void)rk_check_syntax(check, path, meta, "name", name_syntax(kind));
	/* A base may end with what a name may not: letters will follow. */
	while (base.size > 1 && base.data[base.size - 1] == '-')
		base.size--;
	const char *why = base.size > 0 ? name_syntax(kind)(base) : NULL;
	if (why != NULL)
		(void)rk_bad_text(check, &generate, rk_val_text_at(meta, "generateName"), why);
}

static void check_annotations(const struct rk_check *check, const struct rk_path *up,
			      const struct rk_val *annotations)
{
	const struct rk_path path = rk_path_field(up, "annotations");
	size_t size = 0;

	for (uint32_t i = 0; i < rk_val_count(annotations); i++) {
		const struct rk_span key = annotations->fields[i].key;
		struct rk_span prefix;
		const struct rk_span rest = rk_span_cut(key, '/', &prefix);
		/* Upstream checks the key in lower case. */
		uint8_t *low = rk_arena_alloc(check->arena, key.size + 1);
		for (size_t n = 0; n < key.size; n++)
			low[n] = key.data[n] >= 'A' && key.data[n] <= 'Z' && rest.data != NULL &&
						 n < prefix.size
					 ? (uint8_t)(key.data[n] + 32)
					 : key.data[n];
		const char *why = rk_name_qualified(rk_span_of(low, key.size));
		if (why != NULL)
			(void)rk_bad_text(check, &path, key, why);
		size += key.size + rk_val_text(annotations->fields[i].val).size;
	}
	if (size > RK_ANNOTATION_BYTES_MAX)
		(void)rk_too_long(check, &path, RK_ANNOTATION_BYTES_MAX);
}

static void check_owners(const struct rk_check *check, const struct rk_path *up,
			 const struct rk_val *owners)
{
	static const char *const needed[] = { "apiVersion", "kind", "name", "uid" };
	static const char *const whys[] = { "version must not be empty", "must not be empty",
					    "must not be empty", "must not be empty" };
	const struct rk_path path = rk_path_field(up, "ownerReferences");
	const struct rk_val *controller = NULL;

	for (uint32_t i = 0; i < rk_val_count(owners); i++) {
		const struct rk_val *owner = rk_val_item(owners, i);
		const struct rk_path item = rk_path_item(&path, i);
		for (size_t n = 0; n < 4; n++) {
			const struct rk_path field = rk_path_field(&item, needed[n]);
			if (rk_val_text_at(owner, needed[n]).size == 0)
				(void)rk_bad(check, &field, NULL, whys[n]);
			else if (rk_val_text_at(owner, needed[n]).size > RK_OWNER_BYTES_MAX)
				(void)rk_too_long(check, &field, RK_OWNER_BYTES_MAX);
		}
		if (!rk_val_bool_at(owner, "controller", false))
			continue;
		if (controller != NULL)
			(void)rk_bad(check, &path, owners,
				     "Only one reference can have Controller set to true. Found "
				     "\"true\" in references");
		controller = owner;
	}
}

/* Of these, and of custom kinds, finalizers may be any qualified name, as
 * customresourcecleanup.apiextensions.k8s.io is. */
static bool has_free_finalizers(const struct rk_kind *kind)
{
	static const char *const groups[] = { "admissionregistration.k8s.io", "apiextensions.k8s.io",
					      "apiregistration.k8s.io", "coordination.k8s.io" };

	for (size_t i = 0; i < RK_COUNT(groups); i++)
		if (strcmp(kind->group, groups[i]) == 0)
			return true;
	return kind->custom != NULL;
}

static void check_finalizers(const struct rk_check *check, const struct rk_path *up,
			     const struct rk_kind *kind, const struct rk_val *list)
{
	const struct rk_path path = rk_path_field(up, "finalizers");
	const bool is_free = has_free_finalizers(kind);
	bool orphans = false, foreground = false;

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_span text = rk_val_text(rk_val_item(list, i));
		const struct rk_path at = rk_path_item(&path, i);
		const char *why = rk_name_qualified(text);
		orphans = orphans || rk_span_is(text, "orphan");
		foreground = foreground || rk_span_is(text, "foregroundDeletion");
		if (why != NULL)
			(void)rk_bad_text(check, &path, text, why);
		else if (!is_free && memchr(text.data, '/', text.size) == NULL &&
			 !rk_span_is(text, "orphan") && !rk_span_is(text, "foregroundDeletion") &&
			 !rk_span_is(text, "kubernetes"))
			(void)rk_bad_text(check, &at, text,
					  "name is neither a standard finalizer name nor is it "
					  "fully qualified");
	}
	if (orphans && foreground)
		(void)rk_bad(check, &path, list,
			     "finalizer orphan and foregroundDeletion cannot be both set");
}

void rk_validate_meta(const struct rk_check *check, const struct rk_kind *kind,
		      const struct rk_val *obj, const struct rk_val *old)
{
	const struct rk_path path = rk_path_field(NULL, "metadata");
	const struct rk_path namespace_path = rk_path_field(&path, "namespace");
	const struct rk_path labels = rk_path_field(&path, "labels"),
			     finalizers = rk_path_field(&path, "finalizers");
	const struct rk_val *meta = rk_val_at(obj, "metadata"), *was = rk_val_at(old, "metadata");
	static const char *const fixed[] = { "name",
					     "namespace",
					     "uid",
					     "creationTimestamp",
					     "deletionTimestamp",
					     "deletionGracePeriodSeconds" };

	check_name(check, &path, kind, meta);
	if (!kind->namespaced && rk_val_text_at(meta, "namespace").size > 0)
		(void)rk_forbidden(check, &namespace_path, "not allowed on this type");
	else
		(void)rk_check_syntax(check, &path, meta, "namespace", rk_name_label);
	rk_check_labels(check, &labels, rk_val_at(meta, "labels"));
	check_annotations(check, &path, rk_val_at(meta, "annotations"));
	check_owners(check, &path, rk_val_at(meta, "ownerReferences"));
	check_finalizers(check, &path, kind, rk_val_at(meta, "finalizers"));
	for (size_t i = 0; old != NULL && i < sizeof fixed / sizeof fixed[0]; i++)
		(void)rk_check_same(check, &path, meta, was, fixed[i]);
	if (was == NULL || rk_val_at(was, "deletionTimestamp") == NULL)
		return;
	/* Once an object is going, nobody may hold it any longer than was said before. */
	for (uint32_t i = 0; i < rk_val_count(rk_val_at(meta, "finalizers")); i++) {
		const struct rk_val *item = rk_val_item(rk_val_at(meta, "finalizers"), i);
		bool known = false;
		for (uint32_t n = 0; n < rk_val_count(rk_val_at(was, "finalizers")); n++)
			known = known ||
				rk_val_eq(item, rk_val_item(rk_val_at(was, "finalizers"), n));
		if (!known)
			(void)rk_forbidden(
				check, &finalizers,
				rk_arena_printf(
					check->arena,
					"no new finalizers can be added if the object is being "
					"deleted, found new finalizers []string{\"%.*s\"}",
					RK_SPAN_ARGS(rk_val_text(item))));
	}
}
