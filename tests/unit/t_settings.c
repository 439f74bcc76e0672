#include "trace/settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#include "t.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define PARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

/* What the settings say, in one line: only what is not the default. */
static const char *
describe(const struct settings *s)
{
	static const char *const exporters[] = {"", "otlp ", "console ", "none "};
	static const char *const samplers[] = {"", "off ", "ratio "};
	static char text[4096];
	char *at = text;

	at += sprintf(at, "%s%s%s%s", s->disabled ? "disabled " : "", exporters[s->exporter],
	    s->sampler.parent_based ? "" : "alone ", samplers[s->sampler.root]);
	if (s->sampler.threshold != 0)
		at += sprintf(at, "T=%jx ", (uintmax_t)s->sampler.threshold);
	if (s->service != NULL)
		at += sprintf(at, "service=%s ", s->service);
	for (size_t i = 0; i < s->attributes; i++)
		at += sprintf(at, "%s=%s ", s->attribute[i].key, s->attribute[i].value);
	if (s->delay != CLOCK_S)
		at += sprintf(at, "delay=%jd ", (intmax_t)s->delay);
	if (s->queue != 2048)
		at += sprintf(at, "queue=%zu ", s->queue);
	if (s->batch != 512)
		at += sprintf(at, "batch=%zu ", s->batch);
	if (s->has_parent)
		at += sprintf(at, "parent=%02x%02x ", s->parent.trace_id[0], s->parent.flags);
	if (*s->state != '\0')
		at += sprintf(at, "state=%s ", s->state);
	*at = '\0';
	if (at > text)
		at[-1] = '\0';
	return text;
}

