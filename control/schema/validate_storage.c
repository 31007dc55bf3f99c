/* Volumes, claims, classes of storage, and the drivers behind them. */
#include "base/mem.h"
#include "control/schema/names.h"
#include "control/schema/quantity.h"
#include "control/schema/rules.h"
#include "control/schema/validate.h"

#define PARAMETERS_MAX 512
#define NODE_ID_MAX    192

static const char *const modes[] = { "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce",
				     "ReadWriteOncePod", NULL };

static void check_modes(const struct rk_check *check, const struct rk_val *list)
{
	const struct rk_path path = rk_path_field(NULL, "spec.accessModes");
	bool once = false, others = false;

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_span mode = rk_val_text(rk_val_item(list, i));
		size_t at = 0;
		while (modes[at] != NULL && !rk_span_is(mode, modes[at]))
			at++;
		if (modes[at] == NULL)
			(void)rk_unsupported(check, &path, rk_val_item(list, i), modes);
		once = once || at == 3;
		others = others || at < 3;
	}
	if (once && others)
		(void)rk_forbidden(check, &path,
				   "may not use ReadWriteOncePod with other access modes");
}

static void check_size(const struct rk_check *check, const struct rk_path *path,
		       const struct rk_val *size)
{
	if (rk_quantity_cmp(rk_val_text(size), RK_SPAN("0")) <= 0)
		(void)rk_bad(check, path, size, "must be greater than zero");
}

/* --- PersistentVolume --- */

/* What of the spec of a volume is no source. */
static const char *const no_sources[] = { "capacity",
					  "accessModes",
					  "claimRef",
					  "persistentVolumeReclaimPolicy",
					  "storageClassName",
					  "mountOptions",
					  "volumeMode",
					  "nodeAffinity",
					  "volumeAttributesClassName" };

static bool is_source(struct rk_span field)
{
	for (size_t i = 0; i < RK_COUNT(no_sources); i++)
		if (rk_span_is(field, no_sources[i]))
			return false;
	return true;
}

static bool climbs(struct rk_span text)
{
	struct rk_span part;

	do {
		text = rk_span_cut(text, '/', &part);
		if (rk_span_is(part, ".."))
			return true;
	} while (text.data != NULL);
	return false;
}

static void check_source(const struct rk_check *check, const struct rk_path *path,
			 struct rk_span type, const struct rk_val *source)
{
	static const struct {
		const char *type;
		const char *needs[3];
	} needed[] = {
		{ "hostPath", { "path", NULL, NULL } },
		{ "local", { "path", NULL, NULL } },
		{ "nfs", { "server", "path", NULL } },
		{ "csi", { "driver", "volumeHandle", NULL } },
		{ "rbd", { "monitors", "image", NULL } },
		{ "iscsi", { "targetPortal", "iqn", NULL } },
		{ "glusterfs", { "endpoints", "path", NULL } },
		{ "cephfs", { "monitors", NULL, NULL } },
		{ "cinder", { "volumeID", NULL, NULL } },
		{ "gcePersistentDisk", { "pdName", NULL, NULL } },
		{ "awsElasticBlockStore", { "volumeID", NULL, NULL } },
		{ "azureFile", { "secretName", "shareName", NULL } },
		{ "azureDisk", { "diskName", "diskURI", NULL } },
		{ "vsphereVolume", { "volumePath", NULL, NULL } },
		{ "portworxVolume", { "volumeID", NULL, NULL } },
		{ "flexVolume", { "driver", NULL, NULL } },
	};
	const struct rk_path file = rk_path_field(path, "path");
	const struct rk_span text = rk_val_text_at(source, "path");

	for (size_t i = 0; i < RK_COUNT(needed); i++)
		for (size_t n = 0; rk_span_is(type, needed[i].type) && needed[i].needs[n] != NULL;
		     n++) {
			const struct rk_rule rule = RK_NEEDED(needed[i].needs[n]);
			rk_check_rules(check, path, source, NULL, &rule, 1);
		}
	if ((rk_span_is(type, "hostPath") || rk_span_is(type, "local")) && climbs(text))
		(void)rk_bad_text(check, &file, text, "must not contain '..'");
	if (rk_span_is(type, "nfs") && text.size > 0 && text.data[0] != '/')
		(void)rk_bad_text(check, &file, text, "must be an absolute path");
}

