/* control/schema/kinds.h - the registry of kinds and of the types that they are made of: plain data, read only, the same in
 * every process of one build. What a kind is stands in kinds/ and types/ (YAML); pack.c makes one blob of it. */
#ifndef RK_CONTROL_SCHEMA_KINDS_H
#define RK_CONTROL_SCHEMA_KINDS_H

#include "base/err.h"
#include "wire/val.h"

enum rk_type_kind {
	RK_TYPE_ANY, /* anything goes, and is kept as it is */
	RK_TYPE_BOOL,
	RK_TYPE_INT32,
	RK_TYPE_INT64,
	RK_TYPE_STRING,
	RK_TYPE_BYTES, /* base64 text */
	RK_TYPE_TIME,  /* metav1.Time */
	RK_TYPE_MICRO_TIME,
	RK_TYPE_QUANTITY,
	RK_TYPE_INT_OR_STRING,
	RK_TYPE_NUMBER,  /* any JSON number */
	RK_TYPE_STRINGS, /* a list of texts as one value (ExtraValue): what maps of lists are made of */
	RK_TYPE_OBJECT,  /* has fields */
};

#define RK_PROTO_DEPTH 3 /* a field can stand in a message in a message that JSON shows as one */

enum rk_shape { RK_SHAPE_ONE, RK_SHAPE_LIST, RK_SHAPE_MAP };

enum rk_list_type { RK_LIST_ATOMIC, RK_LIST_MAP, RK_LIST_SET }; /* x-kubernetes-list-type */

enum rk_patch_flags { RK_PATCH_MERGE = 1, RK_PATCH_RETAIN_KEYS = 2 }; /* x-kubernetes-patch-strategy */

struct rk_type;

struct rk_prop { /* a field of a type */
	const char *name;
	const char *doc;                /* a phrase for `explain`; "" when there is none */
	const struct rk_type *type;     /* of each item when the shape is a list or a map */
	const struct rk_val *preset;    /* what it is when it is not given, or NULL */
	const char *const *choices;     /* the values that it may have; ends with NULL; NULL when any may be */
	const char *const *keys;        /* x-kubernetes-list-map-keys; ends with NULL; NULL when there are none */
	const char *patch_key;          /* x-kubernetes-patch-merge-key, or NULL */
	uint16_t proto[RK_PROTO_DEPTH]; /* protobuf field number; [1] != 0: within the message numbered [0], and so on */
	uint8_t shape;                  /* enum rk_shape */
	uint8_t list_type;              /* enum rk_list_type */
	uint8_t patch;                  /* enum rk_patch_flags */
	bool is_required;
	bool drops_zero;                /* "", 0, false, [] and {} are the same as not given (Go's omitempty) */
	bool is_atomic;                 /* owned and replaced as one (x-kubernetes-map-type: atomic) */
};

struct rk_type {
	const char *name;   /* "PodSpec" */
	const char *schema; /* its name in OpenAPI: "io.k8s.api.core.v1.PodSpec" */
	const char *doc;
	enum rk_type_kind kind;
	uint32_t prop_count;
	const struct rk_prop *props;   /* sorted by name */
	uint32_t index;                /* its place among the types */
	bool is_atomic;
};

struct rk_jsonpath;
struct rk_structure;

struct rk_column { /* of a table */
	const char *name;
	const char *type;   /* "string", "integer", "boolean" */
	const char *format; /* "name" or "" */
	const char *doc;
	int priority; /* 1: shown by -o wide only */
	const struct rk_jsonpath *path; /* of a custom kind: where the cell comes from; else NULL */
};

struct rk_custom_kind { /* what a CustomResourceDefinition says beyond what built-in kinds have */
	const struct rk_structure *rules;  /* of its objects (control/schema/custom_rules.h) */
	const struct rk_val *schema;  /* its openAPIV3Schema as it was given */
	const char *scale_spec, *scale_status, *scale_selector; /* dotted paths; NULL when there are none */
	bool is_deprecated;
	const char *warning;          /* told to who uses a deprecated version */
};

