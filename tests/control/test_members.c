/* What administrators ask for, as a table. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/mem.h"
#include "control/members.h"
#include "wire/json.h"

Test(members, edits)
{
	static const struct {
		const char *edits;
		int err;
		const char *want; /* the members, or a part of the error */
	} cases[] = {
		{ "{}", RK_OK, "1v@a:1 2v@b:1 3l@c:1" },
		{ "{\"add\":[{\"id\":4,\"address\":\"d:1\"}]}", RK_OK,
		  "1v@a:1 2v@b:1 3l@c:1 4v@d:1" },
		{ "{\"add\":[{\"id\":4,\"address\":\"d:1\",\"learner\":true}],\"remove\":[1,3]}",
		  RK_OK, "2v@b:1 4l@d:1" },
		{ "{\"promote\":[3]}", RK_OK, "1v@a:1 2v@b:1 3v@c:1" },
		{ "{\"update\":[{\"id\":2,\"address\":\"b:9\"}]}", RK_OK, "1v@a:1 2v@b:9 3l@c:1" },
		{ "{\"set\":[{\"id\":1},{\"id\":2,\"learner\":true},{\"id\":5,\"address\":\"e:1\"}]"
		  "}",
		  RK_OK, "1v@a:1 2l@b:1 5v@e:1" },
		{ "{\"set\":[]}", RK_OK, "" },
		{ "{\"add\":[{\"id\":2,\"address\":\"b:1\"}]}", RK_EEXIST, "a member 2 already" },
		{ "{\"remove\":[9]}", RK_ENOENT, "no member 9" },
		{ "{\"remove\":[0]}", RK_EINVAL, "named by its number" },
		{ "{\"remove\":\"2\"}", RK_EINVAL, "\"remove\" must be a list" },
		{ "{\"remove\":[\"2\"]}", RK_EINVAL, "named by its number" },
		{ "{\"delete\":[2]}", RK_EINVAL, "\"delete\" is not known" },
		{ "{\"add\":[{\"id\":4,\"adress\":\"d:1\"}]}", RK_EINVAL,
		  "\"adress\" is not known" },
		{ "{\"add\":[{\"id\":4,\"address\":\"d\"}]}", RK_EINVAL, "must be HOST:PORT" },
		{ "{\"update\":[{\"id\":2}]}", RK_EINVAL, "needs an address" },
		{ "{\"add\":[{\"id\":4,\"address\":\"d:1\",\"witness\":true}]}", RK_OK,
		  "1v@a:1 2v@b:1 3l@c:1 4w@d:1" },
		{ "{\"add\":[{\"id\":4,\"address\":\"d:1\",\"witness\":true,\"learner\":true}]}",
		  RK_EINVAL, "a witness votes" },
		{ "[]", RK_EINVAL, "an object" },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_arena arena = { 0 };
		struct rk_config config = { 0 };
		struct rk_val *edits = NULL;
		struct rk_error error = { 0 };
		char text[256] = "";
		size_t size = 0;
		cr_assert_eq(rk_config_add(&config, 1, RK_MEMBER_VOTER, "a:1"), RK_OK);
		cr_assert_eq(rk_config_add(&config, 2, RK_MEMBER_VOTER, "b:1"), RK_OK);
		cr_assert_eq(rk_config_add(&config, 3, RK_MEMBER_LEARNER, "c:1"), RK_OK);
		cr_assert_eq(rk_json_parse(&arena, rk_span_str(cases[i].edits), 0, &edits, &error),
			     RK_OK);
		const int err = rk_members_edit(edits, &config, &error);
		cr_expect_eq(err, cases[i].err, "%s: %s", cases[i].edits, error.text);
		for (uint32_t j = 0; j < config.count && err == RK_OK; j++)
			size += (size_t)snprintf(text + size, sizeof text - size, "%s%d%c@%s",
						 j > 0 ? " " : "", (int)config.at[j].id,
						 config.at[j].role == RK_MEMBER_VOTER     ? 'v'
						 : config.at[j].role == RK_MEMBER_LEARNER ? 'l'
											  : 'w',
						 config.at[j].address);
		if (err == RK_OK)
			cr_expect_str_eq(text, cases[i].want, "%s: %s", cases[i].edits, text);
		else
			cr_expect_not_null(strstr(error.text, cases[i].want), "%s: %s",
					   cases[i].edits, error.text);
		rk_arena_done(&arena);
	}
}
