#include "tests/sim/script.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

struct words {
	struct rk_history *history;
	char *rest;
	char *word; /* NULL: the end of the line */
};

static void next(struct words *words)
{
	words->word = words->rest;
	while (words->word != NULL && *words->word == ' ')
		words->word++;
	if (words->word != NULL && *words->word == '\0')
		words->word = NULL;
	if (words->word == NULL)
		return;
	char *space = strchr(words->word, ' ');
	words->rest = space != NULL ? space + 1 : NULL;
	if (space != NULL)
		*space = '\0';
}

static bool is(const struct words *words, const char *text)
{
	return words->word != NULL && strcmp(words->word, text) == 0;
}

static bool eat(struct words *words, const char *text)
{
	const bool found = is(words, text);

	if (found)
		next(words);
	return found;
}

static int64_t number(struct words *words)
{
	cr_assert_not_null(words->word);
	const int64_t value = strtoll(words->word, NULL, 10);

	next(words);
	return value;
}

static struct rk_span text_of(const char *text) { return rk_span_str(text); }

/* "k=v/created/modified/version/lease", or "k/modified" */
static struct rk_hist_kv kv_of(char *text)
{
	struct rk_hist_kv kv = { 0 };
	char *slash = strchr(text, '/'), *equals = strchr(text, '=');

	if (slash != NULL)
		*slash = '\0';
	if (equals != NULL) {
		*equals = '\0';
		kv.value = text_of(equals + 1);
	}
	kv.key = text_of(text);
	long long numbers[4] = { 0 };
	if (slash != NULL)
		(void)sscanf(slash + 1, "%lld/%lld/%lld/%lld", &numbers[0], &numbers[1],
			     &numbers[2], &numbers[3]);
	kv.created = equals != NULL ? numbers[0] : 0;
	kv.modified = equals != NULL ? numbers[1] : numbers[0];
	kv.version = equals != NULL ? numbers[2] : 0;
	kv.lease = equals != NULL ? numbers[3] : 0;
	return kv;
}

static struct rk_hist_range range_of(char *text)
{
	char *dots = strstr(text, "..");

	if (dots == NULL)
		return (struct rk_hist_range){ .key = text_of(text) };
	*dots = '\0';
	return (struct rk_hist_range){ text_of(text),
				       dots[2] != '\0' ? text_of(dots + 2) : rk_span_of("", 1) };
}

static struct rk_hist_request request_of(struct words *words)
{
	struct rk_hist_request request = { .kind = RK_HIST_RANGE };

	if (eat(words, "put")) {
		char *comma = strchr(words->word, ',');
		if (comma != NULL) {
			*comma = '\0';
			request.lease = atoll(comma + 1);
		}
		const struct rk_hist_kv kv = kv_of(words->word);
		request.kind = RK_HIST_PUT;
		request.range.key = kv.key;
		request.value = kv.value;
		next(words);
	} else if (eat(words, "compact")) {
		request.kind = RK_HIST_COMPACT;
		request.revision = number(words);
	} else {
		if (eat(words, "del"))
			request.kind = RK_HIST_DELETE;
		else
			cr_assert(eat(words, "get"), "%s", words->word);
		request.range = range_of(words->word);
		next(words);
	}
	for (;;) {
		if (eat(words, "prev"))
			request.prev_kv = true;
		else if (eat(words, "ser"))
			request.serializable = true;
		else if (eat(words, "count"))
			request.count_only = true;
		else if (eat(words, "rev"))
			request.revision = number(words);
		else if (eat(words, "limit"))
			request.limit = number(words);
		else
			return request;
	}
}

static struct rk_hist_request txn_of(struct words *words)
{
	struct rk_arena *arena = &words->history->arena;
	struct rk_hist_compare *compare = rk_arena_zalloc(arena, sizeof *compare);
	struct rk_hist_request *ops = rk_arena_zalloc(arena, 2 * sizeof *ops);
	char *dot = strchr(words->word, '.'), *equals = strchr(words->word, '=');

	*dot = *equals = '\0';
	compare->key = text_of(words->word);
	compare->relation = RK_HIST_EQUAL;
	compare->target = strcmp(dot + 1, "version") == 0   ? RK_HIST_VERSION
			  : strcmp(dot + 1, "created") == 0 ? RK_HIST_CREATED
			  : strcmp(dot + 1, "mod") == 0     ? RK_HIST_MODIFIED
							    : RK_HIST_VALUE;
	compare->number = atoll(equals + 1);
	compare->value = text_of(equals + 1);
	next(words);
	ops[0] = request_of(words);
	const bool has_else = eat(words, "|");
	if (has_else)
		ops[1] = request_of(words);
	return (struct rk_hist_request){ .kind = RK_HIST_TXN,
					 .compares = compare,
					 .compare_count = 1,
					 .then_ops = &ops[0],
					 .then_count = 1,
					 .else_ops = &ops[1],
					 .else_count = has_else };
}

