/*
 * The channel (lib/sync: chan.c, ring.h, park.c) as a model for spin(1).  A
 * step here is an atomic step there.  `run` checks the model in several
 * configurations: no thread sleeps forever (spin calls that an invalid end
 * state), nothing is taken twice, and a value is taken if and only if its send
 * returned CHAN_OK.
 *
 *	tail, closed	the ring's tail, and the tail's lowest bit
 *	head, seq[]	the ring's head, and the sequence numbers of its cells
 *	senders, receivers, offers
 *			the wait lists; what is done under one hold of a list's
 *			lock is one step
 *	woken[]		the parkers
 *	cancelled[], watching[]
 *			each thread's context, and whether the thread is on that
 *			context's wait list
 *
 * SPINS and YIELDS are left out, because they only repeat a try, as a slow
 * thread does anyway.  Where the code yields until another thread has copied
 * its item, the model blocks until then, so that a wait without an end is
 * found.
 *
 * -D chooses the model.  FINE takes every load and store apart.  The stores to
 * seq[] are release stores, which a later load may overtake, so FINE sends them
 * through a store buffer: memory() empties the buffer at any time, and a
 * read-modify-write or a lock needs it empty.  FINE is for two or three
 * threads.  Without FINE, memory is sequentially consistent, and these are one
 * step each, as they need not be apart then: a claim takes effect with its
 * compare-and-swap or, if it fails, with the look at its cell; the copying of a
 * span; a count and the pops that follow; a look and the wake that follows.
 */

/* Capacity; 0 is a rendezvous. */
#ifndef CAPACITY
#define CAPACITY 1
#endif

/* Sending threads, values for each, and values (1 or 2) in one call. */
#ifndef SENDERS
#define SENDERS 1
#endif
#ifndef ITEMS
#define ITEMS 2
#endif
#ifndef BULK
#define BULK 1
#endif

/* Threads in chan_recvn() and in poll(2), and values (1 or 2) in one call. */
#ifndef RECEIVERS
#define RECEIVERS 1
#endif
#ifndef POLLERS
#define POLLERS 0
#endif
#ifndef RBULK
#define RBULK 1
#endif

/*
 * CANCEL_SENDER, CANCEL_RECEIVER: the first of them may be cancelled at any
 * time.  POLLER_LEAVES: a poller that was woken may leave for good without a
 * try.  CLOSE_ANY_TIME: the close may come before everything has been taken.
 * Without it, the close cannot stand in for a lost wake.
 *
 * And deliberate mistakes, to see that they are found:
 *
 *	NO_RECHECK	sleeps without another look after enqueueing
 *	NO_PASS_ON	leaves with a wake that another thread needs
 *	LOOK_AT_CELLS	sleeps because the cell is not ready, and does not look
 *			at tail and head
 *	CLOSED_APART	the closed flag is beside the tail, not a bit in it
 *	BLIND_TAKE_BACK	takes an item back without a compare-and-swap
 *	QUIET_TAKE_BACK	takes an item back and wakes no other sender
 *	QUIET_TAKE	a receiver does not wake the sender whose item it took
 */

#if CAPACITY == 0
#define CELLS 1
#else
#define CELLS CAPACITY
#endif
#define THREADS (SENDERS + RECEIVERS + POLLERS)
#define VALUES (SENDERS * ITEMS)
#define ALL 255

mtype = { OK, CLOSED, CANCELLED, READY, BLOCKED };

byte tail, head;
bool closed;
byte seq[CELLS], item[CELLS];

chan senders = [THREADS] of { byte };
chan receivers = [THREADS] of { byte };
chan offers = [THREADS] of { byte };
bool listed[THREADS];	/* the waiter is on a wait list */
bool woken[THREADS], cancelled[THREADS], watching[THREADS];

/* For the checks. */
bool sent[VALUES];	/* its send returned OK */
byte taken[VALUES];	/* how often it was taken */
byte n_sent, n_taken, senders_left = SENDERS, threads_left = THREADS;

hidden byte n_wakes, id;	/* used inside a step only */

#define CELL(pos) ((pos) % CELLS)
#define FREE(pos) (seq[CELL(pos)] == 2 * (pos))
#define FULL(pos) (seq[CELL(pos)] == 2 * (pos) + 1)
#define EMPTIED(pos) (seq[CELL(pos)] > 2 * (pos) + 1)