static void check_sources(const struct rk_check *check, const struct rk_val *spec)
{
	const struct rk_path up = rk_path_field(NULL, "spec");
	unsigned count = 0;

	for (uint32_t i = 0; i < rk_val_count(spec); i++) {
		const struct rk_path path = { &up, spec->fields[i].key, -1, false };
		if (!is_source(path.name))
			continue;
		if (count++ > 0)
			(void)rk_forbidden(check, &path, "may not specify more than 1 volume type");
		else
			check_source(check, &path, path.name, spec->fields[i].val);
	}
	if (count == 0)
		(void)rk_missing(check, &up, "must specify a volume type");
}

static void check_capacity(const struct rk_check *check, const struct rk_val *spec)
{
	static const char *const only[] = { "storage", NULL };
	const struct rk_path path = rk_path_field(NULL, "spec.capacity"),
			     key = rk_path_key(&path, RK_SPAN("storage"));
	const struct rk_val *capacity = rk_val_at(spec, "capacity");
	const struct rk_val *size = rk_val_at(capacity, "storage");

	if (rk_val_count(capacity) == 0)
		(void)rk_missing(check, &path, "");
	else if (size == NULL || capacity->count > 1)
		(void)rk_unsupported(check, &path, capacity, only);
	if (size != NULL)
		check_size(check, &key, size);
}

static void check_volume_nodes(const struct rk_check *check, const struct rk_val *spec)
{
	const struct rk_path path = rk_path_field(NULL, "spec.nodeAffinity"),
			     required = rk_path_field(&path, "required"),
			     terms = rk_path_field(&required, "nodeSelectorTerms");
	const struct rk_val *nodes = rk_val_at(spec, "nodeAffinity");

	if (nodes == NULL) {
		if (rk_val_at(spec, "local") != NULL)
			(void)rk_missing(check, &path, "Local volume requires node affinity");
		return;
	}
	if (rk_val_at(nodes, "required") == NULL)
		(void)rk_missing(check, &required, "must specify required node constraints");
	else if (rk_val_count(rk_val_at(nodes, "required.nodeSelectorTerms")) == 0)
		(void)rk_missing(check, &terms, "must have at least one node selector term");
}

static void check_volume_update(const struct rk_check *check, const struct rk_val *spec,
				const struct rk_val *was)
{
	const struct rk_path source = rk_path_field(NULL, "spec.persistentvolumesource"),
			     mode = rk_path_field(NULL, "volumeMode"),
			     nodes = rk_path_field(NULL, "nodeAffinity");
	const struct rk_val *sides[] = { spec, was };
	bool same = true;

	for (size_t s = 0; s < 2; s++)
		for (uint32_t i = 0; i < rk_val_count(sides[s]); i++) {
			const struct rk_span key = sides[s]->fields[i].key;
			const struct rk_val *other = rk_val_get(sides[1 - s], key);
			if (is_source(key) &&
			    (other == NULL || !rk_val_eq(other, sides[s]->fields[i].val)))
				same = false;
		}
	if (!same)
		(void)rk_forbidden(check, &source,
				   "spec.persistentvolumesource is immutable after creation");
	if (!rk_span_eq(rk_val_text_at(spec, "volumeMode"), rk_val_text_at(was, "volumeMode")))
		(void)rk_bad(check, &mode, rk_val_at(spec, "volumeMode"), "field is immutable");
	const struct rk_val *had = rk_val_at(was, "nodeAffinity"),
			    *has = rk_val_at(spec, "nodeAffinity");
	if (had != NULL && (has == NULL || !rk_val_eq(had, has)))
		(void)rk_bad(check, &nodes, has,
			     "field is immutable, except for updating from beta label to GA");
}

