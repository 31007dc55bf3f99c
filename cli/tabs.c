#include "cli/tabs.h"

#include "base/mem.h"

struct line {
	struct rk_span text;
	size_t cells; /* tabs + 1 */
};

struct tabs {
	struct rk_buf *out;
	size_t least, pad;
	struct line *lines;
	size_t count, capacity;
	size_t widths[RK_TABS_COLUMNS_MAX];
	size_t columns; /* widths that are known */
};

size_t rk_text_width(struct rk_span text)
{
	size_t width = 0;

	for (size_t i = 0; i < text.size; i++)
		width += (text.data[i] & 0xc0) != 0x80;
	return width;
}

static struct rk_span cell_of(const struct line *line, size_t column)
{
	struct rk_span rest = line->text, cell = rest;

	for (size_t i = 0; i <= column; i++)
		rest = rk_span_cut(rest, '\t', &cell);
	return cell;
}

static void put_lines(struct tabs *tabs, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		struct rk_span rest = tabs->lines[i].text, cell;
		for (size_t column = 0; column < tabs->lines[i].cells; column++) {
			rest = rk_span_cut(rest, '\t', &cell);
			rk_buf_put_span(tabs->out, cell);
			if (column + 1 == tabs->lines[i].cells || column >= tabs->columns)
				continue;
			for (size_t n = rk_text_width(cell); n < tabs->widths[column]; n++)
				rk_buf_put_u8(tabs->out, ' ');
		}
		rk_buf_put_u8(tabs->out, '\n');
	}
}

/* Lays out lines whose first `columns` columns have their widths: splits them into runs that have
 * the next column. The depth is bounded by the number of columns. */
static void lay_out(struct tabs *tabs, size_t from, size_t to)
{
	const size_t column = tabs->columns;

	for (size_t i = from; i < to; i++) {
		if (column + 1 >= tabs->lines[i].cells || column == RK_TABS_COLUMNS_MAX)
			continue;
		put_lines(tabs, from, i);
		from = i;
		size_t width = tabs->least;
		for (; i < to && column + 1 < tabs->lines[i].cells; i++)
			width = RK_MAX(width,
				       rk_text_width(cell_of(&tabs->lines[i], column)) + tabs->pad);
		tabs->widths[tabs->columns++] = width;
		lay_out(tabs, from, i);
		tabs->columns--;
		from = i;
	}
	put_lines(tabs, from, to);
}

void rk_tabs_write(struct rk_buf *out, struct rk_span text, size_t least, size_t pad)
{
	struct tabs tabs = { .out = out, .least = least, .pad = pad };

	while (text.size > 0) {
		struct line line = { .cells = 1 };
		text = rk_span_cut(text, '\n', &line.text);
		for (size_t i = 0; i < line.text.size; i++)
			line.cells += line.text.data[i] == '\t';
		tabs.lines = rk_grow(tabs.lines, &tabs.capacity, tabs.count + 1, sizeof line);
		tabs.lines[tabs.count++] = line;
	}
	lay_out(&tabs, 0, tabs.count);
	free(tabs.lines);
}