#ifdef FINE
chan buffer[THREADS + 1] = [CELLS] of { byte, byte };	/* cell, value */
#define FLUSHED empty(buffer[me])
#define STORE(pos, value) buffer[me] ! CELL(pos), value
#define STEP
#define LOOK_IF_NOT_QUEUED(look_somewhere)
#else
#define FLUSHED true
#define STORE(pos, value) seq[CELL(pos)] = value
#define STEP atomic
#define LOOK_IF_NOT_QUEUED(look_somewhere) if :: k == 0 && !queued -> look_somewhere :: else fi
#endif

#if defined(CANCEL_SENDER)
#define CANCELLABLE (me == 0)
#elif defined(CANCEL_RECEIVER)
#define CANCELLABLE (me == SENDERS)
#else
#define CANCELLABLE false
#endif

/* The variables on every thread's stack. */
#define LOCALS			\
	byte pos, k;		\
	byte old_head;		\
	mtype look, status;	\
	bool queued, popped

/* park.c: waitlist_add(), waitlist_remove(), waitlist_wake() */

inline waitlist_add(list)
{
	atomic { FLUSHED; list ! me; listed[me] = true }
}

inline waitlist_remove(list)
{
	atomic {
		FLUSHED;
		if
		:: listed[me] -> list ?? eval(me); listed[me] = false; popped = false
		:: !listed[me] -> popped = true
		fi
	}
}

inline waitlist_wake(list, n)
{
	STEP {
		if
		:: len(list) == 0
		:: len(list) > 0 ->
			atomic {
				FLUSHED;
				n_wakes = n;
				do
				:: n_wakes > 0 && len(list) > 0 ->
					list ? id;
					listed[id] = false;
					woken[id] = true;
					n_wakes--
				:: else -> break
				od
			}
		fi
	}
}

/* ring.h: ring_look_send(), ring_look_recv(); chan.c: look_taken() */

inline look_send()
{
	STEP {
		old_head = head;
		atomic {
			if
			:: closed -> look = CLOSED
#ifdef LOOK_AT_CELLS
			:: !closed && FREE(tail) -> look = READY
#else
			:: !closed && tail - old_head < CELLS -> look = READY
#endif
			:: else -> look = BLOCKED
			fi;
			old_head = 0
		}
	}
}

inline look_recv()
{
	STEP {
		old_head = head;
		atomic {
			if
#ifdef LOOK_AT_CELLS
			:: FULL(old_head) -> look = READY
			:: !FULL(old_head) && closed -> look = CLOSED
#else
			:: tail > old_head -> look = READY
			:: tail == old_head && closed -> look = CLOSED
#endif
			:: else -> look = BLOCKED
			fi;
			old_head = 0
		}
	}
}

inline look_taken()
{
	STEP {
		if
		:: head > pos -> look = READY
		:: else ->
			if
			:: closed -> look = CLOSED
			:: else -> look = BLOCKED
			fi
		fi
	}
}

/* chan.c: wait_queue(), wait_park(), wait_turn(), wait_end() */

inline wait_queue(list)
{
	if
	:: CANCELLABLE && !watching[me] ->
		/* ctx_watch() */
		atomic { FLUSHED; watching[me] = true };
		if
		:: cancelled[me] -> woken[me] = true
		:: else
		fi
	:: else
	fi;
	waitlist_add(list);
	queued = true
}

inline wait_park(list)
{
	STEP {
		atomic { FLUSHED && woken[me] -> woken[me] = false };
		waitlist_remove(list);
		queued = false
	}
}

/*
 * Comes after the look that follows a failed try.  `changed` ends the wait for
 * a thread that is just copying.
 */
inline wait_turn(list, changed)
{
	if
	:: look == CLOSED -> status = CLOSED
	:: look != CLOSED && cancelled[me] -> status = CANCELLED
	:: else ->
		if
		:: look == READY -> (changed || cancelled[me])
		:: look == BLOCKED && !queued ->
			popped = false;
			wait_queue(list);
#ifdef NO_RECHECK
			wait_park(list)
#endif
		:: look == BLOCKED && queued -> wait_park(list)
		fi
	fi;
	look = 0
}

inline wait_end(list)
{
	if
	:: queued -> waitlist_remove(list); queued = false
	:: else
	fi;
	if
	:: watching[me] -> atomic { FLUSHED; watching[me] = false }
	:: else
	fi
}

/* chan.c: wake_next_sender(), wake_next_receiver() */

inline wake_next_sender()
{
	STEP {
		look_send();
		if
		:: look == READY -> waitlist_wake(senders, 1)
		:: else
		fi;
		look = 0
	}
}

inline wake_next_receiver()
{
	STEP {
		look_recv();
		if
		:: look == READY -> waitlist_wake(receivers, 1)
		:: else
		fi;
		look = 0
	}
}

/* ring.h: ring_claim_send(), ring_claim_recv().  k is how many, 0 if none. */