void rk_validate_persistentvolume(const struct rk_check *check, const struct rk_val *obj,
				  const struct rk_val *old)
{
	static const struct rk_rule rules[] = {
		RK_NEEDED("spec.accessModes"),
		RK_SYNTAX("spec.storageClassName", rk_name_subdomain),
	};
	const struct rk_path policy = rk_path_field(NULL, "spec.persistentVolumeReclaimPolicy");
	const struct rk_val *spec = rk_val_at(obj, "spec");

	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
	check_modes(check, rk_val_at(spec, "accessModes"));
	check_capacity(check, spec);
	check_sources(check, spec);
	check_volume_nodes(check, spec);
	if (rk_span_is(rk_val_text_at(spec, "hostPath.path"), "/") &&
	    rk_span_is(rk_val_text_at(spec, "persistentVolumeReclaimPolicy"), "Recycle"))
		(void)rk_forbidden(check, &policy,
				   "may not be 'recycle' for a hostPath mount of '/'");
	if (old != NULL)
		check_volume_update(check, spec, rk_val_at(old, "spec"));
}

/* --- PersistentVolumeClaim --- */

static void check_data_source(const struct rk_check *check, const struct rk_val *spec)
{
	static const struct rk_rule rules[] = { RK_NEEDED("name"), RK_NEEDED("kind") };
	const struct rk_path path = rk_path_field(NULL, "spec.dataSource");
	const struct rk_val *source = rk_val_at(spec, "dataSource");

	if (source == NULL)
		return;
	rk_check_rules(check, &path, source, NULL, rules, RK_COUNT(rules));
	if (rk_val_text_at(source, "apiGroup").size == 0 &&
	    !rk_span_is(rk_val_text_at(source, "kind"), "PersistentVolumeClaim"))
		(void)rk_bad(
			check, &path, rk_val_at(source, "kind"),
			"must be 'PersistentVolumeClaim' when referencing the default apiGroup");
}

/* A claim may get its volume once, and more room once it is bound. */
static void check_claim_update(const struct rk_check *check, const struct rk_val *obj,
			       const struct rk_val *old)
{
	const struct rk_path path = rk_path_field(NULL, "spec");
	const struct rk_path asked = rk_path_field(NULL, "spec.resources.requests.storage");
	struct rk_val *now = rk_val_copy(check->arena, rk_val_at(obj, "spec"));
	struct rk_val *was = rk_val_copy(check->arena, rk_val_at(old, "spec"));
	const bool is_bound = rk_span_is(rk_val_text_at(obj, "status.phase"), "Bound");
	const struct rk_span size = rk_val_text_at(now, "resources.requests.storage");
	const struct rk_span had = rk_val_text_at(was, "resources.requests.storage");
	const struct rk_span capacity = rk_val_text_at(old, "status.capacity.storage");

	if (!rk_val_is(now, RK_VAL_MAP) || !rk_val_is(was, RK_VAL_MAP))
		return;
	if (rk_val_text_at(was, "volumeName").size == 0) {
		(void)rk_val_remove(now, RK_SPAN("volumeName"));
		(void)rk_val_remove(was, RK_SPAN("volumeName"));
	}
	if (is_bound) {
		(void)rk_val_remove(now, RK_SPAN("resources"));
		(void)rk_val_remove(was, RK_SPAN("resources"));
		(void)rk_val_remove(now, RK_SPAN("volumeAttributesClassName"));
		(void)rk_val_remove(was, RK_SPAN("volumeAttributesClassName"));
	}
	if (!rk_val_eq(now, was))
		(void)rk_forbidden(check, &path,
				   "spec is immutable after creation except resources.requests and "
				   "volumeAttributesClassName for bound claims");
	if (rk_quantity_cmp(size, had) < 0 && rk_quantity_cmp(size, capacity) <= 0)
		(void)rk_forbidden(check, &asked, "field can not be less than status.capacity");
}

static void check_claim(const struct rk_check *check, const struct rk_val *spec)
{
	static const struct rk_rule rules[] = {
		RK_NEEDED_FOR("accessModes", "at least 1 access mode is required"),
		RK_SELECTOR("selector"),
		RK_SYNTAX("storageClassName", rk_name_subdomain),
	};
	const struct rk_path path = rk_path_field(NULL, "spec"),
			     resources = rk_path_field(&path, "resources"),
			     size_path = rk_path_key(&resources, RK_SPAN("storage"));
	const struct rk_val *size = rk_val_at(spec, "resources.requests.storage");

	rk_check_rules(check, &path, spec, NULL, rules, RK_COUNT(rules));
	check_modes(check, rk_val_at(spec, "accessModes"));
	if (size == NULL)
		(void)rk_missing(check, &size_path, "");
	else
		check_size(check, &size_path, size);
	check_data_source(check, spec);
}

