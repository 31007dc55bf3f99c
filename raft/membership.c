#include "raft/membership.h"

enum { NEXT_ANY = RK_MEMBER_NEXT_VOTER | RK_MEMBER_NEXT_LEARNER | RK_MEMBER_NEXT_GONE };

static bool any_has(const struct rk_config *config, uint8_t bits)
{
	for (uint32_t i = 0; i < config->count; i++)
		if ((config->at[i].role & bits) != 0)
			return true;
	return false;
}

bool rk_membership_is_joint(const struct rk_config *config)
{
	return any_has(config, RK_MEMBER_OUTGOING);
}

bool rk_membership_is_changing(const struct rk_config *config)
{
	return any_has(config, RK_MEMBER_OUTGOING | NEXT_ANY);
}

bool rk_membership_has_witness(const struct rk_config *config)
{
	return any_has(config, RK_MEMBER_WITNESS);
}

static uint8_t joint_role(uint8_t role)
{
	const uint8_t witness = role & RK_MEMBER_WITNESS;

	if ((role & RK_MEMBER_NEXT_VOTER) != 0)
		return RK_MEMBER_VOTER | witness;
	if ((role & RK_MEMBER_NEXT_LEARNER) != 0)
		return RK_MEMBER_OUTGOING | RK_MEMBER_LEARNER;
	if ((role & RK_MEMBER_NEXT_GONE) != 0)
		return RK_MEMBER_OUTGOING | witness;
	return (role & RK_MEMBER_VOTER) != 0 ? role | RK_MEMBER_OUTGOING : role;
}

static uint8_t left_role(uint8_t role)
{
	const bool stays = (role & (RK_MEMBER_VOTER | RK_MEMBER_LEARNER)) != 0;

	return stays ? role & (uint8_t)~RK_MEMBER_OUTGOING : 0;
}

static uint8_t plain_role(uint8_t role) { return role & (uint8_t)~NEXT_ANY; }

/* Every role through `change`; who has none left is out. */
static void convert(const struct rk_config *from, uint8_t (*change)(uint8_t role),
		    struct rk_config *ret)
{
	struct rk_config config = { 0 };

	for (uint32_t i = 0; i < from->count; i++) {
		const uint8_t role = change(from->at[i].role);
		if (role == 0)
			continue;
		config.at[config.count] = from->at[i];
		config.at[config.count++].role = role;
	}
	*ret = config;
}

int rk_membership_next(const struct rk_config *config, struct rk_config *ret)
{
	if (rk_membership_is_joint(config))
		convert(config, left_role, ret);
	else if (any_has(config, NEXT_ANY))
		convert(config, joint_role, ret);
	else
		return RK_ENOENT;
	return RK_OK;
}

void rk_membership_target(const struct rk_config *config, struct rk_config *ret)
{
	*ret = *config;
	while (rk_membership_next(ret, ret) == RK_OK)
		;
}

static bool is_voter(const struct rk_config *config, uint64_t id)
{
	const int at = rk_config_find(config, id);

	return at >= 0 && (config->at[at].role & RK_MEMBER_VOTER) != 0;
}

static bool same_voters(const struct rk_config *left, const struct rk_config *right)
{
	for (uint32_t i = 0; i < left->count; i++)
		if (is_voter(left, left->at[i].id) != is_voter(right, left->at[i].id))
			return false;
	for (uint32_t i = 0; i < right->count; i++)
		if (is_voter(left, right->at[i].id) != is_voter(right, right->at[i].id))
			return false;
	return true;
}

static bool same(const struct rk_config *left, const struct rk_config *right)
{
	if (left->count != right->count)
		return false;
	for (uint32_t i = 0; i < left->count; i++)
		if (left->at[i].id != right->at[i].id || left->at[i].role != right->at[i].role ||
		    strcmp(left->at[i].address, right->at[i].address) != 0)
			return false;
	return true;
}

static bool is_witness(const struct rk_config *config, uint64_t id)
{
	const int at = rk_config_find(config, id);

	return at >= 0 && (config->at[at].role & RK_MEMBER_WITNESS) != 0;
}

/* A member's directory is one or the other, and enough full members must hold what witnesses drop (raft/witness.c). */
static int check_witnesses(const struct rk_config *now, const struct rk_config *target,
			   struct rk_error *error)
{
	uint32_t witnesses = 0, full = 0;