inline claim_send(n)
{
	STEP {
		do
		:: atomic { pos = tail; k = (closed -> 0 : 1) };
			if
			:: k == 0 || seq[CELL(pos)] < 2 * pos -> pos = 0; k = 0; break
			:: k == 1 && FREE(pos) ->
				if
				:: n > 1 && FREE(pos + 1) -> k = 2
				:: else
				fi;
				atomic {
					FLUSHED;
					if
#ifdef CLOSED_APART
					:: tail == pos -> tail = tail + k; break
#else
					:: tail == pos && !closed -> tail = tail + k; break
#endif
					:: else
					fi
				}
			:: else	/* another thread was faster */
			fi
		od
	}
}

inline claim_recv(n)
{
	STEP {
		do
		:: pos = head;
			if
			:: seq[CELL(pos)] < 2 * pos + 1 -> pos = 0; k = 0; break
			:: FULL(pos) ->
				k = 1;
				if
				:: n > 1 && FULL(pos + 1) -> k = 2
				:: else
				fi;
				atomic {
					FLUSHED;
					if
					:: head == pos -> head = head + k; break
					:: else
					fi
				}
			:: else
			fi
		od
	}
}

/* ring.h: ring_copy_in(), ring_copy_out(), the last item first */

inline fill_one(p, value)
{
	atomic {
		assert(FREE(p));
		item[CELL(p)] = value;
		STORE(p, 2 * (p) + 1)
	}
}

inline fill(first)
{
	STEP {
		if
		:: k == 2 -> fill_one(pos + 1, first + 1)
		:: else
		fi;
		fill_one(pos, first)
	}
}

inline empty_one(p)
{
	atomic {
		assert(FULL(p));
		assert(taken[item[CELL(p)]] == 0);
		taken[item[CELL(p)]]++;
		item[CELL(p)] = 0;
		n_taken++;
		STORE(p, 2 * ((p) + CELLS))
	}
}

/* chan.c: take_items() */
inline take_items()
{
	STEP {
		if
		:: k == 2 -> empty_one(pos + 1)
		:: else
		fi;
		empty_one(pos)
	};
	waitlist_wake(senders, k);
#if CAPACITY == 0 && !defined(QUIET_TAKE)
	waitlist_wake(offers, ALL)
#endif
}

/* chan.c: await_taker(), and ring.h: ring_take_back() */
inline await_taker()
{
	do
	:: STEP {
			if
			:: status == OK && !EMPTIED(pos) -> look_taken()
			:: else
			fi
		};
		if
		:: look == 0 -> break
		:: else -> wait_turn(offers, EMPTIED(pos))
		fi
	od;
	wait_end(offers);
	popped = false;
	if
	:: status != OK ->
#ifdef BLIND_TAKE_BACK
		if
		:: head == pos -> head = pos + 1
		:: else -> status = OK
		fi;
#else
		atomic {
			FLUSHED;
			if
			:: head == pos -> head = pos + 1
			:: else -> status = OK
			fi
		};
#endif
		if
		:: status != OK ->
			STORE(pos, 2 * (pos + CELLS));
#ifndef QUIET_TAKE_BACK
			waitlist_wake(senders, 1)
#endif
		:: else
		fi
	:: else
	fi
}

/* chan.c: send_some(), chan_sendn() */
proctype sender(byte me, first, sends)
{
	byte next;
	LOCALS;

	status = OK;
	do
	:: next < sends && status == OK ->
		do
		:: STEP {
				claim_send((sends - next < BULK -> sends - next : BULK));
				LOOK_IF_NOT_QUEUED(look_send())
			};
			if
			:: k > 0 -> break
			:: else ->
				if
				:: look == 0 -> look_send()
				:: else
				fi;
				wait_turn(senders, FREE(tail) || closed || tail - head == CELLS);
				if
				:: status != OK -> break
				:: else
				fi
			fi
		od;
		if
		:: status == OK ->
			fill(first + next);
			waitlist_wake(receivers, k)
		:: else
		fi;
		wait_end(senders);
		if
#ifndef NO_PASS_ON
		:: popped -> popped = false; wake_next_sender()
#endif
		:: else -> popped = false
		fi;
#if CAPACITY == 0
		if
		:: status == OK -> await_taker()
		:: else
		fi;
#endif
		atomic {
			do
			:: status == OK && k > 0 -> sent[first + next] = true; n_sent++; next++; k--
			:: else -> break
			od;
			pos = 0;
			k = 0
		}
	:: else -> break
	od;
	atomic { status = 0; senders_left--; threads_left-- }
}

