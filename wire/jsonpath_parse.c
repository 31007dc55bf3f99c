/* Templates out of text, by descent; what is nested is bounded. */
#include <stdlib.h>

#include "wire/jsonpath_inner.h"

struct parser {
	struct rk_arena *arena;
	struct rk_span text;
	size_t at;
	unsigned steps, depth;
	struct rk_error *error;
};

static int parse_path(struct parser *p, struct rk_step **ret);

static int bad(struct parser *p, const char *what)
{
	return rk_fail(p->error, RK_EINVAL, "jsonpath, at character %zu of \"%.*s\": %s", p->at + 1,
		       RK_SPAN_ARGS(rk_span_sub(p->text, 0, 100)), what);
}

static char peek(const struct parser *p)
{
	return p->at < p->text.size ? (char)p->text.data[p->at] : '\0';
}

static bool take(struct parser *p, const char *word)
{
	const struct rk_span rest = rk_span_sub(p->text, p->at, p->text.size);

	if (!rk_span_starts(rest, rk_span_str(word)))
		return false;
	p->at += strlen(word);
	return true;
}

static void skip_space(struct parser *p)
{
	while (peek(p) == ' ' || peek(p) == '\t' || peek(p) == '\n')
		p->at++;
}

static int new_step(struct parser *p, enum rk_step_kind kind, struct rk_step **ret)
{
	if (++p->steps > RK_JSONPATH_STEPS_MAX)
		return bad(p, "too many steps");
	*ret = rk_arena_zalloc(p->arena, sizeof **ret);
	(*ret)->kind = kind;
	(*ret)->by = 1;
	return RK_OK;
}

/* 'text' or "text", with backslashes. */
static int parse_quoted(struct parser *p, struct rk_span *ret)
{
	const char quote = peek(p);
	uint8_t *out = rk_arena_alloc(p->arena, p->text.size - p->at);
	size_t size = 0;

	for (p->at++; peek(p) != quote; p->at++) {
		if (p->at >= p->text.size)
			return bad(p, "a quote is not closed");
		char c = peek(p);
		if (c == '\\') {
			p->at++;
			if (p->at >= p->text.size)
				return bad(p, "a quote is not closed");
			c = peek(p);
			c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
		}
		out[size++] = (uint8_t)c;
	}
	p->at++;
	*ret = rk_span_of(out, size);
	return RK_OK;
}

static bool is_name_char(char c)
{
	return c != '\0' && strchr(" \t\n.[]{}()=!<>|&,'\"@$*", c) == NULL;
}

/* A bare name; "\." stands for a dot within it. */
static int parse_name(struct parser *p, struct rk_span *ret)
{
	uint8_t *out = rk_arena_alloc(p->arena, p->text.size - p->at + 1);
	size_t size = 0;

	while (is_name_char(peek(p))) {
		if (peek(p) == '\\' && p->at + 1 < p->text.size)
			p->at++;
		out[size++] = (uint8_t)peek(p);
		p->at++;
	}
	if (size == 0)
		return bad(p, "a field name is missing");
	*ret = rk_span_of(out, size);
	return RK_OK;
}

static bool parse_int(struct parser *p, int64_t *ret)
{
	const bool negative = take(p, "-");
	const size_t from = p->at;
	uint64_t value;

	while (peek(p) >= '0' && peek(p) <= '9')
		p->at++;
	if (!rk_span_u64(rk_span_sub(p->text, from, p->at - from), &value) || value > INT32_MAX)
		return false;
	*ret = negative ? -(int64_t)value : (int64_t)value;
	return true;
}

static int parse_literal(struct parser *p, struct rk_val **ret)
{
	const size_t from = p->at;
	struct rk_span text;
	char *end = NULL;

	if (peek(p) == '"' || peek(p) == '\'') {
		RK_TRY(parse_quoted(p, &text));
		*ret = rk_val_str(p->arena, text);
		return RK_OK;
	}
	while (is_name_char(peek(p)) || peek(p) == '.')
		p->at++;
	text = rk_span_sub(p->text, from, p->at - from);
	if (rk_span_is(text, "true") || rk_span_is(text, "false")) {
		*ret = rk_val_bool(p->arena, rk_span_is(text, "true"));
		return RK_OK;
	}
	const char *word = rk_arena_str(p->arena, text);
	const long long integer = strtoll(word, &end, 10);
	if (text.size > 0 && *end == '\0') {
		*ret = rk_val_int(p->arena, integer);
		return RK_OK;
	}
	const double real = strtod(word, &end);
	if (text.size == 0 || *end != '\0')
		return bad(p, "a path, a number or a quoted text is wanted");
	*ret = rk_val_real(p->arena, real);
	return RK_OK;
}

