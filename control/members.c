#include "control/members.h"

#include <stdio.h>

static int id_of(const struct rk_val *val, uint64_t *ret, struct rk_error *error)
{
	if (!rk_val_is(val, RK_VAL_INT) || val->integer <= 0)
		return rk_fail(error, RK_EINVAL, "a member is named by its number, 1 or more");
	*ret = (uint64_t)val->integer;
	return RK_OK;
}

static int find(const struct rk_config *config, uint64_t id, int *ret, struct rk_error *error)
{
	*ret = rk_config_find(config, id);
	if (*ret < 0)
		return rk_fail(error, RK_ENOENT, "there is no member %llu", (unsigned long long)id);
	return RK_OK;
}

static int check_fields(const struct rk_val *map, const char *const *known, struct rk_error *error)
{
	if (!rk_val_is(map, RK_VAL_MAP))
		return rk_fail(error, RK_EINVAL, "an object was expected");
	for (uint32_t i = 0; i < map->count; i++) {
		bool is_known = false;
		for (size_t j = 0; known[j] != NULL; j++)
			is_known = is_known || rk_span_is(map->fields[i].key, known[j]);
		if (!is_known)
			return rk_fail(error, RK_EINVAL, "field \"%.*s\" is not known",
				       RK_SPAN_ARGS(map->fields[i].key));
	}
	return RK_OK;
}

/* {id, address, learner, witness}; the address is empty when it is not given. */
static int member_of(const struct rk_val *val, struct rk_member *ret, struct rk_error *error)
{
	static const char *const known[] = { "id", "address", "learner", "witness", NULL };
	const struct rk_span address = rk_val_text_at(val, "address");

	RK_TRY(check_fields(val, known, error));
	const bool is_learner = rk_val_bool_at(val, "learner", false);
	const bool is_witness = rk_val_bool_at(val, "witness", false);
	*ret = (struct rk_member){ .role = is_learner	? RK_MEMBER_LEARNER
					   : is_witness ? RK_MEMBER_VOTER | RK_MEMBER_WITNESS
							: RK_MEMBER_VOTER };
	RK_TRY(id_of(rk_val_at(val, "id"), &ret->id, error));
	if (is_learner && is_witness)
		return rk_fail(error, RK_EINVAL,
			       "member %llu cannot be a learner and a witness: a witness votes",
			       (unsigned long long)ret->id);
	if (address.size >= sizeof ret->address)
		return rk_fail(error, RK_EINVAL, "the address of member %llu is too long",
			       (unsigned long long)ret->id);
	if (address.size > 0)
		memcpy(ret->address, address.data, address.size);
	const char *colon = strrchr(ret->address, ':');
	if (address.size > 0 && (colon == NULL || colon == ret->address || colon[1] == 0))
		return rk_fail(error, RK_EINVAL, "the address of member %llu must be HOST:PORT",
			       (unsigned long long)ret->id);
	return RK_OK;
}

static int add(struct rk_config *config, const struct rk_member *member, struct rk_error *error)
{
	const int err = rk_config_add(config, member->id, member->role, member->address);

	if (err == RK_EEXIST)
		return rk_fail(error, err, "there is a member %llu already",
			       (unsigned long long)member->id);
	if (err < 0)
		return rk_fail(error, err, "there cannot be more than %d members", RK_MEMBERS_MAX);
	return RK_OK;
}

static int edit_set(const struct rk_val *list, struct rk_config *config, struct rk_error *error)
{
	struct rk_config next = { 0 };

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		struct rk_member member;
		RK_TRY(member_of(rk_val_item(list, i), &member, error));
		const int at = rk_config_find(config, member.id);
		if (member.address[0] == 0 && at >= 0)
			memcpy(member.address, config->at[at].address, sizeof member.address);
		RK_TRY(add(&next, &member, error));
	}
	*config = next;
	return RK_OK;
}

static int edit_add(const struct rk_val *item, struct rk_config *config, struct rk_error *error)
{
	struct rk_member member;

	RK_TRY(member_of(item, &member, error));
	return add(config, &member, error);
}

