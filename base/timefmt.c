#include "base/timefmt.h"

#include <stdio.h>

/* Days since 1970-01-01 of a proleptic Gregorian date, and back (H. Hinnant, "chrono-compatible
 * low-level date algorithms"). */
static int64_t days_of_date(int64_t year, unsigned month, unsigned day)
{
	year -= month <= 2;
	const int64_t era = (year >= 0 ? year : year - 399) / 400;
	const unsigned year_of_era = (unsigned)(year - era * 400);
	const unsigned day_of_year = (153 * (month + (month > 2 ? -3u : 9u)) + 2) / 5 + day - 1;
	const unsigned day_of_era =
		year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + (int64_t)day_of_era - 719468;
}

static void date_of_days(int64_t days, int *year, unsigned *month, unsigned *day)
{
	days += 719468;
	const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	const unsigned doe = (unsigned)(days - era * 146097);
	const unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	const unsigned mp = (5 * doy + 2) / 153;

	*day = doy - (153 * mp + 2) / 5 + 1;
	*month = mp < 10 ? mp + 3 : mp - 9;
	*year = (int)((int64_t)yoe + era * 400 + (*month <= 2));
}

static size_t format(char text[RK_TIME_TEXT_MAX], int64_t seconds, const char *fraction)
{
	int64_t days = seconds / 86400;
	int64_t rest = seconds % 86400;
	int year;
	unsigned month, day;

	if (rest < 0) {
		rest += 86400;
		days--;
	}
	date_of_days(days, &year, &month, &day);
	const int used = snprintf(text, RK_TIME_TEXT_MAX, "%04d-%02u-%02uT%02u:%02u:%02u%sZ", year,
				  month, day, (unsigned)(rest / 3600), (unsigned)(rest / 60 % 60),
				  (unsigned)(rest % 60), fraction);
	return used < 0 ? 0 : used >= RK_TIME_TEXT_MAX ? RK_TIME_TEXT_MAX - 1 : (size_t)used;
}

static int64_t floor_div(int64_t a, int64_t b, int64_t *rest)
{
	int64_t quotient = a / b;

	*rest = a % b;
	if (*rest < 0) {
		*rest += b;
		quotient--;
	}
	return quotient;
}

size_t rk_time_format(char text[RK_TIME_TEXT_MAX], int64_t time_ms)
{
	int64_t rest;

	return format(text, floor_div(time_ms, 1000, &rest), "");
}

size_t rk_time_format_ms(char text[RK_TIME_TEXT_MAX], int64_t time_ms)
{
	int64_t rest;
	char fraction[16];
	const int64_t seconds = floor_div(time_ms, 1000, &rest);

	(void)snprintf(fraction, sizeof fraction, ".%03u", (unsigned)rest % 1000);
	return format(text, seconds, fraction);
}

size_t rk_time_format_micro(char text[RK_TIME_TEXT_MAX], int64_t time_us)
{
	int64_t rest;
	char fraction[16];
	const int64_t seconds = floor_div(time_us, 1000000, &rest);

	(void)snprintf(fraction, sizeof fraction, ".%06u", (unsigned)rest % 1000000);
	return format(text, seconds, fraction);
}

static bool digits(struct rk_span text, size_t at, size_t count, unsigned *ret)
{
	unsigned value = 0;

	if (at + count > text.size)
		return false;
	for (size_t i = at; i < at + count; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		value = value * 10 + (unsigned)(text.data[i] - '0');
	}
	*ret = value;
	return true;
}