void rk_validate_claim(const struct rk_check *check, const struct rk_val *obj,
		       const struct rk_val *old)
{
	check_claim(check, rk_val_at(obj, "spec"));
	if (old != NULL)
		check_claim_update(check, obj, old);
}

/* --- StorageClass --- */

void rk_validate_storageclass(const struct rk_check *check, const struct rk_val *obj,
			      const struct rk_val *old)
{
	static const char *const policies[] = { "Delete", "Retain", NULL };
	static const struct rk_rule rules[] = {
		RK_NEEDED("provisioner"),
		RK_SYNTAX("provisioner", rk_name_qualified),
		RK_ONE_OF("reclaimPolicy", policies),
		RK_NEEDED("volumeBindingMode"),
		{ RK_RULE_FIXED, "parameters", "updates to parameters are forbidden.", 0, NULL,
		  NULL },
		{ RK_RULE_FIXED, "provisioner", "updates to provisioner are forbidden.", 0, NULL,
		  NULL },
		{ RK_RULE_FIXED, "reclaimPolicy", "updates to reclaimPolicy are forbidden.", 0,
		  NULL, NULL },
		RK_FIXED("volumeBindingMode"),
	};
	const struct rk_path path = rk_path_field(NULL, "parameters");
	const struct rk_val *parameters = rk_val_at(obj, "parameters");

	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
	if (rk_val_count(parameters) > PARAMETERS_MAX)
		(void)rk_too_long(check, &path, PARAMETERS_MAX);
	for (uint32_t i = 0; i < rk_val_count(parameters); i++)
		if (parameters->fields[i].key.size == 0)
			(void)rk_bad_text(check, &path, RK_SPAN(""), "field must not be empty");
}

/* --- VolumeAttachment --- */

void rk_validate_attachment(const struct rk_check *check, const struct rk_val *obj,
			    const struct rk_val *old)
{
	static const char one[] =
		"must specify exactly one of inlineVolumeSpec and persistentVolumeName";
	static const struct rk_rule rules[] = {
		RK_NEEDED("spec.attacher"),
		RK_SYNTAX("spec.attacher", rk_name_driver),
		RK_SYNTAX("spec.nodeName", rk_name_subdomain),
		RK_NEEDED("spec.nodeName"),
		RK_FIXED("spec"),
	};
	const struct rk_path path = rk_path_field(NULL, "spec.source"),
			     name_path = rk_path_field(&path, "persistentVolumeName");
	const struct rk_val *name = rk_val_at(obj, "spec.source.persistentVolumeName");
	const struct rk_val *within = rk_val_at(obj, "spec.source.inlineVolumeSpec");

	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
	if (name == NULL && within == NULL)
		(void)rk_missing(check, &path, one);
	else if (name != NULL && within != NULL)
		(void)rk_forbidden(check, &path, one);
	else if (name != NULL && rk_val_text(name).size == 0)
		(void)rk_missing(check, &name_path, "must specify non empty persistentVolumeName");
}

/* --- drivers --- */

static void check_tokens(const struct rk_check *check, const struct rk_val *list)
{
	static const struct rk_rule rules[] = {
		{ RK_RULE_AT_LEAST, "expirationSeconds",
		  "may not specify a duration less than 10 minutes", 600, NULL, NULL },
		{ RK_RULE_AT_MOST, "expirationSeconds",
		  "may not specify a duration larger than 2^32 seconds", INT64_C(1) << 32, NULL,
		  NULL },
	};
	const struct rk_path path = rk_path_field(NULL, "spec.tokenRequests");

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&path, i);
		(void)rk_check_unique(check, &item, list, i, "audience");
		rk_check_rules(check, &item, rk_val_item(list, i), NULL, rules, RK_COUNT(rules));
	}
}