	for (uint32_t i = 0; i < target->count; i++) {
		const uint64_t id = target->at[i].id;
		const bool is = is_witness(target, id);
		witnesses += is;
		full += !is && is_voter(target, id);
		if (rk_config_find(now, id) >= 0 && is_witness(now, id) != is)
			return rk_fail(error, RK_EINVAL,
				       "member %llu is %s and cannot become %s: remove it, and add it again with an empty directory",
				       (unsigned long long)id, is ? "a full member" : "a witness",
				       is ? "a witness" : "a full member");
	}
	if (witnesses >= full && witnesses > 0)
		return rk_fail(error, RK_EINVAL,
			       "there must be more full voters than witnesses, not %u and %u", full,
			       witnesses);
	return RK_OK;
}

static int check_target(const struct rk_config *target, struct rk_error *error)
{
	for (uint32_t i = 0; i < target->count; i++) {
		const struct rk_member *member = &target->at[i];
		if (member->role != RK_MEMBER_VOTER && member->role != RK_MEMBER_LEARNER &&
		    member->role != (RK_MEMBER_VOTER | RK_MEMBER_WITNESS))
			return rk_fail(error, RK_EINVAL,
				       "member %llu must be a voter, a witness or a learner",
				       (unsigned long long)member->id);
		if (member->address[0] == 0)
			return rk_fail(error, RK_EINVAL, "member %llu has no address",
				       (unsigned long long)member->id);
		for (uint32_t j = 0; j < i; j++)
			if (strcmp(target->at[j].address, member->address) == 0)
				return rk_fail(error, RK_EINVAL,
					       "members %llu and %llu have the same address %s",
					       (unsigned long long)target->at[j].id,
					       (unsigned long long)member->id, member->address);
	}
	if (!any_has(target, RK_MEMBER_VOTER))
		return rk_fail(error, RK_EINVAL, "no voter would be left");
	return RK_OK;
}

/* Who is new comes as a learner, and nobody goes before all of them have caught up. */
static int stage(const struct rk_config *now, const struct rk_config *target, struct rk_config *ret)
{
	struct rk_config staged = { 0 };

	for (uint32_t i = 0; i < target->count; i++) {
		const struct rk_member *member = &target->at[i];
		const bool votes = is_voter(now, member->id);
		uint8_t role = member->role;
		if ((role & RK_MEMBER_VOTER) != 0 && !votes)
			role = RK_MEMBER_LEARNER | RK_MEMBER_NEXT_VOTER |
			       (role & RK_MEMBER_WITNESS);
		else if (role == RK_MEMBER_LEARNER && votes)
			role = RK_MEMBER_VOTER | RK_MEMBER_NEXT_LEARNER;
		RK_TRY(rk_config_add(&staged, member->id, role, member->address));
	}
	for (uint32_t i = 0; i < now->count; i++) {
		const struct rk_member *member = &now->at[i];
		if ((member->role & RK_MEMBER_VOTER) != 0 && rk_config_find(target, member->id) < 0)
			RK_TRY(rk_config_add(&staged, member->id,
					     member->role | RK_MEMBER_NEXT_GONE, member->address));
	}
	*ret = staged;
	return RK_OK;
}

int rk_membership_start(const struct rk_config *now, const struct rk_config *target,
			struct rk_config *ret, struct rk_error *error)
{
	const bool is_staged = rk_membership_is_changing(now) && !rk_membership_is_joint(now);
	struct rk_config plain;

	RK_TRY(check_target(target, error));
	RK_TRY(check_witnesses(now, target, error));
	convert(now, plain_role, &plain);
	if (rk_membership_is_joint(now) || (is_staged && !same_voters(&plain, target)))
		return rk_fail(error, RK_EBUSY, "another change of the members is under way");
	if (same(now, target))
		return rk_fail(error, RK_EEXIST, "nothing would change");
	if (same_voters(&plain, target)) {
		*ret = *target;
		return RK_OK;
	}
	if (stage(&plain, target, ret) < 0)
		return rk_fail(error, RK_ETOOBIG,
			       "more than %d members, those that leave counted too",
			       RK_MEMBERS_MAX);
	if (!any_has(ret, RK_MEMBER_NEXT_VOTER))
		return rk_membership_next(ret, ret); /* nobody to wait for */
	return RK_OK;
}
