/* The text form of label selectors: "a=b,c in (x,y),!d,e>5". */
#include "base/err.h"
#include "control/schema/labels.h"

enum token {
	END,
	COMMA,
	OPEN,
	CLOSE,
	NOT,
	EQUALS,
	DOUBLE_EQUALS,
	NOT_EQUALS,
	GREATER,
	LESS,
	IN,
	NOT_IN,
	WORD
};

struct parser {
	struct rk_arena *arena;
	struct rk_span text;
	size_t at;
	enum token token; /* the one that comes next */
	struct rk_span word;
	struct rk_error *error;
};

static bool is_space(uint8_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static bool is_special(uint8_t c)
{
	return c == '=' || c == '!' || c == '(' || c == ')' || c == ',' || c == '>' || c == '<';
}

static enum token symbol(struct parser *parser, size_t *ret_size)
{
	const struct rk_span rest = rk_span_sub(parser->text, parser->at, 2);
	static const struct {
		const char *text;
		enum token token;
	} symbols[] = {
		{ "==", DOUBLE_EQUALS }, { "!=", NOT_EQUALS }, { "=", EQUALS }, { "!", NOT },
		{ "(", OPEN },           { ")", CLOSE },       { ",", COMMA },  { ">", GREATER },
		{ "<", LESS },
	};

	for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
		if (rk_span_starts(rest, rk_span_str(symbols[i].text))) {
			*ret_size = strlen(symbols[i].text);
			return symbols[i].token;
		}
	}
	return END;
}

/* Reads the next token. In values, "in" and "notin" are words like any other. */
static void advance(struct parser *parser, bool in_values)
{
	const struct rk_span text = parser->text;
	size_t size = 0;

	while (parser->at < text.size && is_space(text.data[parser->at]))
		parser->at++;
	const size_t from = parser->at;
	if (from == text.size) {
		parser->token = END;
	} else if (is_special(text.data[from])) {
		parser->token = symbol(parser, &size);
	} else {
		while (from + size < text.size && !is_special(text.data[from + size]) &&
		       !is_space(text.data[from + size]))
			size++;
		parser->token = WORD;
	}
	parser->word = rk_span_sub(text, from, size);
	parser->at = from + size;
	if (parser->token == WORD && !in_values && rk_span_is(parser->word, "in"))
		parser->token = IN;
	if (parser->token == WORD && !in_values && rk_span_is(parser->word, "notin"))
		parser->token = NOT_IN;
}

static int expected(struct parser *parser, const char *what)
{
	return rk_fail(parser->error, RK_EINVAL,
		       "unable to parse requirement: found '%.*s', expected: %s",
		       RK_SPAN_ARGS(parser->word), what);
}

static void add_value(struct parser *parser, struct rk_requirement *requirement,
		      struct rk_span value)
{
	/* Doubles when the count reaches a power of two. */
	if ((requirement->count & (requirement->count - 1)) == 0) {
		const size_t capacity = requirement->count > 0 ? requirement->count * 2u : 1;
		struct rk_span *more = rk_arena_alloc(parser->arena, capacity * sizeof *more);
		if (requirement->count > 0)
			memcpy(more, requirement->values, requirement->count * sizeof *more);
		requirement->values = more;
	}
	requirement->values[requirement->count++] = rk_arena_span(parser->arena, value);
}

/* "(a, b)"; upstream takes an empty place between commas as an empty value. */
static int parse_set(struct parser *parser, struct rk_requirement *requirement)
{
	bool wants_value = true;

	if (parser->token != OPEN)
		return expected(parser, "'('");
	for (advance(parser, true); parser->token != CLOSE; advance(parser, true)) {
		if (parser->token == COMMA) {
			if (wants_value)
				add_value(parser, requirement, RK_SPAN(""));
			wants_value = true;
		} else if (parser->token == WORD && wants_value) {
			add_value(parser, requirement, parser->word);
			wants_value = false;
		} else {
			return expected(parser,
					wants_value ? "',', ')' or identifier" : "',' or ')'");
		}
	}
	if (wants_value)
		add_value(parser, requirement, RK_SPAN(""));
	advance(parser, false);
	return RK_OK;
}

static int parse_value(struct parser *parser, struct rk_requirement *requirement)
{
	const bool has_word =
		parser->token == WORD || parser->token == IN || parser->token == NOT_IN;

	if (!has_word && parser->token != END && parser->token != COMMA)
		return expected(parser, "identifier");
	add_value(parser, requirement, has_word ? parser->word : RK_SPAN(""));
	if (has_word)
		advance(parser, false);
	return RK_OK;
}

static int parse_operator(struct parser *parser, struct rk_requirement *requirement)
{
	const enum token token = parser->token;

	switch (token) {
	case EQUALS:
	case DOUBLE_EQUALS: requirement->op = RK_LABEL_EQUALS; break;
	case NOT_EQUALS: requirement->op = RK_LABEL_NOT_EQUALS; break;
	case GREATER: requirement->op = RK_LABEL_GREATER; break;
	case LESS: requirement->op = RK_LABEL_LESS; break;
	case IN: requirement->op = RK_LABEL_IN; break;
	case NOT_IN: requirement->op = RK_LABEL_NOT_IN; break;
	case END:
	case COMMA: requirement->op = RK_LABEL_EXISTS; return RK_OK;
	case OPEN:
	case CLOSE:
	case NOT:
	case WORD: return expected(parser, "in, notin, =, ==, !=, gt, lt");
	}
	advance(parser, token != IN && token != NOT_IN);
	return token == IN || token == NOT_IN ? parse_set(parser, requirement)
					      : parse_value(parser, requirement);
}

static int parse_requirement(struct parser *parser, struct rk_requirement *ret)
{
	const bool is_not = parser->token == NOT;

	if (is_not)
		advance(parser, false);
	if (parser->token != WORD && parser->token != IN && parser->token != NOT_IN)
		return expected(parser, "identifier");
	ret->key = rk_arena_span(parser->arena, parser->word);
	advance(parser, false);
	if (!is_not)
		return parse_operator(parser, ret);
	ret->op = RK_LABEL_NOT_EXISTS;
	return parser->token == END || parser->token == COMMA
		       ? RK_OK
		       : expected(parser, "',' or 'end of string'");
}

int rk_selector_parse(struct rk_arena *arena, struct rk_span text, struct rk_selector **ret,
		      struct rk_error *error)
{
	struct parser parser = { .arena = arena, .text = text, .error = error };
	struct rk_selector *selector = rk_selector_new(arena);

	if (text.size > RK_SELECTOR_BYTES_MAX)
		return rk_fail(error, RK_EINVAL, "the label selector is longer than %d bytes",
			       RK_SELECTOR_BYTES_MAX);
	advance(&parser, false);
	while (parser.token != END) {
		struct rk_requirement requirement = { 0 };
		RK_TRY(parse_requirement(&parser, &requirement));
		RK_TRY(rk_selector_add(arena, selector, requirement, error));
		if (parser.token == END)
			break;
		if (parser.token != COMMA)
			return rk_fail(error, RK_EINVAL,
				       "found '%.*s', expected: ',' or 'end of string'",
				       RK_SPAN_ARGS(parser.word));
		advance(&parser, false);
		if (parser.token == END)
			return rk_fail(error, RK_EINVAL,
				       "found '', expected: identifier after ','");
	}
	rk_selector_settle(selector);
	*ret = selector;
	return RK_OK;
}
