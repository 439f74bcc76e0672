#include "stage/optable.h"

#include <stdio.h>
#include <string.h>

size_t
optable_find(const struct optable *t, const char *name)
{
	size_t i = 0;

	while (i < t->n && strcmp(t->name[i], name) != 0)
		i++;
	return i;
}

static bool
is_given(const struct optable *t, const char *name)
{
	size_t i = optable_find(t, name);

	return i < t->n && t->given[i];
}

static void
add_option(struct optable *t, const struct option_row *row)
{
	if (t->n == OPTABLE_MAX)
		return;
	if (row->letter != '\0')
		snprintf(t->name[t->n], OPTABLE_NAME, "-%c", row->letter);
	else
		snprintf(t->name[t->n], OPTABLE_NAME, "--%s", row->name);
	t->row[t->n++] = *row;
	t->options = t->n;
}

void
optable_add(struct optable *t, const struct option_row *row)
{
	for (; row->name != NULL; row++)
		if (row->kind != OPTION_COMMON)
			add_option(t, row);
}

void
optable_add_common(
    struct optable *t, const struct option_row *row, const struct option_row *own_rows)
{
	for (; row->name != NULL; row++) {
		struct option_row copy = *row;

		for (const struct option_row *own = own_rows; own->name != NULL; own++)
			if (own->kind == OPTION_COMMON && strcmp(own->name, row->name) == 0)
				copy.help = own->help;
		add_option(t, &copy);
	}
}

void
optable_add_stand_in(struct optable *t, const char *name, bool given)
{
	if (name == NULL || t->n == OPTABLE_MAX)
		return;
	snprintf(t->name[t->n], OPTABLE_NAME, "%s", name);
	t->given[t->n++] = given;
}

const struct option_rule *
optable_broken(const struct optable *t, const struct option_rule *rule)
{
	for (; rule != NULL && rule->option != NULL; rule++)
		if (is_given(t, rule->option) &&
		    is_given(t, rule->other) != (rule->relation == OPTION_NEEDS))
			return rule;
	return NULL;
}

bool
optable_offers(const struct optable *t, const struct option_rule *rule, size_t option)
{
	const char *name = t->name[option];

	for (; rule != NULL && rule->option != NULL; rule++) {
		bool is_first = strcmp(rule->option, name) == 0;
		bool is_second = strcmp(rule->other, name) == 0;

		if (rule->relation == OPTION_NEEDS && is_first &&
		    optable_find(t, rule->other) == t->n)
			return false;
		if (rule->relation == OPTION_EXCLUDES &&
		    ((is_first && is_given(t, rule->other)) ||
			(is_second && is_given(t, rule->option))))
			return false;
	}
	return true;
}
