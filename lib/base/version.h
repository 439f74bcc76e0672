#ifndef PCHAN_VERSION_H
#define PCHAN_VERSION_H

/* The version of all five tools. */
#define PCHAN_VERSION "0.1.0"

#endif
