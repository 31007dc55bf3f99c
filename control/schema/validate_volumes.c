/* Volumes of a pod. */
#include "control/schema/names.h"
#include "control/schema/validate.h"

/* Relative, and not leading out: what a file in a volume may be called. */
static void check_file(const struct rk_check *check, const struct rk_path *up,
		       const struct rk_val *item, const char *field)
{
	const struct rk_path path = rk_path_field(up, field);
	struct rk_span rest = rk_val_text_at(item, field), part;

	if (!rk_check_text(check, up, item, field))
		return;
	const struct rk_span whole = rest;
	if (whole.data[0] == '/') {
		(void)rk_bad_text(check, &path, whole, "must be a relative path");
		return;
	}
	do {
		rest = rk_span_cut(rest, '/', &part);
		if (rk_span_is(part, "..")) {
			(void)rk_bad_text(check, &path, whole, "must not contain '..'");
			return;
		}
	} while (rest.data != NULL);
}

static void check_mode(const struct rk_check *check, const struct rk_path *up,
		       const struct rk_val *map, const char *field)
{
	const struct rk_path path = rk_path_field(up, field);
	const int64_t mode = rk_val_int_at(map, field, 0);

	if (mode < 0 || mode > 0777)
		(void)rk_bad(check, &path, rk_val_at(map, field),
			     "must be a number between 0 and 0777 (octal), both inclusive");
}

/* The items of a ConfigMap or Secret source. */
static void check_items(const struct rk_check *check, const struct rk_path *up,
			const struct rk_val *source)
{
	const struct rk_path path = rk_path_field(up, "items");
	const struct rk_val *items = rk_val_at(source, "items");

	check_mode(check, up, source, "defaultMode");
	for (uint32_t i = 0; i < rk_val_count(items); i++) {
		const struct rk_path item = rk_path_item(&path, i);
		(void)rk_check_text(check, &item, rk_val_item(items, i), "key");
		check_file(check, &item, rk_val_item(items, i), "path");
		check_mode(check, &item, rk_val_item(items, i), "mode");
	}
}

static void check_downward(const struct rk_check *check, const struct rk_path *up,
			   const struct rk_val *source)
{
	const struct rk_path path = rk_path_field(up, "items");
	const struct rk_val *items = rk_val_at(source, "items");

	for (uint32_t i = 0; i < rk_val_count(items); i++) {
		const struct rk_path item = rk_path_item(&path, i);
		const struct rk_val *file = rk_val_item(items, i);
		const bool by_field = rk_val_at(file, "fieldRef") != NULL;
		const bool by_resource = rk_val_at(file, "resourceFieldRef") != NULL;
		check_file(check, &item, file, "path");
		check_mode(check, &item, file, "mode");
		if (by_field && by_resource)
			(void)rk_bad(check, &item, file,
				     "fieldRef and resourceFieldRef can not be specified "
				     "simultaneously");
		else if (!by_field && !by_resource)
			(void)rk_missing(check, &item,
					 "one of fieldRef and resourceFieldRef is required");
	}
}

static void check_projected(const struct rk_check *check, const struct rk_path *up,
			    const struct rk_val *source)
{
	const struct rk_path path = rk_path_field(up, "sources");
	const struct rk_val *sources = rk_val_at(source, "sources");

	check_mode(check, up, source, "defaultMode");
	for (uint32_t i = 0; i < rk_val_count(sources); i++) {
		const struct rk_path item = rk_path_item(&path, i);
		const struct rk_val *one = rk_val_item(sources, i);
		static const char *const named[] = { "secret", "configMap" };
		for (size_t n = 0; n < 2; n++) {
			const struct rk_path field = rk_path_field(&item, named[n]);
			const struct rk_val *from = rk_val_at(one, named[n]);
			if (from == NULL)
				continue;
			(void)rk_check_text(check, &field, from, "name");
			check_items(check, &field, from);
		}
		if (rk_val_count(one) > 1)
			(void)rk_forbidden(check, &item, "may not specify more than 1 volume type");
		else if (rk_val_count(one) == 0)
			(void)rk_missing(check, &item, "must specify at least one volume type");
	}
}

static void check_source(const struct rk_check *check, const struct rk_path *path,
			 struct rk_span type, const struct rk_val *source)
{
	if (rk_span_is(type, "hostPath")) {
		const struct rk_path field = rk_path_field(path, "path");
		const struct rk_span text = rk_val_text_at(source, "path");
		struct rk_span rest = text, part;
		(void)rk_check_text(check, path, source, "path");
		do {
			rest = rk_span_cut(rest, '/', &part);
			if (rk_span_is(part, "..")) {
				(void)rk_bad_text(check, &field, text, "must not contain '..'");
				break;
			}
		} while (rest.data != NULL);
	} else if (rk_span_is(type, "configMap")) {
		(void)rk_check_text(check, path, source, "name");
		check_items(check, path, source);
	} else if (rk_span_is(type, "secret")) {
		(void)rk_check_text(check, path, source, "secretName");
		check_items(check, path, source);
	} else if (rk_span_is(type, "downwardAPI")) {
		check_mode(check, path, source, "defaultMode");
		check_downward(check, path, source);
	} else if (rk_span_is(type, "projected")) {
		check_projected(check, path, source);
	} else if (rk_span_is(type, "persistentVolumeClaim")) {
		(void)rk_check_text(check, path, source, "claimName");
	} else if (rk_span_is(type, "nfs")) {
		(void)rk_check_text(check, path, source, "server");
		(void)rk_check_text(check, path, source, "path");
	}
}

void rk_validate_volumes(const struct rk_check *check, const struct rk_path *path,
			 const struct rk_val *volumes)
{
	for (uint32_t i = 0; i < rk_val_count(volumes); i++) {
		const struct rk_path item = rk_path_item(path, i);
		const struct rk_val *volume = rk_val_item(volumes, i);
		unsigned sources = 0;
		if (rk_check_named(check, &item, volume, "name", rk_name_label))
			(void)rk_check_unique(check, &item, volumes, i, "name");
		for (uint32_t n = 0; n < rk_val_count(volume); n++) {
			const struct rk_path source = { &item, volume->fields[n].key, -1, false };
			if (rk_span_is(source.name, "name"))
				continue;
			if (sources++ > 0)
				(void)rk_forbidden(check, &source,
						   "may not specify more than 1 volume type");
			else
				check_source(check, &source, source.name, volume->fields[n].val);
		}
		if (sources == 0)
			(void)rk_missing(check, &item, "must specify one of the volume types");
	}
}