static int parse_operand(struct parser *p, struct rk_operand *ret)
{
	struct rk_step *path = NULL;

	skip_space(p);
	if (peek(p) != '@' && peek(p) != '$' && peek(p) != '.')
		return parse_literal(p, &ret->literal);
	RK_TRY(parse_path(p, &path));
	ret->path = path;
	return RK_OK;
}

/* ?(left op right) */
static int parse_filter(struct parser *p, struct rk_step *step)
{
	static const char *const ops[] = { "==", "!=", "<=", ">=", "<", ">" };

	step->kind = RK_STEP_FILTER;
	if (++p->depth > RK_JSONPATH_DEPTH_MAX)
		return bad(p, "filters are nested too deeply");
	if (!take(p, "?("))
		return bad(p, "?(...) is wanted");
	RK_TRY(parse_operand(p, &step->left));
	skip_space(p);
	for (size_t i = 0; i < sizeof ops / sizeof ops[0] && step->op[0] == '\0'; i++)
		if (take(p, ops[i]))
			memcpy(step->op, ops[i], strlen(ops[i]) + 1);
	if (step->op[0] != '\0')
		RK_TRY(parse_operand(p, &step->right));
	skip_space(p);
	if (!take(p, ")"))
		return bad(p, "a filter ends with )");
	p->depth--;
	return RK_OK;
}

static int parse_slice(struct parser *p, struct rk_step *step)
{
	step->kind = RK_STEP_SLICE;
	step->has_from = parse_int(p, &step->from);
	step->is_index = step->has_from && peek(p) != ':';
	if (step->is_index)
		return RK_OK;
	if (!take(p, ":"))
		return bad(p, "a number, a slice, *, a quoted name or ?(...) is wanted");
	step->has_to = parse_int(p, &step->to);
	if (take(p, ":") && (!parse_int(p, &step->by) || step->by < 1))
		return bad(p, "a slice's step must be positive");
	return RK_OK;
}

static int parse_choice(struct parser *p, struct rk_step **ret)
{
	RK_TRY(new_step(p, RK_STEP_FIELD, ret));
	skip_space(p);
	if (peek(p) == '\'' || peek(p) == '"')
		return parse_quoted(p, &(*ret)->name);
	if (take(p, "*")) {
		(*ret)->kind = RK_STEP_ANY;
		return RK_OK;
	}
	return peek(p) == '?' ? parse_filter(p, *ret) : parse_slice(p, *ret);
}

/* What is between brackets; the opening one is taken. */
static int parse_brackets(struct parser *p, struct rk_step **ret)
{
	struct rk_step *first, *last, *all;

	RK_TRY(parse_choice(p, &first));
	for (last = first; skip_space(p), take(p, ",");) {
		RK_TRY(parse_choice(p, &last->next_choice));
		last = last->next_choice;
	}
	if (!take(p, "]"))
		return bad(p, "] is missing");
	*ret = first;
	if (first == last)
		return RK_OK;
	RK_TRY(new_step(p, RK_STEP_UNION, &all));
	all->choices = first;
	*ret = all;
	return RK_OK;
}

static int parse_step(struct parser *p, struct rk_step **ret)
{
	if (take(p, "..")) {
		RK_TRY(new_step(p, RK_STEP_DEEP, ret));
		if (peek(p) != '[' && peek(p) != '*' && is_name_char(peek(p))) {
			RK_TRY(new_step(p, RK_STEP_FIELD, &(*ret)->next));
			return parse_name(p, &(*ret)->next->name);
		}
		return RK_OK;
	}
	if (take(p, "["))
		return parse_brackets(p, ret);
	if (take(p, ".") && peek(p) == '[')
		return parse_step(p, ret);
	if (take(p, "*"))
		return new_step(p, RK_STEP_ANY, ret);
	RK_TRY(new_step(p, RK_STEP_FIELD, ret));
	return parse_name(p, &(*ret)->name);
}

