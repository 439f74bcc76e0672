#include "pmetrics/accept.h"

#include "t.h"

#define TEXT EXPOSITION_TEXT
#define OPEN EXPOSITION_OPENMETRICS

static const struct {
	const char *accept;
	enum exposition_format format;
} formats[] = {
    /* What there is none of, nothing and everything: the old format. */
    {NULL, TEXT},
    {"", TEXT},
    {",", TEXT},
    {";;,;q=1", TEXT},
    {"*/*", TEXT},
    {"text/plain", TEXT},
    {"text/*", TEXT},
    {"image/png", TEXT},
    {"application/json", TEXT},
    {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", TEXT},

    /* Prometheus 2.42. */
    {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
     "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
	OPEN},
    /* 2.30, with its space; and with protobuf first. */
    {"application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", TEXT},
    {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
     "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;"
     "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
	OPEN},
    /* 3.x, and with protobuf first. */
    {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
     "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;"
     "escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
	OPEN},
    {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;"
     "q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;"
     "version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.2",
	OPEN},
    /* scrape_protocols: only text. */
    {"text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
	TEXT},
    {"text/plain;version=1.0.0;escaping=underscores", TEXT},
    /* A version that we don't have: the next one. */
    {"application/openmetrics-text;version=2.0.0", TEXT},
    {"application/openmetrics-text;version=2.0.0,application/openmetrics-text;version=1.0.0;q=0.1",
	OPEN},
    {"application/openmetrics-text;version=2.0.0;q=0.9,text/plain;version=0.0.4;q=0.5,"
     "application/openmetrics-text;version=1.0.0;q=0.4",
	TEXT},

    /* Qualities. */
    {"application/openmetrics-text", OPEN},
    {"APPLICATION/OpenMetrics-Text;Version=1.0.0", OPEN},
    {"application/openmetrics-text; version=\"1.0.0\" ; q=.5", OPEN},
    {"application/openmetrics-text;q=0.4, text/plain;q=0.5", TEXT},
    {"application/openmetrics-text;q=0.5, text/plain;q=0.4", OPEN},
    {"application/openmetrics-text;q=0", TEXT},
    {"application/openmetrics-text;q=0, */*", TEXT},
    {"text/plain;q=0, */*", OPEN},
    {"text/plain;q=0, application/openmetrics-text;q=0", TEXT},
    {"*/*;q=0", TEXT},
    {"application/openmetrics-text;q=1.0, text/plain;q=.999", OPEN},
    {"application/openmetrics-text;q=7, text/plain", OPEN},
    {"text/plain, application/openmetrics-text;q=7", TEXT},
    /* One that is no number: as if the range were not there. */
    {"application/openmetrics-text;q=x", TEXT},
    {"application/openmetrics-text;q=", TEXT},
    {"application/openmetrics-text;q=-1", TEXT},
    {"application/openmetrics-text;q=0.5.5", TEXT},
    /* Equal ones: who is named counts before who is meant, then the order. */
    {"application/openmetrics-text, */*", OPEN},
    {"*/*, application/openmetrics-text", OPEN},
    {"application/*", OPEN},
    {"application/*, */*", OPEN},
    {"text/plain, application/openmetrics-text", TEXT},
    {"application/openmetrics-text, text/plain", OPEN},
    {"application/openmetrics-text;q=0.5, */*", TEXT},
    /* Quotes hide what would separate. */
    {"text/x;a=\",application/openmetrics-text,\";q=1, text/plain;q=0.1", TEXT},
    {"text/x;a=\"\\\",application/openmetrics-text", TEXT},
    {"application/openmetrics-textual", TEXT},
    {"application/openmetrics", TEXT},
};

static const struct {
	const char *accept;
	bool gzip;
} encodings[] = {
    {NULL, false},
    {"", false},
    {"gzip", true},
    {"GZIP", true},
    {"x-gzip", true},
    {"gzip, deflate, br, zstd", true},
    {"deflate, gzip;q=1.0, *;q=0.5", true},
    {"br", false},
    {"identity", false},
    {"*", true},
    {"*;q=0", false},
    {"gzip;q=0", false},
    {"gzip;q=0.0, *", false},
    {"gzip;q=0.001", true},
    {"gzip, *;q=0", true},
    {"identity;q=1, gzip;q=0.5", false},
    {"identity;q=0.5, gzip;q=1", true},
    {"identity, gzip", true},
    {"gzip;q=x", false},
    {"gzipped", false},
};

int
main(void)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		CHECK(
		    accept_format(formats[i].accept) == formats[i].format, "%s", formats[i].accept);
	for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++)
		CHECK(accept_gzip(encodings[i].accept) == encodings[i].gzip, "%s",
		    encodings[i].accept);
	return t_end();
}
