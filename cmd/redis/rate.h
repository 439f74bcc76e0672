#ifndef REDIS_RATE_H
#define REDIS_RATE_H

/*
 * rate-redis: a bucket that machines share, pchan-engines(7).  A tool starts it
 * with `--shared redis://HOST/KEY` (stage/remote.h), and asks it by lines:
 *
 *	rate AMOUNT PER BURST UNIT   first: AMOUNT in PER ns, at once BURST
 *	take N                       takes N, which may be 0
 *	    debt D                   the answer: D, a decimal, is missing now
 *
 * N is always taken, so that the bucket may owe; base/credit.h says when it may
 * go.  The answer comes when the server has given it, however long it is away;
 * then it is asked again, and what it had taken without an answer is lost.  The
 * next take comes after the answer.
 *
 * Each further rate that we are told changes the rate for all machines.  That
 * the rate has changed, by us or by others, or is another one from the
 * beginning, is printed before the next answer; it holds for us, too:
 *
 *	rate AMOUNT PER BURST UNIT
 *
 * A server that refuses us ends the helper with status 2, and the end of stdin
 * with status 0.
 */

/* Runs the helper; returns its exit status. */
int rate_redis(const char *url);

#endif