static bool parse_zone(struct rk_span text, size_t at, int *ret_minutes)
{
	unsigned hours, minutes;

	if (at + 1 == text.size && (text.data[at] == 'Z' || text.data[at] == 'z')) {
		*ret_minutes = 0;
		return true;
	}
	if (at + 6 != text.size || (text.data[at] != '+' && text.data[at] != '-') ||
	    text.data[at + 3] != ':' || !digits(text, at + 1, 2, &hours) ||
	    !digits(text, at + 4, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret_minutes = (int)(hours * 60 + minutes) * (text.data[at] == '-' ? -1 : 1);
	return true;
}

static unsigned days_in(unsigned year, unsigned month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	const bool leaps = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leaps ? 1u : 0u);
}

bool rk_time_parse_micro(struct rk_span text, int64_t *ret_us)
{
	unsigned year, month, day, hour, minute, second, micros = 0;
	int zone;
	size_t at = 19;

	if (text.size < 20 || !digits(text, 0, 4, &year) || text.data[4] != '-' ||
	    !digits(text, 5, 2, &month) || text.data[7] != '-' || !digits(text, 8, 2, &day) ||
	    (text.data[10] != 'T' && text.data[10] != 't') || !digits(text, 11, 2, &hour) ||
	    text.data[13] != ':' || !digits(text, 14, 2, &minute) || text.data[16] != ':' ||
	    !digits(text, 17, 2, &second))
		return false;
	if (month < 1 || month > 12 || day < 1 || day > days_in(year, month) || hour > 23 ||
	    minute > 59 || second > 60)
		return false;
	if (text.data[at] == '.') {
		unsigned scale = 100000;
		for (at++; at < text.size && text.data[at] >= '0' && text.data[at] <= '9'; at++) {
			micros += (unsigned)(text.data[at] - '0') * scale;
			scale /= 10;
		}
	}
	if (at >= text.size || !parse_zone(text, at, &zone))
		return false;
	*ret_us = (days_of_date(year, month, day) * 86400 + hour * 3600 + minute * 60 + second -
		   (int64_t)zone * 60) *
			  1000000 +
		  micros;
	return true;
}

bool rk_time_parse(struct rk_span text, int64_t *ret_ms)
{
	int64_t us, rest;

	if (!rk_time_parse_micro(text, &us))
		return false;
	*ret_ms = floor_div(us, 1000, &rest);
	return true;
}

size_t rk_duration_human(char text[RK_TIME_TEXT_MAX], int64_t duration_ms)
{
	const int64_t s = duration_ms / 1000;
	const int64_t minute = 60, hour = 3600, day = 86400, year = 365 * day;
	int used;

	if (s < -1)
		used = snprintf(text, RK_TIME_TEXT_MAX, "<invalid>");
	else if (s < 0)
		used = snprintf(text, RK_TIME_TEXT_MAX, "0s");
	else if (s < 2 * minute)
		used = snprintf(text, RK_TIME_TEXT_MAX, "%llds", (long long)s);
	else if (s < 10 * minute && s % 60 != 0)
		used = snprintf(text, RK_TIME_TEXT_MAX, "%lldm%llds", (long long)(s / 60),
				(long long)(s % 60));
	else if (s < 3 * hour)
		used = snprintf(text, RK_TIME_TEXT_MAX, "%lldm", (long long)(s / 60));
	else if (s < 8 * hour && s / 60 % 60 != 0)
		used = snprintf(text, RK_TIME_TEXT_MAX, "%lldh%lldm", (long long)(s / hour),
				(long long)(s / 60 % 60));
	else if (s < 2 * day)
		used = snprintf(text, RK_TIME_TEXT_MAX, "%lldh", (long long)(s / hour));
	else if (s < 8 * day && s / hour % 24 != 0)
		used = snprintf(text, RK_TIME_TEXT_MAX, "%lldd%lldh", (long long)(s / day),
				(long long)(s / hour % 24));
	else if (s < 2 * year)
		used = snprintf(text, RK_TIME_TEXT_MAX, "%lldd", (long long)(s / day));
	else if (s < 8 * year && s / day % 365 != 0)
		used = snprintf(text, RK_TIME_TEXT_MAX, "%lldy%lldd", (long long)(s / year),
				(long long)(s / day % 365));
	else
		used = snprintf(text, RK_TIME_TEXT_MAX, "%lldy", (long long)(s / year));
	return used < 0 ? 0 : used >= RK_TIME_TEXT_MAX ? RK_TIME_TEXT_MAX - 1 : (size_t)used;
}