static int parse_path(struct parser *p, struct rk_step **ret)
{
	struct rk_step *first = NULL, **tail = &first;

	if (take(p, "$"))
		RK_TRY(new_step(p, RK_STEP_ROOT, &first));
	else
		(void)take(p, "@");
	while (peek(p) == '.' || peek(p) == '[' || peek(p) == '*') {
		if (peek(p) == '.' && first == NULL && p->at + 1 < p->text.size &&
		    !is_name_char((char)p->text.data[p->at + 1]) &&
		    strchr(".[*\\", p->text.data[p->at + 1]) == NULL) {
			p->at++; /* "." alone: the value itself */
			break;
		}
		while (*tail != NULL)
			tail = &(*tail)->next;
		RK_TRY(parse_step(p, tail));
	}
	*ret = first;
	return RK_OK;
}

static struct rk_jsonpath *new_node(struct parser *p, enum rk_node_kind kind,
				    struct rk_jsonpath ***tail)
{
	struct rk_jsonpath *node = rk_arena_zalloc(p->arena, sizeof *node);

	node->kind = kind;
	**tail = node;
	*tail = &node->next;
	return node;
}

static int parse_nodes(struct parser *p, bool in_range, struct rk_jsonpath **ret);

/* One of the things within braces. */
static int parse_expression(struct parser *p, struct rk_jsonpath ***tail)
{
	struct rk_jsonpath *node;
	struct rk_step *path = NULL;

	if (peek(p) == '"' || peek(p) == '\'')
		return parse_quoted(p, &new_node(p, RK_NODE_TEXT, tail)->text);
	const bool is_range = take(p, "range ");
	skip_space(p);
	if (is_name_char(peek(p)))
		return bad(p, "an expression begins with . [ @ $ or a quote");
	const size_t from = p->at;
	RK_TRY(parse_path(p, &path));
	if (p->at == from)
		return bad(p, "this is no path");
	node = new_node(p, is_range ? RK_NODE_RANGE : RK_NODE_PATH, tail);
	node->path = path;
	if (!is_range)
		return RK_OK;
	skip_space(p);
	if (!take(p, "}"))
		return bad(p, "} is missing");
	if (++p->depth > RK_JSONPATH_DEPTH_MAX)
		return bad(p, "ranges are nested too deeply");
	RK_TRY(parse_nodes(p, true, &node->body));
	p->depth--;
	return RK_OK;
}

/* Up to the end, or the {end} of a range, of which the last brace is left. */
static int parse_nodes(struct parser *p, bool in_range, struct rk_jsonpath **ret)
{
	struct rk_jsonpath **tail = ret;

	*ret = NULL;
	while (p->at < p->text.size) {
		const size_t from = p->at;
		while (p->at < p->text.size && peek(p) != '{')
			p->at++;
		if (p->at > from)
			new_node(p, RK_NODE_TEXT, &tail)->text =
				rk_span_sub(p->text, from, p->at - from);
		if (!take(p, "{"))
			break;
		skip_space(p);
		if (take(p, "end}")) {
			p->at--;
			return in_range ? RK_OK : bad(p, "{end} without {range}");
		}
		while (skip_space(p), peek(p) != '}') {
			if (p->at >= p->text.size)
				return bad(p, "} is missing");
			RK_TRY(parse_expression(p, &tail));
		}
		p->at++;
	}
	return in_range ? bad(p, "{end} is missing") : RK_OK;
}

int rk_jsonpath_parse(struct rk_arena *arena, struct rk_span text, struct rk_jsonpath **ret,
		      struct rk_error *error)
{
	struct parser p = { .arena = arena, .text = text, .error = error };

	return parse_nodes(&p, false, ret);
}

int rk_jsonpath_parse_one(struct rk_arena *arena, struct rk_span text, struct rk_jsonpath **ret,
			  struct rk_error *error)
{
	struct rk_span path = text;

	if (path.size >= 2 && path.data[0] == '{' && path.data[path.size - 1] == '}')
		path = rk_span_sub(path, 1, path.size - 2);
	if (path.size == 0)
		return rk_fail(error, RK_EINVAL, "jsonpath: an empty path");
	const bool is_anchored = strchr(".[@$", path.data[0]) != NULL;
	struct parser p = { .arena = arena,
			    .text = rk_span_str(rk_arena_printf(
				    arena, "%s%.*s", is_anchored ? "" : ".", RK_SPAN_ARGS(path))),
			    .error = error };
	struct rk_jsonpath *node = rk_arena_zalloc(arena, sizeof *node);
	struct rk_step *steps = NULL;

	RK_TRY(parse_path(&p, &steps));
	if (p.at != p.text.size)
		return bad(&p, "the path should end here");
	node->kind = RK_NODE_PATH;
	node->path = steps;
	*ret = node;
	return RK_OK;
}
