#ifndef PCHAN_VERSION_H
#define PCHAN_VERSION_H

/* The version of all tools. */
#define PCHAN_VERSION "0.2.0"

#endif
