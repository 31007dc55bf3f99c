#include "cli/args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"
#include "control/schema/kinds.h"

static const struct rk_flag *flag_named(const struct rk_flag *flags, struct rk_span name)
{
	for (; flags->name != NULL; flags++)
		if (rk_span_is(name, flags->name))
			return flags;
	return NULL;
}

static const struct rk_flag *flag_lettered(const struct rk_flag *flags, char letter)
{
	for (; flags->name != NULL; flags++)
		if (flags->letter == letter && letter != 0)
			return flags;
	return NULL;
}

static const char *nearest(const struct rk_flag *flags, struct rk_span name)
{
	const char *best = NULL;
	unsigned best_distance = UINT32_MAX, distance;

	for (; flags->name != NULL; flags++) {
		if (rk_names_near(rk_span_str(flags->name), name, &distance) &&
		    distance < best_distance) {
			best = flags->name;
			best_distance = distance;
		}
	}
	return best;
}

static bool number_of(const char *text, int64_t *ret)
{
	char *end = NULL;
	const long long value = strtoll(text, &end, 10);

	if (end == text || *end != '\0')
		return false;
	*ret = value;
	return true;
}

static bool duration_of(const char *text, int64_t *ret_ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = { { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
	int64_t total = 0;

	if (*text == '\0')
		return false;
	while (*text != '\0') {
		char *end = NULL;
		const long long value = strtoll(text, &end, 10);
		size_t best = SIZE_MAX;
		if (end == text || value < 0 || value > 1000000000)
			return false;
		const size_t size = strspn(end, "msh");
		for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
			if (strlen(units[i].unit) == size && strncmp(units[i].unit, end, size) == 0)
				best = i;
		if (best == SIZE_MAX)
			return false;
		total += value * units[best].ms;
		text = end + size;
	}
	*ret_ms = total;
	return true;
}

/* Whether it is one of the words of "a|b|c". */
static bool is_choice(struct rk_span choices, const char *word)
{
	struct rk_span choice;

	while (choices.size > 0) {
		choices = rk_span_cut(choices, '|', &choice);
		if (rk_span_is(choice, word))
			return true;
	}
	return false;
}

static int set_choice(const struct rk_flag *flag, const char *value, struct rk_error *error)
{
	if (value[0] != '\0' && !is_choice(rk_span_str(flag->value), value))
		return rk_fail(error, RK_EINVAL, "--%s: \"%s\" is not one of %s", flag->name, value,
			       flag->value);
	*(const char **)flag->to = value;
	return RK_OK;
}

static int set(const struct rk_flag *flag, const char *value, struct rk_error *error)
{
	bool ok = true;

	switch (flag->kind) {
	case RK_FLAG_BOOL:
		ok = strcmp(value, "true") == 0 || strcmp(value, "false") == 0;
		*(bool *)flag->to = strcmp(value, "true") == 0;
		break;
	case RK_FLAG_TEXT: *(const char **)flag->to = value; break;
	case RK_FLAG_CHOICE: RK_TRY(set_choice(flag, value, error)); break;
	case RK_FLAG_NUMBER: ok = number_of(value, flag->to); break;
	case RK_FLAG_DURATION: ok = duration_of(value, flag->to); break;
	case RK_FLAG_LIST: {
		struct rk_flag_list *list = flag->to;
		if (list->count == RK_FLAG_LIST_MAX)
			return rk_fail(error, RK_EINVAL, "--%s is given more than %d times",
				       flag->name, RK_FLAG_LIST_MAX);
		list->at[list->count++] = value;
		break;
	}
	}
	if (flag->given != NULL)
		*flag->given = true;
	if (!ok)
		return rk_fail(error, RK_EINVAL, "--%s: \"%s\" is not %s", flag->name, value,
			       flag->kind == RK_FLAG_BOOL       ? "true or false"
			       : flag->kind == RK_FLAG_DURATION ? "a time such as 30s or 5m"
								: "a number");
	return RK_OK;
}

/* Takes the flag at argv[*at] with its value; *at moves to the last word that belongs to it. */
static int take_flag(const struct rk_flag *flags, int argc, char **argv, int *at,
		     struct rk_error *error)
{
	const char *word = argv[*at];
	const bool is_long = word[1] == '-';
	const struct rk_flag *flag;
	const char *value = NULL;

	if (is_long) {
		struct rk_span name;
		const struct rk_span rest = rk_span_cut(rk_span_str(word + 2), '=', &name);
		flag = flag_named(flags, name);
		value = rest.data != NULL ? (const char *)rest.data : NULL;
		if (flag == NULL) {
			const char *near = nearest(flags, name);
			return rk_fail(error, RK_EINVAL, "unknown flag --%.*s%s%s%s",
				       RK_SPAN_ARGS(name), near != NULL ? " (did you mean --" : "",
				       near != NULL ? near : "", near != NULL ? "?)" : "");
		}
	} else {
		flag = flag_lettered(flags, word[1]);
		if (flag == NULL)
			return rk_fail(error, RK_EINVAL, "unknown flag -%c", word[1]);
		if (flag->kind == RK_FLAG_BOOL && word[2] != '\0' && word[2] != '=') {
			/* Letters may stand together: -it. */
			*(bool *)flag->to = true;
			if (flag->given != NULL)
				*flag->given = true;
			argv[*at] = argv[*at] + 1;
			argv[*at][0] = '-';
			return take_flag(flags, argc, argv, at, error);
		}
		value = word[2] == '=' ? word + 3 : word[2] != '\0' ? word + 2 : NULL;
	}
	if (value == NULL && flag->kind == RK_FLAG_BOOL)
		value = "true";
	if (value == NULL && flag->kind == RK_FLAG_CHOICE)
		value = "";
	if (value == NULL && *at + 1 >= argc)
		return rk_fail(error, RK_EINVAL, "--%s needs a value (%s)", flag->name,
			       flag->value);
	if (value == NULL)
		value = argv[++*at];
	return set(flag, value, error);
}

/* --help for people; --help=man and --help=flags for `help --man` and completion. */
static bool asks_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
	       strcmp(word, "--help=man") == 0 || strcmp(word, "--help=flags") == 0;
}

static void print_help(const char *word, const struct rk_command *command,
		       const struct rk_flag *flags)
{
	if (strcmp(word, "--help=man") == 0)
		rk_flags_man(command, flags);
	else if (strcmp(word, "--help=flags") == 0)
		for (; flags->name != NULL; flags++)
			(void)printf("--%s\t%s\n", flags->name, flags->help);
	else
		rk_flags_help(command, flags);
}

int rk_flags_parse(const struct rk_command *command, const struct rk_flag *flags, int *argc,
		   char **argv, int *ret_dash, struct rk_error *error)
{
	int kept = 0;

	if (ret_dash != NULL)
		*ret_dash = -1;
	for (int at = 0; at < *argc; at++) {
		if (strcmp(argv[at], "--") == 0) {
			if (ret_dash != NULL)
				*ret_dash = kept;
			while (++at < *argc)
				argv[kept++] = argv[at];
		} else if (asks_help(argv[at]) && flag_lettered(flags, 'h') == NULL) {
			print_help(argv[at], command, flags);
			return RK_EAGAIN;
		} else if (argv[at][0] == '-' && argv[at][1] != '\0') {
			RK_TRY(take_flag(flags, *argc, argv, &at, error));
		} else {
			argv[kept++] = argv[at];
		}
	}
	*argc = kept;
	return RK_OK;
}

static void print_default(const struct rk_flag *flag)
{
	if ((flag->kind == RK_FLAG_TEXT || flag->kind == RK_FLAG_CHOICE) &&
	    *(const char **)flag->to != NULL && **(const char **)flag->to != '\0')
		(void)printf(" (default %s)", *(const char **)flag->to);
	else if (flag->kind == RK_FLAG_NUMBER && *(int64_t *)flag->to != 0)
		(void)printf(" (default %lld)", (long long)*(int64_t *)flag->to);
	else if (flag->kind == RK_FLAG_DURATION && *(int64_t *)flag->to != 0)
		(void)printf(" (default %gs)", (double)*(int64_t *)flag->to / 1000);
}

void rk_flags_help(const struct rk_command *command, const struct rk_flag *flags)
{
	(void)printf("%s\n\nUsage:\n  reckon %s %s\n", command->summary, command->name,
		     command->usage);
	if (command->examples != NULL)
		(void)printf("\nExamples:\n%s", command->examples);
	if (flags->name != NULL)
		(void)printf("\nFlags:\n");
	for (; flags->name != NULL; flags++) {
		char left[64];
		(void)snprintf(left, sizeof left, "%c%c%s--%s%s%s", flags->letter != 0 ? '-' : ' ',
			       flags->letter != 0 ? flags->letter : ' ',
			       flags->letter != 0 ? ", " : "  ", flags->name,
			       flags->value != NULL ? " " : "",
			       flags->value != NULL ? flags->value : "");
		(void)printf("  %-34s %s", left, flags->help);
		print_default(flags);
		(void)printf("\n");
	}
}

/* Text for roff: a line must not begin with a dot, a minus and a backslash are written out. */
static void put_roff(const char *text)
{
	for (bool at_start = true; *text != '\0'; text++) {
		if (at_start && (*text == '.' || *text == '\''))
			(void)printf("\\&");
		at_start = *text == '\n';
		if (*text == '\\')
			(void)printf("\\e");
		else if (*text == '-')
			(void)printf("\\-");
		else
			(void)putchar(*text);
	}
}

void rk_flags_man(const struct rk_command *command, const struct rk_flag *flags)
{
	(void)printf(".SS ");
	put_roff(command->name);
	(void)printf("\n");
	put_roff(command->summary);
	(void)printf(".\n.PP\n.B reckon ");
	put_roff(command->name);
	(void)printf("\n.RS\n");
	put_roff(command->usage);
	(void)printf("\n.RE\n");
	for (; flags->name != NULL; flags++) {
		(void)printf(".TP\n.B ");
		if (flags->letter != 0)
			(void)printf("\\-%c, ", flags->letter);
		(void)printf("\\-\\-");
		put_roff(flags->name);
		if (flags->value != NULL) {
			(void)printf(" ");
			put_roff(flags->value);
		}
		(void)printf("\n");
		put_roff(flags->help);
		print_default(flags);
		(void)printf("\n");
	}
	if (command->examples != NULL) {
		(void)printf(".PP\n.EX\n");
		put_roff(command->examples);
		(void)printf(".EE\n");
	}
}

void rk_cli_put(const struct rk_buf *text)
{
	if (text->size > 0)
		(void)fwrite(text->data, 1, text->size, stdout);
}

int rk_cli_fail(const struct rk_error *error)
{
	(void)fprintf(stderr, "reckon: %s\n", error->text);
	return error->code == RK_EINVAL ? 2 : 1;
}

bool rk_cli_begin(const struct rk_command *command, const struct rk_flag *flags, int *argc,
		  char **argv, int *ret_dash, int *ret_status)
{
	struct rk_error error = { 0 };
	const int err = rk_flags_parse(command, flags, argc, argv, ret_dash, &error);

	if (err == RK_OK)
		return true;
	if (err == RK_EINVAL)
		(void)snprintf(error.text + strlen(error.text),
			       sizeof error.text - strlen(error.text), "; see 'reckon %s --help'",
			       command->name);
	*ret_status = err == RK_EAGAIN ? 0 : rk_cli_fail(&error);
	return false;
}
