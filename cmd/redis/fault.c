#include "fault.h"

#include <stddef.h>
#include <string.h>

/* The first one with which the error begins decides. */
static const struct {
	const char *begins;
	enum fault fault;
} faults[] = {
    {"LOADING", FAULT_SERVER},
    {"READONLY", FAULT_SERVER},
    {"MASTERDOWN", FAULT_SERVER},
    {"CLUSTERDOWN", FAULT_SERVER},
    {"BUSY ", FAULT_SERVER},
    {"ERR max number of clients", FAULT_SERVER},
    {"OOM", FAULT_LATER},
    {"MISCONF", FAULT_LATER},
    {"NOREPLICAS", FAULT_LATER},
    {"TRYAGAIN", FAULT_LATER},
    {"NOAUTH", FAULT_FINAL},
    {"WRONGPASS", FAULT_FINAL},
    {"NOPERM", FAULT_FINAL},
    {"WRONGTYPE", FAULT_FINAL},
    {"DENIED", FAULT_FINAL},
    {"MOVED", FAULT_FINAL},
    {"ASK", FAULT_FINAL},
    {"ERR unknown command", FAULT_FINAL},
    {"NOGROUP", FAULT_GROUP},
    {"UNBLOCKED", FAULT_GROUP},
    {"ERR Protocol error: invalid bulk length", FAULT_SIZE},
    {"ERR Elements are too large", FAULT_SIZE},
};

/* Redis 6 puts the error of a command in a script behind some words. */
static const char *
skip_script(const char *error)
{
	const char *inner =
	    strncmp(error, "ERR Error running script", 24) == 0 ? strstr(error, ": -") : NULL;

	return inner != NULL ? inner + 3 : error;
}

enum fault
fault_of(const char *error)
{
	error = skip_script(error);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (strncmp(error, faults[i].begins, strlen(faults[i].begins)) == 0)
			return faults[i].fault;
	return FAULT_OTHER;
}
