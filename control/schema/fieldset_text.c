/* Steps and sets as they are written in managedFields. */
#include "control/schema/fieldset.h"
#include "wire/json.h"

/* --- the order of steps --- */

/* Upstream's order of values of different kinds. */
static int rank_of(const struct rk_val *val)
{
	switch (val->kind) {
	case RK_VAL_REAL: return 0;
	case RK_VAL_INT: return 1;
	case RK_VAL_STR: return 2;
	case RK_VAL_BOOL: return 3;
	case RK_VAL_LIST: return 4;
	case RK_VAL_MAP: return 5;
	case RK_VAL_NULL: break;
	}
	return 6;
}

/* 0 where only the text can tell. */
static int val_cmp(const struct rk_val *a, const struct rk_val *b)
{
	if (a->kind != b->kind)
		return rank_of(a) < rank_of(b) ? -1 : 1;
	if (a->kind == RK_VAL_REAL)
		return a->real < b->real ? -1 : a->real > b->real;
	if (a->kind == RK_VAL_INT)
		return a->integer < b->integer ? -1 : a->integer > b->integer;
	if (a->kind == RK_VAL_STR)
		return rk_span_cmp(a->str, b->str);
	return a->kind == RK_VAL_BOOL ? a->boolean - b->boolean : 0;
}

static int key_cmp(const struct rk_val *a, const struct rk_val *b)
{
	for (uint32_t i = 0; i < a->count && i < b->count; i++) {
		int order = rk_span_cmp(a->fields[i].key, b->fields[i].key);
		if (order == 0)
			order = val_cmp(a->fields[i].val, b->fields[i].val);
		if (order != 0)
			return order;
	}
	return a->count < b->count ? -1 : a->count > b->count;
}

int rk_step_cmp(const struct rk_step *a, const struct rk_step *b)
{
	int order = 0;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->kind == RK_STEP_FIELD || rk_span_eq(a->text, b->text))
		return rk_span_cmp(a->text, b->text);
	if (a->kind == RK_STEP_KEY)
		order = key_cmp(a->val, b->val);
	else
		order = val_cmp(a->val, b->val);
	return order != 0 ? order : rk_span_cmp(a->text, b->text);
}

/* --- their texts --- */

static const uint8_t letters[] = { 'f', 'k', 'v', 'i' };

/* Go's encoder keeps JSON safe inside of HTML; these bytes stand only inside of strings. */
static void write_value(struct rk_buf *out, const struct rk_val *val)
{
	struct rk_buf plain = { 0 };

	rk_json_write(&plain, val, false);
	for (size_t i = 0; i < plain.size; i++) {
		const uint8_t *at = plain.data + i;
		const bool is_break = plain.size - i >= 3 && at[0] == 0xe2 && at[1] == 0x80 &&
				      (at[2] == 0xa8 || at[2] == 0xa9);
		if (*at == '<' || *at == '>' || *at == '&') {
			rk_buf_printf(out, "\\u%04x", *at);
		} else if (is_break) {
			rk_buf_printf(out, "\\u20%02x", at[2] - 0x80);
			i += 2;
		} else {
			rk_buf_put_u8(out, *at);
		}
	}
	rk_buf_done(&plain);
}

static struct rk_span text_of(struct rk_arena *arena, struct rk_buf *out)
{
	const struct rk_span text = rk_arena_span(arena, rk_buf_span(out));

	rk_buf_done(out);
	return text;
}

struct rk_step rk_step_key(struct rk_arena *arena, const struct rk_val *key)
{
	struct rk_buf out = { 0 };

	rk_buf_put_u8(&out, '{');
	for (uint32_t i = 0; i < key->count; i++) {
		if (i > 0)
			rk_buf_put_u8(&out, ',');
		rk_json_write_str(&out, key->fields[i].key);
		rk_buf_put_u8(&out, ':');
		write_value(&out, key->fields[i].val);
	}
	rk_buf_put_u8(&out, '}');
	return (struct rk_step){ RK_STEP_KEY, text_of(arena, &out), key };
}

struct rk_step rk_step_value(struct rk_arena *arena, const struct rk_val *value)
{
	struct rk_buf out = { 0 };

	write_value(&out, value);
	return (struct rk_step){ RK_STEP_VALUE, text_of(arena, &out), value };
}

void rk_step_print(struct rk_buf *out, const struct rk_step *step)
{
	if (step->kind == RK_STEP_FIELD) {
		rk_buf_put_u8(out, '.');
		rk_buf_put_span(out, step->text);
		return;
	}
	rk_buf_put_u8(out, '[');
	if (step->kind == RK_STEP_INDEX) {
		rk_buf_put_span(out, step->text);
	} else if (step->kind == RK_STEP_VALUE) {
		rk_buf_put_u8(out, '=');
		rk_json_write(out, step->val, false);
	} else {
		for (uint32_t i = 0; i < step->val->count; i++) {
			rk_buf_put_str(out, i > 0 ? "," : "");
			rk_buf_put_span(out, step->val->fields[i].key);
			rk_buf_put_u8(out, '=');
			rk_json_write(out, step->val->fields[i].val, false);
		}
	}
	rk_buf_put_u8(out, ']');
}

/* --- reading --- */

/* "1.0" and "1" name the same item. */
static void make_whole(struct rk_val *val)
{
	if (val->kind == RK_VAL_REAL && val->real >= -9007199254740992.0 && val->real <= 9007199254740992.0 &&
	    val->real == (double)(int64_t)val->real) {
		val->kind = RK_VAL_INT;
		val->integer = (int64_t)val->real;
	}
}

