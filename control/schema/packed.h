/* control/schema/packed.h - the packed form of the registry, which pack.c writes and load.c reads.
 *
 * Numbers are varints, lists begin with their count, texts are offsets into a pool of
 * NUL-terminated strings:
 *
 *   magic (u32), size of the pool, the pool
 *   types, sorted by name: name, schema, doc, kind, flags, fields
 *   field, sorted by name: name, doc, type's place, proto (three numbers), shape, list type, patch,
 *     flags, patch key (offset + 1, or 0), choices, keys, preset (bytes of a document, or none)
 *   kinds, by group, version, plural: group, version, apiVersion, kind, list kind, plural,
 *     singular, resource, short names, categories, selectable fields, subresources, verbs, type's
 *     place, place of the kind that it is stored as, flags, columns
 *   column: name, type, format, doc, priority */
#ifndef RK_CONTROL_SCHEMA_PACKED_H
#define RK_CONTROL_SCHEMA_PACKED_H

#include <stddef.h>

#define RK_PACKED_MAGIC 0x326b6b72u /* "rkk2" */

enum rk_packed_type_flags { RK_PACKED_TYPE_ATOMIC = 1 };
enum rk_packed_kind_flags { RK_PACKED_NAMESPACED = 1, RK_PACKED_REQUEST = 2, RK_PACKED_GENERATION = 4 };
enum rk_packed_prop_flags {
	RK_PACKED_REQUIRED = 1,
	RK_PACKED_DROPS_ZERO = 2,
	RK_PACKED_ATOMIC = 4
};

/* gen/kinds.c: what pack.c made of kinds/ and types/. */
extern const unsigned char rk_kinds_packed[];
extern const size_t rk_kinds_packed_size;

#endif