struct rk_kind {
	const char *group;       /* "" is core */
	const char *version;     /* "v1" */
	const char *api_version; /* "apps/v1" */
	const char *kind;        /* "Deployment" */
	const char *list_kind;   /* "DeploymentList" */
	const char *plural;      /* "deployments" */
	const char *singular;    /* "deployment" */
	const char *resource;    /* plural and group: "pods", "deployments.apps"; of `stored` */
	const char *const *short_names; /* these lists end with NULL and are never NULL */
	const char *const *categories;
	const char *const *fields;       /* dotted paths that field selectors may name */
	const char *const *subresources; /* "status", "scale", "binding", ... */
	const char *const *verbs;        /* "create", "get", ... */
	const struct rk_type *type;
	const struct rk_kind *stored; /* the kind in whose form its objects are stored: itself, or another version of it */
	const struct rk_column *columns;
	uint32_t column_count;
	bool namespaced;
	bool has_status;
	bool has_scale;
	bool is_request;        /* answered and never stored */
	bool counts_generation; /* metadata.generation counts the changes of what is wanted */
	const struct rk_custom_kind *custom; /* NULL for what is built in */
};

/* A registry is immutable and shared. That of a cluster stands on the built-in one, and adds the kinds of its
 * CustomResourceDefinitions (control/schema/custom.h). */
struct rk_kinds;
struct rk_custom;

/* The kinds that this program was built with. Never fails: the blob was checked when it was packed. */
const struct rk_kinds *rk_kinds_new(void) __attribute__((returns_nonnull));
/* From a packed blob, which must outlive the registry. RK_EINVAL with the reason when it is malformed. */
RK_MUST_CHECK int rk_kinds_load(struct rk_span packed, const struct rk_kinds **ret, struct rk_error *error);
const struct rk_kinds *rk_kinds_free(const struct rk_kinds *kinds); /* gives a share back; takes NULL, returns NULL */
const struct rk_kinds *rk_kinds_ref(const struct rk_kinds *kinds) __attribute__((returns_nonnull));
/* `base` with these definitions (in order of their names; NULL ones are skipped) and no others. Takes shares of all. */
const struct rk_kinds *rk_kinds_with(const struct rk_kinds *base, struct rk_custom *const *customs, size_t count)
	__attribute__((returns_nonnull));
size_t rk_kinds_bytes(const struct rk_kinds *kinds); /* memory that it holds */

/* In a stable order: by group (core first), version, plural; custom ones behind. What clients
 * should take is the last version of a group. */
size_t rk_kinds_count(const struct rk_kinds *kinds);
const struct rk_kind *rk_kinds_at(const struct rk_kinds *kinds, size_t index);

/* These give NULL when there is none. */
const struct rk_kind *rk_kinds_by_plural(const struct rk_kinds *kinds, struct rk_span group, struct rk_span version,
					 struct rk_span plural);
const struct rk_kind *rk_kinds_by_kind(const struct rk_kinds *kinds, struct rk_span group, struct rk_span version,
				       struct rk_span kind);
/* api_version as objects carry it: "v1", "apps/v1". */
const struct rk_kind *rk_kinds_of(const struct rk_kinds *kinds, struct rk_span api_version, struct rk_span kind);
/* Of kinds that share what is stored, the one in whose form it is. */
const struct rk_kind *rk_kinds_by_resource(const struct rk_kinds *kinds, struct rk_span resource);
/* What people type: plural, singular, kind or short name in any case, with ".group" or ".version.group" behind it or not. */
const struct rk_kind *rk_kinds_by_name(const struct rk_kinds *kinds, struct rk_span name);
/* The plural or short name nearest to what was typed, or NULL when nothing is near. */
const char *rk_kinds_nearest(const struct rk_kinds *kinds, struct rk_span name);

bool rk_kind_has_sub(const struct rk_kind *kind, struct rk_span subresource);
bool rk_kind_has_verb(const struct rk_kind *kind, struct rk_span verb);

/* Types, for codecs and for OpenAPI. */
size_t rk_types_count(const struct rk_kinds *kinds);
const struct rk_type *rk_types_at(const struct rk_kinds *kinds, size_t index); /* sorted by name */
const struct rk_type *rk_types_by_name(const struct rk_kinds *kinds, struct rk_span name);
const struct rk_prop *rk_type_prop(const struct rk_type *type, struct rk_span name);
const char *rk_type_nearest(const struct rk_type *type, struct rk_span name); /* field name, or NULL */

/* Whether `b` is a slip of the pen away from `a`: edit distance (with swaps) within a third of the length, at most 3. */
bool rk_names_near(struct rk_span a, struct rk_span b, unsigned *ret_distance);

#endif
