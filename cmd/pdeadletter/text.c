#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "base/utf8.h"
#include "json/json.h"

size_t
text_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return SIZE_MAX;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

char *
text_of(const struct json_slice *value)
{
	char *text = must(malloc(value->len + 1));
	size_t len = value->len;

	if (len > 0 && *value->data == '"') {
		len = json_unquote(value->data, value->len, text);
		if (len == (size_t)-1)
			len = 0;
	} else if (len > 0)
		memcpy(text, value->data, len);
	text[len] = '\0';
	return text;
}

void
text_time(int64_t calendar_us, char text[TEXT_TIME_SIZE])
{
	time_t s = calendar_us / 1000000;
	struct tm tm;

	if (calendar_us == 0 || localtime_r(&s, &tm) == NULL ||
	    strftime(text, TEXT_TIME_SIZE, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		strcpy(text, "-");
}

void
text_line(const char *line, size_t columns)
{
	printf("%.*s\n", (int)utf8_fit(line, strlen(line), columns), line);
}
