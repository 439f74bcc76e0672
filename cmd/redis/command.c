#include "command.h"

#include <stdarg.h>
#include <stdio.h>

#define NUMBER_SIZE 24

void
command_begin(struct text *t, size_t words)
{
	TEXT_LITERAL(t, "*");
	text_number(t, words);
	TEXT_LITERAL(t, "\r\n");
}

void
command_bytes(struct text *t, const void *data, size_t len)
{
	TEXT_LITERAL(t, "$");
	text_number(t, len);
	TEXT_LITERAL(t, "\r\n");
	text_bytes(t, data, len);
	TEXT_LITERAL(t, "\r\n");
}

void
command_word(struct text *t, const char *word)
{
	command_bytes(t, word, strlen(word));
}

void
command_number(struct text *t, uint64_t number)
{
	char digits[NUMBER_SIZE];

	snprintf(digits, sizeof(digits), "%ju", (uintmax_t)number);
	command_word(t, digits);
}

void
command_words(struct text *t, ...)
{
	const char *word;
	size_t n = 0;
	va_list ap;

	va_start(ap, t);
	while (va_arg(ap, const char *) != NULL)
		n++;
	va_end(ap);
	command_begin(t, n);
	va_start(ap, t);
	while ((word = va_arg(ap, const char *)) != NULL)
		command_word(t, word);
	va_end(ap);
}