static const struct {
	const char *variables[3][2];
	const char *want, *warning;
} cases[] = {
    {{{"OTEL_SDK_DISABLED", "true"}}, "disabled", ""},
    {{{"OTEL_SDK_DISABLED", "TRUE"}}, "disabled", ""},
    {{{"OTEL_SDK_DISABLED", "false"}}, "", ""},
    {{{"OTEL_SDK_DISABLED", ""}}, "", ""},
    {{{"OTEL_SDK_DISABLED", "1"}}, "",
	"OTEL_SDK_DISABLED: \"1\" is neither true nor false, ignored"},

    {{{"OTEL_TRACES_EXPORTER", "otlp"}}, "otlp", ""},
    {{{"OTEL_TRACES_EXPORTER", "Console"}}, "console", ""},
    {{{"OTEL_TRACES_EXPORTER", "none"}}, "none", ""},
    {{{"OTEL_TRACES_EXPORTER", ""}}, "", ""},
    {{{"OTEL_TRACES_EXPORTER", "zipkin"}}, "",
	"OTEL_TRACES_EXPORTER: \"zipkin\" is none of otlp, console and none, ignored"},

    {{{"OTEL_TRACES_SAMPLER", "always_on"}}, "alone", ""},
    {{{"OTEL_TRACES_SAMPLER", "always_off"}}, "alone off", ""},
    {{{"OTEL_TRACES_SAMPLER", "parentbased_always_on"}}, "", ""},
    {{{"OTEL_TRACES_SAMPLER", "ParentBased_Always_Off"}}, "off", ""},
    {{{"OTEL_TRACES_SAMPLER", ""}}, "", ""},
    {{{"OTEL_TRACES_SAMPLER", "traceidratio"}}, "alone ratio", ""},
    {{{"OTEL_TRACES_SAMPLER", "traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "0.5"}},
	"alone ratio T=80000000000000", ""},
    {{{"OTEL_TRACES_SAMPLER", "parentbased_traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "0"}},
	"ratio T=100000000000000", ""},
    {{{"OTEL_TRACES_SAMPLER", "traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", ""}}, "alone ratio", ""},
    {{{"OTEL_TRACES_SAMPLER", "traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "1.5"}}, "alone ratio",
	"OTEL_TRACES_SAMPLER_ARG: \"1.5\" is not a ratio from 0 to 1, ignored"},
    {{{"OTEL_TRACES_SAMPLER", "always_on"}, {"OTEL_TRACES_SAMPLER_ARG", "x"}}, "alone", ""},
    {{{"OTEL_TRACES_SAMPLER_ARG", "0.5"}}, "", ""},
    {{{"OTEL_TRACES_SAMPLER", "jaeger_remote"}, {"OTEL_TRACES_SAMPLER_ARG", "0.5"}}, "",
	"OTEL_TRACES_SAMPLER: \"jaeger_remote\" is not always_on, always_off or traceidratio, or "
	"one "
	"of these with parentbased_ before it, ignored"},

    {{{"OTEL_SERVICE_NAME", "svc"}}, "service=svc", ""},
    {{{"OTEL_SERVICE_NAME", ""}}, "", ""},
    {{{"OTEL_SERVICE_NAME", "svc"}, {"OTEL_RESOURCE_ATTRIBUTES", "service.name=other,a=1"}},
	"service=svc a=1", ""},
    {{{"OTEL_SERVICE_NAME", ""}, {"OTEL_RESOURCE_ATTRIBUTES", "a=1,service.name=other"}},
	"service=other a=1", ""},
    {{{"OTEL_RESOURCE_ATTRIBUTES", "service.name="}}, "", ""},
    {{{"OTEL_RESOURCE_ATTRIBUTES", ""}}, "", ""},
    {{{"OTEL_RESOURCE_ATTRIBUTES", "team=a%20b%2Cc, k%3D = v=1 ,,empty=,team=z"}},
	"team=z k==v=1 empty=", ""},
    {{{"OTEL_RESOURCE_ATTRIBUTES", "g=gr%C3%bc%c3%9f"}}, "g=gr\xc3\xbc\xc3\x9f", ""},
    {{{"OTEL_RESOURCE_ATTRIBUTES", "a=1,b"}}, "",
	"OTEL_RESOURCE_ATTRIBUTES: \"a=1,b\" is no list of key=value, ignored"},
    {{{"OTEL_RESOURCE_ATTRIBUTES", "a=1,=2"}}, "",
	"OTEL_RESOURCE_ATTRIBUTES: \"a=1,=2\" is no list of key=value, ignored"},
    {{{"OTEL_RESOURCE_ATTRIBUTES", "a=%4"}}, "",
	"OTEL_RESOURCE_ATTRIBUTES: \"a=%4\" is no list of key=value, ignored"},
    {{{"OTEL_RESOURCE_ATTRIBUTES", "a=%zz"}}, "",
	"OTEL_RESOURCE_ATTRIBUTES: \"a=%zz\" is no list of key=value, ignored"},
    {{{"OTEL_RESOURCE_ATTRIBUTES", "a=%00"}, {"OTEL_SERVICE_NAME", "svc"}}, "service=svc",
	"OTEL_RESOURCE_ATTRIBUTES: \"a=%00\" is no list of key=value, ignored"},

    {{{"OTEL_BSP_SCHEDULE_DELAY", "0"}}, "delay=0", ""},
    {{{"OTEL_BSP_SCHEDULE_DELAY", "5000"}}, "delay=5000000000", ""},
    {{{"OTEL_BSP_SCHEDULE_DELAY", ""}}, "", ""},
    {{{"OTEL_BSP_SCHEDULE_DELAY", "x"}}, "",
	"OTEL_BSP_SCHEDULE_DELAY: \"x\" is no number of milliseconds, ignored"},
    {{{"OTEL_BSP_SCHEDULE_DELAY", "-1"}}, "",
	"OTEL_BSP_SCHEDULE_DELAY: \"-1\" is no number of milliseconds, ignored"},
    {{{"OTEL_BSP_SCHEDULE_DELAY", "1s"}}, "",
	"OTEL_BSP_SCHEDULE_DELAY: \"1s\" is no number of milliseconds, ignored"},
    {{{"OTEL_BSP_MAX_QUEUE_SIZE", "10000"}}, "queue=10000", ""},
    {{{"OTEL_BSP_MAX_QUEUE_SIZE", "100"}}, "queue=100 batch=100", ""},
    {{{"OTEL_BSP_MAX_QUEUE_SIZE", ""}}, "", ""},
    {{{"OTEL_BSP_MAX_QUEUE_SIZE", "0"}}, "",
	"OTEL_BSP_MAX_QUEUE_SIZE: \"0\" is no number of spans from 1 to 1048576, ignored"},
    {{{"OTEL_BSP_MAX_QUEUE_SIZE", "1048577"}}, "",
	"OTEL_BSP_MAX_QUEUE_SIZE: \"1048577\" is no number of spans from 1 to 1048576, ignored"},
    {{{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1"}}, "batch=1", ""},
    {{{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", ""}}, "", ""},
    {{{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "many"}}, "",
	"OTEL_BSP_MAX_EXPORT_BATCH_SIZE: \"many\" is no number of spans from 1 to 1048576, "
	"ignored"},
    {{{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096"}}, "",
	"OTEL_BSP_MAX_EXPORT_BATCH_SIZE: \"4096\" is more than the queue has room for, ignored"},
    {{{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096"}, {"OTEL_BSP_MAX_QUEUE_SIZE", "4096"}},
	"queue=4096 batch=4096", ""},

    {{{"TRACEPARENT", PARENT}}, "parent=4b01", ""},
    {{{"TRACEPARENT", PARENT}, {"TRACESTATE", "ot=th:8,a=1"}}, "parent=4b01 state=ot=th:8,a=1", ""},
    {{{"TRACEPARENT", PARENT}, {"TRACESTATE", ""}}, "parent=4b01", ""},
    {{{"TRACEPARENT", PARENT}, {"TRACESTATE", "no"}}, "parent=4b01",
	"TRACESTATE: \"no\" is no tracestate, ignored"},
    {{{"TRACEPARENT", ""}}, "", ""},
    {{{"TRACESTATE", "a=1"}}, "", ""},
    {{{"TRACEPARENT", "00-x"}, {"TRACESTATE", "a=1"}}, "",
	"TRACEPARENT: \"00-x\" is no traceparent, ignored"},
};

static void
read_environment(struct settings *s)
{
	memset(s, 0x55, sizeof(*s));
	CHECK(settings_read(s) == 0);
}

static void
test_cases(void)
{
	for (size_t i = 0; i < LEN(cases); i++) {
		struct settings s;

		clearenv();
		for (size_t j = 0; j < 3 && cases[i].variables[j][0] != NULL; j++)
			setenv(cases[i].variables[j][0], cases[i].variables[j][1], 1);
		read_environment(&s);
		CHECK(strcmp(describe(&s), cases[i].want) == 0, "%zu: %s", i, describe(&s));
		CHECK(s.warnings == (*cases[i].warning != '\0'), "%zu: %zu", i, s.warnings);
		for (size_t j = 0; j < s.warnings; j++)
			CHECK(strcmp(s.warning[j], cases[i].warning) == 0, "%zu: %s", i,
			    s.warning[j]);
		settings_free(&s);
	}
}

/* Long values are shortened; each bad variable has a warning. */
static void
test_many(void)
{
	static char longer[2000];
	struct settings s;

	clearenv();
	memset(longer, 'x', sizeof(longer) - 1);
	memcpy(longer, "a=", 2);
	setenv("TRACEPARENT", PARENT, 1);
	setenv("TRACESTATE", longer, 1);
	setenv("OTEL_BSP_SCHEDULE_DELAY", longer, 1);
	setenv("OTEL_TRACES_SAMPLER", longer, 1);
	read_environment(&s);
	CHECK(strcmp(describe(&s), "parent=4b01") == 0, "%s", describe(&s));
	CHECK(s.warnings == 3);
	for (size_t i = 0; i < s.warnings; i++)
		CHECK(strlen(s.warning[i]) < 260 && strstr(s.warning[i], "xxx...\" is ") != NULL,
		    "%s", s.warning[i]);
	CHECK(strstr(s.warning[2], "longer than 512 bytes") != NULL);
	settings_free(&s);
	/* One that is just as long as may be. */
	snprintf(longer, sizeof(longer), "a=%0*d,b=%0*d", 256, 1, TRACESTATE_MAX - 261, 1);
	clearenv();
	setenv("TRACEPARENT", PARENT, 1);
	setenv("TRACESTATE", longer, 1);
	read_environment(&s);
	CHECK(s.warnings == 0 && strlen(s.state) == TRACESTATE_MAX, "%zu", strlen(s.state));
	settings_free(&s);
}

int
main(void)
{
	test_cases();
	test_many();
	return t_end();
}
