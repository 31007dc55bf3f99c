#include "control/state.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/timefmt.h"
#include "control/customs.h"
#include "control/follow.h"
#include "control/index.h"
#include "wire/doc.h"

static struct rk_span object_key(struct rk_state *state, struct rk_span kind, struct rk_span ns,
				 struct rk_span name)
{
	const size_t size = 1 + kind.size + 1 + ns.size + 1 + name.size;
	uint8_t *key = rk_arena_alloc(&state->arena, size);
	struct rk_buf out = { key, 0, size };

	rk_buf_put_u8(&out, RK_SPACE_OBJECT);
	rk_object_key(&out, kind, ns, name);
	rk_assert(out.size == size && out.data == key);
	return rk_span_of(key, size);
}

const struct rk_item *rk_state_item(const struct rk_state *state, struct rk_span kind, struct rk_span ns,
				    struct rk_span name)
{
	uint8_t room[640];
	struct rk_buf out = { room, 0, sizeof room };

	/* Longer than any key that exists: names and namespaces are bounded at admission. */
	if (kind.size + ns.size + name.size + 3 > sizeof room)
		return NULL;
	rk_buf_put_u8(&out, RK_SPACE_OBJECT);
	rk_object_key(&out, kind, ns, name);
	return rk_store_get(state->store, rk_buf_span(&out));
}

struct rk_span rk_state_doc(const struct rk_state *state, const char *kind, struct rk_span ns,
			    struct rk_span name)
{
	const struct rk_item *item = rk_state_item(state, rk_span_str(kind), ns, name);

	return item != NULL ? rk_blob_span(item->value) : (struct rk_span){ NULL, 0 };
}

struct rk_val *rk_state_val(struct rk_state *state, struct rk_span kind, struct rk_span ns,
			    struct rk_span name)
{
	const struct rk_item *item = rk_state_item(state, kind, ns, name);

	if (item == NULL)
		return NULL;
	const struct rk_span copy = rk_arena_span(&state->arena, rk_blob_span(item->value));
	struct rk_val *val = NULL;
	const int err = rk_doc_read(&state->arena, copy, &val);
	rk_assert(err == RK_OK);
	return val;
}

void rk_names_add(struct rk_state *state, struct rk_names *names, struct rk_span kind, struct rk_span ns,
		  struct rk_span name)
{
	names->at = rk_arena_grow(&state->arena, names->at, &names->capacity, names->count, sizeof *names->at);
	names->at[names->count++] = (struct rk_name){ rk_arena_span(&state->arena, kind),
						      rk_arena_span(&state->arena, ns),
						      rk_arena_span(&state->arena, name) };
}

static void names_under(struct rk_state *state, struct rk_span prefix, struct rk_names *ret)
{
	struct rk_tree_iter iter;
	const struct rk_item *item;

	rk_store_seek(state->store, &iter, prefix);
	while ((item = rk_tree_next(&iter)) != NULL && rk_span_starts(rk_item_key(item), prefix)) {
		struct rk_span key = rk_item_key(item), kind, ns, name;
		/* An index key is the prefix and then the object's key; an object's key is its own prefix. */
		key = key.data[0] == RK_SPACE_INDEX ? rk_span_sub(key, prefix.size, key.size) :
						      rk_span_sub(key, 1, key.size);
		const bool is_key = rk_object_key_split(key, &kind, &ns, &name);
		rk_assert(is_key);
		rk_names_add(state, ret, kind, ns, name);
	}
}

void rk_state_names(struct rk_state *state, struct rk_span kind, struct rk_span ns, struct rk_names *ret)
{
	struct rk_buf prefix = { 0 };

	rk_buf_put_u8(&prefix, RK_SPACE_OBJECT);
	rk_buf_put_span(&prefix, kind);
	rk_buf_put_u8(&prefix, 0);
	if (ns.size > 0) {
		rk_buf_put_span(&prefix, ns);
		rk_buf_put_u8(&prefix, 0);
	}
	names_under(state, rk_buf_span(&prefix), ret);
	rk_buf_done(&prefix);
}

void rk_state_indexed(struct rk_state *state, char index, struct rk_span value, struct rk_names *ret)
{
	struct rk_buf prefix = { 0 };

	if (!rk_index_takes(value))
		return;
	rk_index_prefix(&prefix, index, value);
	names_under(state, rk_buf_span(&prefix), ret);
	rk_buf_done(&prefix);
}