/* chan.c: chan_recvn(), until closed or cancelled */
proctype receiver(byte me)
{
	LOCALS;

	status = OK;
	do
	:: status == OK ->
		do
		:: STEP {
				claim_recv(RBULK);
				LOOK_IF_NOT_QUEUED(look_recv())
			};
			if
			:: k > 0 -> break
			:: else ->
				if
				:: look == 0 -> look_recv()
				:: else
				fi;
				wait_turn(receivers, FULL(head) || tail == head);
				if
				:: status != OK -> break
				:: else
				fi
			fi
		od;
		if
		:: status == OK -> take_items()
		:: else
		fi;
		atomic { pos = 0; k = 0 };
		wait_end(receivers);
		if
#ifndef NO_PASS_ON
		:: popped -> popped = false; wake_next_receiver()
#endif
		:: else -> popped = false
		fi
	:: else -> break
	od;
	atomic { status = 0; threads_left-- }
}

/*
 * chan.c: chan_watch_recv(), chan_tryrecvn(), chan_unwatch_recv(), with poll(2) between
 */
proctype poller(byte me)
{
	LOCALS;

	status = OK;
	do
	:: status == OK ->
		woken[me] = false;	/* park_clear() */
		waitlist_add(receivers);
		do
		:: claim_recv(RBULK);
			if
			:: k > 0 -> take_items(); break
			:: else ->
				pos = 0;
				look_recv();
				if
				:: look == READY -> (FULL(head) || tail == head)
				:: else -> break
				fi
			fi
		od;
		atomic { pos = 0; k = 0 };
		if
		:: look == CLOSED -> status = CLOSED
		:: look == BLOCKED ->
			woken[me];
			if
			:: true
#ifdef POLLER_LEAVES
			:: true -> status = CANCELLED
#endif
			fi
		:: else
		fi;
		look = 0;
		waitlist_remove(receivers);
		if
#ifndef NO_PASS_ON
		:: popped -> popped = false; wake_next_receiver()
#endif
		:: else -> popped = false
		fi
	:: else -> break
	od;
	atomic { status = 0; threads_left-- }
}

/* ctx.c: ctx_cancel() */
proctype canceller(byte who)
{
	cancelled[who] = true;
	atomic {
		if
		:: watching[who] -> woken[who] = true
		:: else
		fi
	}
}

/* chan.c: chan_close(), and the verdict at the end */
proctype closer(byte me)
{
	byte v;

#ifndef CLOSE_ANY_TIME
	senders_left == 0 && n_sent == n_taken;
#endif
	closed = true;
	waitlist_wake(senders, ALL);
	waitlist_wake(receivers, ALL);
	waitlist_wake(offers, ALL);
	threads_left == 0;
	d_step {
		do
		:: v < VALUES -> assert(taken[v] == sent[v]); v++
		:: else -> break
		od;
		v = 0
	}
}

#ifdef FINE
/* Stores become visible at any time, those of one thread in their order. */
proctype memory()
{
	byte cell, value;

end:
	do
	:: atomic { buffer[0] ? cell, value -> seq[cell] = value; cell = 0; value = 0 }
	:: atomic { buffer[1] ? cell, value -> seq[cell] = value; cell = 0; value = 0 }
#if THREADS > 2
	:: atomic { buffer[2] ? cell, value -> seq[cell] = value; cell = 0; value = 0 }
#endif
#if THREADS > 3
	:: atomic { buffer[3] ? cell, value -> seq[cell] = value; cell = 0; value = 0 }
#endif
#if THREADS > 4
	:: atomic { buffer[4] ? cell, value -> seq[cell] = value; cell = 0; value = 0 }
#endif
	od
}
#endif

init
{
	byte i;

	atomic {
		do
		:: i < CELLS -> seq[i] = 2 * i; i++
		:: else -> break
		od;
#ifdef FINE
		run memory();
#endif
		run closer(THREADS);
		i = 0;
		do
#ifdef CANCEL_SENDER
		/* One value is enough for the sender that is cancelled. */
		:: i == 0 -> run sender(i, 0, 1); i++
		:: i > 0 && i < SENDERS -> run sender(i, i * ITEMS, ITEMS); i++
#else
		:: i < SENDERS -> run sender(i, i * ITEMS, ITEMS); i++
#endif
		:: else -> break
		od;
		do
		:: i < SENDERS + RECEIVERS -> run receiver(i); i++
		:: else -> break
		od;
		do
		:: i < THREADS -> run poller(i); i++
		:: else -> break
		od;
#ifdef CANCEL_SENDER
		run canceller(0);
#endif
#ifdef CANCEL_RECEIVER
		run canceller(SENDERS);
#endif
		i = 0
	}
}