static int read_index(struct rk_arena *arena, struct rk_span text, struct rk_step *ret)
{
	const bool is_negative = rk_span_starts(text, RK_SPAN("-"));
	uint64_t number;

	if (!rk_span_u64(rk_span_sub(text, is_negative, text.size), &number) || number > INT32_MAX)
		return RK_EINVAL;
	const int64_t index = is_negative ? -(int64_t)number : (int64_t)number;
	const char *canonical = rk_arena_printf(arena, "%lld", (long long)index);
	*ret = (struct rk_step){ RK_STEP_INDEX, rk_span_str(canonical), rk_val_int(arena, index) };
	return RK_OK;
}

/* RK_ENOTSUP: of a kind that is not known. */
static int read_step(struct rk_arena *arena, struct rk_span text, struct rk_step *ret)
{
	const struct rk_span rest = rk_span_sub(text, 2, text.size);
	struct rk_val *val = NULL;

	if (text.size < 2 || text.data[1] != ':')
		return RK_EINVAL;
	if (text.data[0] == 'f') {
		*ret = rk_step_field(rest);
		return RK_OK;
	}
	if (text.data[0] == 'i')
		return read_index(arena, rest, ret);
	if (text.data[0] != 'k' && text.data[0] != 'v')
		return RK_ENOTSUP;
	RK_TRY(rk_json_parse(arena, rest, 0, &val, NULL));
	if (text.data[0] == 'v') {
		make_whole(val);
		*ret = rk_step_value(arena, val);
		return RK_OK;
	}
	if (val->kind != RK_VAL_MAP)
		return RK_EINVAL;
	for (uint32_t i = 0; i < val->count; i++)
		make_whole(val->fields[i].val);
	rk_val_sort(val);
	*ret = rk_step_key(arena, val);
	return RK_OK;
}

static int read_set(struct rk_arena *arena, const struct rk_val *fields, unsigned levels,
		    const struct rk_fieldset **ret, bool *ret_is_member)
{
	struct rk_fieldset_maker maker = { 0 };
	bool has_dot = false;

	if (!rk_val_is(fields, RK_VAL_MAP) || levels == 0)
		return RK_EINVAL;
	for (uint32_t i = 0; i < fields->count; i++) {
		const struct rk_fieldset *children = NULL;
		struct rk_step step;
		bool is_member;
		if (rk_span_is(fields->fields[i].key, ".")) {
			has_dot = true;
			continue;
		}
		const int err = read_step(arena, fields->fields[i].key, &step);
		if (err == RK_ENOTSUP)
			continue;
		RK_TRY(err);
		RK_TRY(read_set(arena, fields->fields[i].val, levels - 1, &children, &is_member));
		rk_fieldset_add(arena, &maker, step, is_member, children);
	}
	*ret = rk_fieldset_made(arena, &maker);
	*ret_is_member = has_dot || *ret == NULL;
	return RK_OK;
}

int rk_fieldset_read(struct rk_arena *arena, const struct rk_val *fields, const struct rk_fieldset **ret)
{
	const struct rk_fieldset *set = NULL;
	bool is_member;

	RK_TRY(read_set(arena, fields, RK_FIELDSET_DEPTH_MAX + 1, &set, &is_member));
	*ret = set;
	return RK_OK;
}

/* --- looking into what is written --- */

#define LOOKS_MAX 16 /* steps of one level that are looked for one by one */

static const struct rk_val *written_at(const struct rk_val *written, const struct rk_step *step)
{
	for (uint32_t i = 0; i < written->count; i++) {
		const struct rk_span key = written->fields[i].key;
		if (key.size == step->text.size + 2 && key.data[0] == letters[step->kind] &&
		    rk_span_ends(key, step->text))
			return written->fields[i].val;
	}
	return NULL;
}

bool rk_fieldset_may_meet(const struct rk_fieldset *set, const struct rk_val *written)
{
	if (set == NULL || rk_val_count(written) == 0)
		return false;
	if (set->count > LOOKS_MAX && written->count > LOOKS_MAX)
		return true;
	for (uint32_t i = 0; i < set->count; i++) {
		const struct rk_val *val = written_at(written, &set->at[i].step);
		if (val != NULL && (set->at[i].is_member || rk_fieldset_may_meet(set->at[i].children, val)))
			return true;
	}
	return false;
}

/* --- writing --- */

static struct rk_span full_text(struct rk_arena *arena, const struct rk_step *step)
{
	uint8_t *text = rk_arena_alloc(arena, step->text.size + 2);

	text[0] = letters[step->kind];
	text[1] = ':';
	if (step->text.size > 0)
		memcpy(text + 2, step->text.data, step->text.size);
	return rk_span_of(text, step->text.size + 2);
}

/* A map of known size; rk_val_set would look for every key among those before it. */
static struct rk_val *room_for(struct rk_arena *arena, uint32_t count)
{
	struct rk_val *map = rk_val_map(arena);

	map->capacity = count;
	map->fields = rk_arena_alloc(arena, count * sizeof *map->fields);
	return map;
}

static struct rk_val *val_of(struct rk_arena *arena, const struct rk_fieldset *set, bool with_dot)
{
	struct rk_val *map = room_for(arena, (set != NULL ? set->count : 0) + with_dot);

	if (with_dot)
		map->fields[map->count++] = (struct rk_field){ RK_SPAN("."), rk_val_map(arena) };
	for (uint32_t i = 0; set != NULL && i < set->count; i++) {
		const struct rk_fieldset_node *node = &set->at[i];
		map->fields[map->count++] = (struct rk_field){
			full_text(arena, &node->step),
			val_of(arena, node->children, node->is_member && node->children != NULL),
		};
	}
	return map;
}

struct rk_val *rk_fieldset_val(struct rk_arena *arena, const struct rk_fieldset *set)
{
	return val_of(arena, set, false);
}
