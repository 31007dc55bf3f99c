#include "node/pod_user.h"

#include <stdio.h>

static bool to_number(struct rk_span text, uint32_t *ret)
{
	uint64_t number = 0;

	if (text.size == 0 || text.size > 10)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		number = number * 10 + (uint64_t)(text.data[i] - '0');
	}
	*ret = (uint32_t)number;
	return number <= UINT32_MAX - 1;
}

/* The fields of the first line whose field `at` is `value`: "name:x:uid:gid:...". */
static bool find_line(struct rk_span file, unsigned at, struct rk_span value,
		      struct rk_span fields[7])
{
	while (file.data != NULL) {
		struct rk_span line;

		file = rk_span_cut(file, '\n', &line);
		for (unsigned i = 0; i < 7; i++) {
			fields[i] = (struct rk_span){ 0 };
			if (line.data != NULL)
				line = rk_span_cut(line, ':', &fields[i]);
		}
		if (fields[2].size > 0 && rk_span_eq(fields[at], value))
			return true;
	}
	return false;
}

static int find_user(struct rk_span name, struct rk_span passwd, struct rk_user *user,
		     struct rk_error *error)
{
	struct rk_span fields[7];
	const bool is_number = to_number(name, &user->uid);

	if (find_line(passwd, is_number ? 2 : 0, name, fields)) {
		if (!to_number(fields[2], &user->uid) || !to_number(fields[3], &user->gid))
			return rk_fail(error, RK_EINVAL,
				       "the image's passwd has no numbers for user %.*s",
				       RK_SPAN_ARGS(name));
		user->home = fields[5];
		return 0;
	}
	if (!is_number)
		return rk_fail(error, RK_EINVAL, "the image has no user \"%.*s\"",
			       RK_SPAN_ARGS(name));
	return 0;
}

static int find_group(struct rk_span name, struct rk_span group, uint32_t *ret,
		      struct rk_error *error)
{
	struct rk_span fields[7];

	if (to_number(name, ret))
		return 0;
	if (!find_line(group, 0, name, fields) || !to_number(fields[2], ret))
		return rk_fail(error, RK_EINVAL, "the image has no group \"%.*s\"",
			       RK_SPAN_ARGS(name));
	return 0;
}

static const struct rk_val *right(const struct rk_val *pod, const struct rk_val *container,
				  const char *name)
{
	const struct rk_val *own =
		rk_val_get(rk_val_at(container, "securityContext"), rk_span_str(name));

	return own != NULL ? own
			   : rk_val_get(rk_val_at(pod, "spec.securityContext"), rk_span_str(name));
}

static void add_group(struct rk_user *user, int64_t group)
{
	if (user->group_count < RK_USER_GROUPS_MAX && group >= 0 && group < UINT32_MAX)
		user->groups[user->group_count++] = (uint32_t)group;
}

int rk_pod_user(const struct rk_val *pod, const struct rk_val *container, struct rk_span image_user,
		struct rk_span passwd, struct rk_span group, struct rk_user *ret,
		struct rk_error *error)
{
	struct rk_user user = { 0 };
	struct rk_span name;
	const struct rk_span group_name = rk_span_cut(image_user, ':', &name);
	const struct rk_val *as_user = right(pod, container, "runAsUser");
	const struct rk_val *as_group = right(pod, container, "runAsGroup");
	const struct rk_val *non_root = right(pod, container, "runAsNonRoot");
	const struct rk_val *extra = rk_val_at(pod, "spec.securityContext.supplementalGroups");
	char number[24];

	if (rk_val_is(as_user, RK_VAL_INT)) {
		(void)snprintf(number, sizeof number, "%lld", (long long)as_user->integer);
		RK_TRY(find_user(rk_span_str(number), passwd, &user, error));
	} else if (name.size > 0) {
		RK_TRY(find_user(name, passwd, &user, error));
	} else {
		RK_TRY(find_user(RK_SPAN("0"), passwd, &user, error));
	}
	if (rk_val_is(as_group, RK_VAL_INT))
		user.gid = (uint32_t)as_group->integer;
	else if (!rk_val_is(as_user, RK_VAL_INT) && group_name.size > 0)
		RK_TRY(find_group(group_name, group, &user.gid, error));
	if (rk_val_is(non_root, RK_VAL_BOOL) && non_root->boolean && user.uid == 0)
		return rk_fail(error, RK_EINVAL,
			       "container has runAsNonRoot and image will run as root");
	for (uint32_t i = 0; i < rk_val_count(extra); i++)
		if (rk_val_is(rk_val_item(extra, i), RK_VAL_INT))
			add_group(&user, rk_val_item(extra, i)->integer);
	add_group(&user, rk_val_int_at(pod, "spec.securityContext.fsGroup", -1));
	*ret = user;
	return 0;
}