void rk_validate_csidriver(const struct rk_check *check, const struct rk_val *obj,
			   const struct rk_val *old)
{
	static const char *const policies[] = { "File", "None", "ReadWriteOnceWithFSType", NULL };
	static const char *const lives[] = { "Ephemeral", "Persistent", NULL };
	static const struct rk_rule rules[] = {
		RK_SYNTAX("metadata.name", rk_name_driver), RK_NEEDED("spec.attachRequired"),
		RK_NEEDED("spec.podInfoOnMount"),           RK_NEEDED("spec.storageCapacity"),
		RK_ONE_OF("spec.fsGroupPolicy", policies),  RK_FIXED("spec.attachRequired"),
		RK_FIXED("spec.volumeLifecycleModes"),
	};
	const struct rk_path path = rk_path_field(NULL, "spec.volumeLifecycleModes");
	const struct rk_val *list = rk_val_at(obj, "spec.volumeLifecycleModes");

	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_span mode = rk_val_text(rk_val_item(list, i));
		if (!rk_span_is(mode, lives[0]) && !rk_span_is(mode, lives[1]))
			(void)rk_unsupported(check, &path, rk_val_item(list, i), lives);
	}
	check_tokens(check, rk_val_at(obj, "spec.tokenRequests"));
}

static void check_topology(const struct rk_check *check, const struct rk_path *up,
			   const struct rk_val *driver)
{
	const struct rk_path path = rk_path_field(up, "topologyKeys");
	const struct rk_val *list = rk_val_at(driver, "topologyKeys");

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_val *key = rk_val_item(list, i);
		const char *why = rk_name_qualified(rk_val_text(key));
		for (uint32_t n = 0; n < i; n++)
			if (rk_val_eq(key, rk_val_item(list, n))) {
				(void)rk_duplicate(check, &path, key);
				break;
			}
		if (why != NULL)
			(void)rk_bad(check, &path, key, why);
	}
}

static const struct rk_val *driver_of(const struct rk_val *list, struct rk_span name)
{
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		if (rk_span_eq(rk_val_text_at(rk_val_item(list, i), "name"), name))
			return rk_val_item(list, i);
	return NULL;
}

void rk_validate_csinode(const struct rk_check *check, const struct rk_val *obj,
			 const struct rk_val *old)
{
	static const struct rk_rule rules[] = {
		RK_NEEDED("name"),
		RK_SYNTAX("name", rk_name_driver),
		RK_NEEDED("nodeID"),
		RK_AT_LEAST("allocatable.count", 0),
	};
	const struct rk_path path = rk_path_field(NULL, "spec.drivers"),
			     whole = rk_path_field(NULL, "CSINodeDriver");
	const struct rk_val *list = rk_val_at(obj, "spec.drivers");

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&path, i),
				     id = rk_path_field(&item, "nodeID");
		const struct rk_val *driver = rk_val_item(list, i);
		const struct rk_val *was =
			driver_of(rk_val_at(old, "spec.drivers"), rk_val_text_at(driver, "name"));
		rk_check_rules(check, &item, driver, NULL, rules, RK_COUNT(rules));
		(void)rk_check_unique(check, &item, list, i, "name");
		if (rk_val_text_at(driver, "nodeID").size > NODE_ID_MAX)
			(void)rk_bad(check, &id, rk_val_at(driver, "nodeID"),
				     "must be 192 characters or less");
		check_topology(check, &item, driver);
		if (was != NULL && !rk_val_eq(was, driver))
			(void)rk_bad(check, &whole, driver, "field is immutable");
	}
}

static void check_room(const struct rk_check *check, const struct rk_val *obj, const char *field)
{
	const struct rk_path path = rk_path_field(NULL, field);
	const struct rk_val *room = rk_val_at(obj, field);

	if (room != NULL && rk_quantity_cmp(rk_val_text(room), RK_SPAN("0")) < 0)
		(void)rk_bad(check, &path, room, "must be greater than or equal to 0");
}

void rk_validate_csicapacity(const struct rk_check *check, const struct rk_val *obj,
			     const struct rk_val *old)
{
	static const struct rk_rule rules[] = {
		RK_SELECTOR("nodeTopology"),
		RK_FIXED("nodeTopology"),
		RK_FIXED("storageClassName"),
	};
	const struct rk_path path = rk_path_field(NULL, "storageClassName");
	const struct rk_span class_name = rk_val_text_at(obj, "storageClassName");
	const char *why = rk_name_subdomain(class_name);

	if (why != NULL)
		(void)rk_bad_text(check, &path, class_name, why);
	check_room(check, obj, "capacity");
	check_room(check, obj, "maximumVolumeSize");
	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
}