static void read_kvs(struct words *words, struct rk_hist_answer *answer)
{
	struct rk_hist_kv *kvs = rk_arena_zalloc(&words->history->arena, 16 * sizeof *kvs);

	answer->count = -1;
	for (; words->word != NULL; next(words)) {
		if (words->word[0] == 'n' && strchr(words->word, '=') == NULL)
			answer->count = atoll(words->word + 1);
		else
			kvs[answer->kv_count++] = kv_of(words->word);
	}
	answer->kvs = kvs;
}

static void read_answer(struct words *words, const struct rk_hist_request *request,
			struct rk_hist_answer *answer)
{
	answer->code = eat(words, "compacted") ? RK_HIST_COMPACTED
		       : eat(words, "future")  ? RK_HIST_FUTURE
		       : eat(words, "refused") ? RK_HIST_REFUSED
					       : RK_HIST_OK;
	if (answer->code != RK_HIST_OK)
		return;
	cr_assert(words->word != NULL && words->word[0] == '@', "no revision");
	answer->revision = atoll(words->word + 1);
	next(words);
	struct rk_hist_answer *to = answer;
	const struct rk_hist_request *one = request;
	if (request->kind == RK_HIST_TXN) {
		to = rk_arena_zalloc(&words->history->arena, sizeof *to);
		answer->succeeded = eat(words, "yes");
		(void)eat(words, "no");
		answer->parts = to;
		one = answer->succeeded ? request->then_ops : request->else_ops;
		answer->part_count = answer->succeeded ? request->then_count : request->else_count;
	}
	read_kvs(words, to);
	if (to->count < 0)
		to->count = one->kind == RK_HIST_RANGE ? (int64_t)to->kv_count : 0;
}

static void read_op(struct words *words, int64_t client)
{
	struct rk_hist_op *op = rk_history_op(words->history);

	op->client = client;
	op->invoked_at = atoll(words->word);
	const char *dash = strchr(words->word, '-');
	op->returned_at = dash[1] == '?' ? RK_HIST_NEVER : atoll(dash + 1);
	next(words);
	op->request = eat(words, "txn") ? txn_of(words) : request_of(words);
	if (op->returned_at != RK_HIST_NEVER)
		read_answer(words, &op->request, &op->answer);
}

static void read_watch(struct words *words, int64_t client)
{
	struct rk_hist_watch *watch = rk_history_watch(words->history);

	watch->client = client;
	cr_assert(eat(words, "from"));
	watch->from = number(words);
	watch->range = range_of(words->word);
	next(words);
	watch->prev_kv = eat(words, "prev");
	watch->no_put = eat(words, "noput");
	watch->no_delete = eat(words, "nodel");
}

static void read_response(struct words *words)
{
	struct rk_history *history = words->history;
	struct rk_hist_response *response =
		rk_history_response(&history->watches[history->watch_count - 1]);
	struct rk_hist_event *events = rk_arena_zalloc(&history->arena, 16 * sizeof *events);

	cr_assert(eat(words, "at"));
	response->at = number(words);
	response->is_fragment = eat(words, "fragment");
	response->is_created = eat(words, "created");
	response->is_progress = eat(words, "progress");
	response->is_cancel = eat(words, "cancel");
	if (response->is_cancel)
		response->compacted = number(words);
	for (; words->word != NULL; next(words)) {
		if (words->word[0] == '@') {
			response->revision = atoll(words->word + 1);
			continue;
		}
		struct rk_hist_event *event = &events[response->count++];
		char *prev = strchr(words->word, '<');
		if (prev != NULL) {
			*prev = '\0';
			event->has_prev = true;
			event->prev = kv_of(prev + 1);
		}
		event->is_delete = words->word[0] == '-';
		event->kv = kv_of(words->word + 1);
	}
	response->events = events;
}

void script_read(const char *text, struct rk_history *ret)
{
	*ret = (struct rk_history){ 0 };
	struct rk_span rest = rk_span_str(text), line;

	while (rest.size > 0) {
		rest = rk_span_cut(rest, '\n', &line);
		struct words words = { .history = ret, .rest = rk_arena_str(&ret->arena, line) };
		next(&words);
		if (words.word == NULL)
			continue;
		const char kind = words.word[0];
		const int64_t client = atoll(words.word + 1);
		next(&words);
		if (kind == 'c')
			read_op(&words, client);
		else if (kind == 'w')
			read_watch(&words, client);
		else
			read_response(&words);
	}
}