/* Remembers the change for watchers, then lets indexes and controllers hear of it. Takes a share of each blob. */
static void changed(struct rk_state *state, enum rk_change_type type, uint64_t revision, struct rk_span key,
		    struct rk_blob *before, struct rk_blob *after)
{
	struct rk_change change = { .type = type, .revision = revision, .before = before, .after = after };

	change.key = rk_blob_copy(rk_span_sub(key, 1, key.size));
	const bool is_key = rk_object_key_split(rk_blob_span(change.key), &change.kind, &change.ns, &change.name);
	rk_assert(is_key);
	state->changes = rk_grow(state->changes, &state->change_capacity, state->change_count + 1,
				 sizeof *state->changes);
	state->changes[state->change_count++] = change;
	rk_customs_follow(state, &change);
	rk_index_update(state, &change);
	rk_follow(state, &change);
}

static void set_revision(struct rk_state *state, struct rk_val *object, uint64_t revision)
{
	rk_val_put(&state->arena, rk_val_make(&state->arena, object, "metadata"), "resourceVersion",
		   rk_val_strf(&state->arena, "%llu", (unsigned long long)revision));
}

void rk_state_put(struct rk_state *state, struct rk_span kind, struct rk_span ns, struct rk_span name,
		  struct rk_val *object)
{
	const struct rk_span key = object_key(state, kind, ns, name);
	const struct rk_item *old = rk_store_get(state->store, key);
	struct rk_blob *before = old != NULL ? rk_blob_ref(old->value) : NULL;
	const uint64_t revision = rk_store_next_revision(state->store);

	set_revision(state, object, revision);
	struct rk_blob *after = rk_doc_of(object);
	rk_store_put(state->store, key, rk_blob_ref(after), revision);
	changed(state, before != NULL ? RK_CHANGE_MODIFIED : RK_CHANGE_ADDED, revision, key, before, after);
}

void rk_state_remove(struct rk_state *state, struct rk_span kind, struct rk_span ns, struct rk_span name)
{
	const struct rk_span key = object_key(state, kind, ns, name);
	struct rk_val *object = rk_state_val(state, kind, ns, name);

	rk_assert(object != NULL);
	struct rk_blob *before = rk_blob_ref(rk_store_get(state->store, key)->value);
	const uint64_t revision = rk_store_next_revision(state->store);
	set_revision(state, object, revision);
	(void)rk_store_remove(state->store, key);
	changed(state, RK_CHANGE_DELETED, revision, key, before, rk_doc_of(object));
}

uint64_t rk_state_random(struct rk_state *state)
{
	struct rk_buf seed = { 0 };

	rk_buf_put_u64(&seed, state->cluster_low);
	rk_buf_put_u64(&seed, state->cluster_high);
	rk_buf_put_u64(&seed, state->index);
	rk_buf_put_u32(&seed, state->counter++);
	const uint64_t value = rk_hash64(rk_buf_span(&seed), 0);
	rk_buf_done(&seed);
	return value;
}

struct rk_span rk_state_uid(struct rk_state *state)
{
	const uint64_t high = rk_state_random(state), low = rk_state_random(state);
	char *text = rk_arena_alloc(&state->arena, RK_UUID_TEXT);

	rk_uuid_format(text, (struct rk_hash128){ .low = low, .high = high }, 8);
	return rk_span_of(text, RK_UUID_TEXT - 1);
}

struct rk_span rk_safe_text(struct rk_arena *arena, uint64_t hash, size_t letters)
{
	/* apimachinery's util/rand: no vowels and nothing that looks like another letter. */
	static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
	uint8_t *text = rk_arena_alloc(arena, letters);

	for (size_t i = 0; i < letters; i++) {
		text[i] = (uint8_t)alphabet[hash % (sizeof alphabet - 1)];
		hash /= sizeof alphabet - 1;
	}
	return rk_span_of(text, letters);
}

struct rk_span rk_state_suffix(struct rk_state *state, struct rk_span base)
{
	/* names.go: the base is cut so that the whole fits 63 bytes */
	const struct rk_span head = rk_span_sub(base, 0, 58);
	const struct rk_span tail = rk_safe_text(&state->arena, rk_state_random(state), 5);
	const char *text = rk_arena_printf(&state->arena, "%.*s%.*s", RK_SPAN_ARGS(head), RK_SPAN_ARGS(tail));

	return rk_span_of(text, head.size + tail.size);
}

struct rk_span rk_state_time(struct rk_state *state)
{
	char *text = rk_arena_alloc(&state->arena, RK_TIME_TEXT_MAX);

	return rk_span_of(text, rk_time_format(text, state->now_ms));
}