static int edit_remove(const struct rk_val *item, struct rk_config *config, struct rk_error *error)
{
	uint64_t id = 0;
	int at;

	RK_TRY(id_of(item, &id, error));
	RK_TRY(find(config, id, &at, error));
	config->count--;
	memmove(&config->at[at], &config->at[at + 1],
		(config->count - (uint32_t)at) * sizeof config->at[0]);
	return RK_OK;
}

static int edit_promote(const struct rk_val *item, struct rk_config *config, struct rk_error *error)
{
	uint64_t id = 0;
	int at;

	RK_TRY(id_of(item, &id, error));
	RK_TRY(find(config, id, &at, error));
	config->at[at].role = RK_MEMBER_VOTER;
	return RK_OK;
}

static int edit_update(const struct rk_val *item, struct rk_config *config, struct rk_error *error)
{
	struct rk_member member;
	int at;

	RK_TRY(member_of(item, &member, error));
	RK_TRY(find(config, member.id, &at, error));
	if (member.address[0] == 0)
		return rk_fail(error, RK_EINVAL, "member %llu needs an address",
			       (unsigned long long)member.id);
	memcpy(config->at[at].address, member.address, sizeof member.address);
	return RK_OK;
}

int rk_members_edit(const struct rk_val *edits, struct rk_config *config, struct rk_error *error)
{
	static const char *const known[] = { "set",    "add",    "remove", "promote",
					     "update", "dryRun", "op",     NULL };
	static const struct {
		const char *name;
		int (*edit)(const struct rk_val *item, struct rk_config *config,
			    struct rk_error *error);
	} each[] = { { "add", edit_add },
		     { "remove", edit_remove },
		     { "promote", edit_promote },
		     { "update", edit_update } };

	RK_TRY(check_fields(edits, known, error));
	for (size_t i = 0; known[i] != NULL && strcmp(known[i], "dryRun") != 0; i++) {
		const struct rk_val *list = rk_val_at(edits, known[i]);
		if (list != NULL && !rk_val_is(list, RK_VAL_LIST))
			return rk_fail(error, RK_EINVAL, "\"%s\" must be a list", known[i]);
	}
	if (rk_val_at(edits, "set") != NULL)
		RK_TRY(edit_set(rk_val_at(edits, "set"), config, error));
	for (size_t i = 0; i < sizeof each / sizeof each[0]; i++) {
		const struct rk_val *list = rk_val_at(edits, each[i].name);
		for (uint32_t j = 0; j < rk_val_count(list); j++)
			RK_TRY(each[i].edit(rk_val_item(list, j), config, error));
	}
	return RK_OK;
}

struct rk_val *rk_members_val(struct rk_arena *arena, const struct rk_config *config)
{
	struct rk_val *list = rk_val_list(arena);

	for (uint32_t i = 0; i < config->count; i++) {
		const uint8_t role = config->at[i].role;
		const char *next = (role & RK_MEMBER_NEXT_VOTER) != 0     ? "voter"
				   : (role & RK_MEMBER_NEXT_LEARNER) != 0 ? "learner"
				   : (role & RK_MEMBER_NEXT_GONE) != 0    ? "gone"
									  : NULL;
		struct rk_val *member = rk_val_map(arena);
		rk_val_put_int(arena, member, "id", (int64_t)config->at[i].id);
		rk_val_put(arena, member, "address",
			   rk_val_strf(arena, "%s", config->at[i].address));
		rk_val_put_cstr(arena, member, "role",
				(role & RK_MEMBER_WITNESS) != 0   ? "witness"
				: (role & RK_MEMBER_LEARNER) != 0 ? "learner"
								  : "voter");
		if ((role & RK_MEMBER_OUTGOING) != 0 && (role & RK_MEMBER_VOTER) == 0)
			rk_val_put_bool(arena, member, "leaving", true);
		if (next != NULL)
			rk_val_put_cstr(arena, member, "next", next);
		rk_val_append(arena, list, member);
	}
	return list;
}
