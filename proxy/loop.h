/* SPDX-License-Identifier: MIT */
/* loop.h - one thread's event loop: descriptors, timers, deferred work */
#ifndef PEN_LOOP_H
#define PEN_LOOP_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct io;

/**
 * struct deferred - Work for the end of the running loop turn
 *
 * Embedded in its object; all zero at first.  An object that has been deferred
 * must stay in memory until @cb ran.
 */
struct deferred {
	struct deferred *next;
	void (*cb)(struct deferred *d);
	bool queued;
};

/**
 * struct mail - A message from another thread
 * @cb: run once in the loop's own thread; owns the message from then on
 */
struct mail {
	struct mail *next;
	void (*cb)(struct mail *m, void *arg);
};

/**
 * struct timer - A time at which something is to be done
 *
 * Embedded in its object.  Setting it again to a later time, or to none, costs
 * next to nothing.
 *
 * @at_ms: on the clock of base_mono_ms(); 0: not set
 * @place: private
 */
struct timer {
	void (*cb)(struct timer *t);
	uint64_t at_ms;
	size_t place;
};

/** struct loop_look - When to look at a timer; private to loop_timer.c */
struct loop_look {
	uint64_t at_ms;
	struct timer *timer;
};

/**
 * struct loop - An event loop; used by its own thread alone, but for
 * loop_post()
 *
 * @base:      owned
 * @sees_close: the system reports a peer's end of stream with the event itself
 *             (EPOLLRDHUP), so a short read means that nothing is left
 * @deferred:  work for the end of this turn
 * @doubted:   see loop_recheck()
 * @turns:     how often the loop has turned
 * @stop:      leave loop_run() after this turn
 * @looks:     heap of the timers that are set, or were; private, as are
 *             @timer_count (added), @alarm and @alarm_ms (armed for, 0: not)
 */
struct loop {
	struct event_base *base;
	struct deferred *deferred, **deferred_tail;
	struct io *doubted;
	uint64_t turns;
	bool sees_close, stop;
	int wake_read, wake_write;
	struct event wake, alarm;
	struct loop_look *looks;
	size_t look_count, look_cap, timer_count;
	uint64_t alarm_ms;
	pthread_mutex_t mail_lock;
	struct mail *mail, **mail_tail;
	void *mail_arg;
};

/**
 * loop_init() - Make a loop
 * @mail_arg: given to every mail's callback
 *
 * Return: 0 or a negative errno.
 */
int loop_init(struct loop *l, void *mail_arg);
/** loop_settle() - Run mail and deferred work until there is none; outside of
 *  loop_run() */
void loop_settle(struct loop *l);
/** loop_fini() - Settle, and free */
void loop_fini(struct loop *l);
/**
 * loop_run() - Turn until @stop
 * @after_turn: called at the end of each turn, when all deferred work is done
 */
void loop_run(struct loop *l, void (*after_turn)(void *arg), void *arg);
/** loop_defer() - Run @d->cb at the end of this turn (of the next one, when
 *  asked for by deferred work); once, however often it is asked for */
void loop_defer(struct loop *l, struct deferred *d);
/** loop_timer_add() - Make a timer ready for use.  Return: 0 or -ENOMEM. */
int loop_timer_add(struct loop *l, struct timer *t,
		   void (*cb)(struct timer *t));
/** loop_timer_set() - Have @t->cb run once in @ms milliseconds, whatever it was
 *  set to before; 0: never.  Cannot fail. */
void loop_timer_set(struct loop *l, struct timer *t, uint64_t ms);
/** loop_timer_at() - The same at a time on the clock of base_mono_ms(), which
 *  may have gone by; 0: never */
void loop_timer_at(struct loop *l, struct timer *t, uint64_t at_ms);
/** loop_timer_remove() - Undo loop_timer_add(), before its memory goes */
void loop_timer_remove(struct loop *l, struct timer *t);
/** loop_alarm_cb() - For loop.c alone: timers may be due */
void loop_alarm_cb(evutil_socket_t fd, short what, void *arg);
/** loop_post() - Send a message to a loop, from any thread; wakes it */
void loop_post(struct loop *l, struct mail *m);

/**
 * loop_recheck() - Look again at what was last read short; call every second or
 * so
 *
 * libevent tells of a reset that came together with data as of data alone.  Who
 * then trusts a short read would never hear of it, as its edge is spent.  Each
 * descriptor is looked at once after its last short read, so that one at rest
 * costs nothing.
 */
void loop_recheck(struct loop *l);

/**
 * struct io - A descriptor with edge-triggered events, registered once
 *
 * An edge is remembered in @readable and @writable until the user of the
 * descriptor finds it spent (EAGAIN, or a short read where the loop sees
 * closes).  So a connection costs one epoll_ctl(2) to add, whatever it waits
 * for in its life.
 *
 * @fd:      owned
 * @cb:      called when an edge arrived; may be changed at any time
 * @hup:     the peer has ended its stream, or both are gone: read until 0
 * @watched: registered
 * @blocked: a write has fallen short once: registered for room, too
 * @joins:   a TCP socket that may still join small writes (RFC 896), which
 *           io_write() then forbids before it matters; set by the user
 * @wrote:   something has been written
 */
struct io {
	struct event ev;
	struct loop *loop;
	void (*cb)(struct io *io);
	void *arg;
	struct io *doubt_next, **doubt_prev; /* in loop->doubted, or NULL */
	int fd;
	bool readable, writable, hup, watched, blocked, joins, wrote;
};

/**
 * io_new() - Register a descriptor for both directions
 * @fd: non-blocking; owned by the io from here on, also on failure
 *
 * Return: NULL if memory or the system refused; @fd is closed then.
 */
struct io *io_new(struct loop *l, int fd, void (*cb)(struct io *io), void *arg);
/**
 * io_take() - Begin with a descriptor that was accepted, unregistered
 * @fd: as for io_new()
 *
 * Counts as readable and writable until tried, so that who has nothing to wait
 * for costs no registration at all.
 * Return: NULL if memory ran out; @fd is closed then.
 */
struct io *io_take(struct loop *l, int fd, void (*cb)(struct io *io),
		   void *arg);
/** io_watch() - Register what io_take() gave; for room to write only from the
 *  first write on that falls short.  Return: 0 or -ENOMEM. */
int io_watch(struct io *io);
/** io_wait_for_room() - Note that a write has fallen short; for those who write
 *  by other means than io_write() */
void io_wait_for_room(struct io *io);
/** io_close() - Close the descriptor and free; NULL is fine.  The memory goes
 *  at once: no event of it can be pending, libevent has forgotten it. */
void io_close(struct io *io);
/** io_reset() - The same, with a reset towards the peer instead of a FIN */
void io_reset(struct io *io);

/**
 * io_read() - Read what is there
 * @buf: @cap bytes of room
 *
 * Return: > 0 bytes read; 0 the peer ended its stream; -EAGAIN nothing now
 * (@readable is cleared); another negative errno for an error.
 */
ssize_t io_read(struct io *io, void *buf, size_t cap);
/**
 * io_write() - Write what fits
 *
 * Return: bytes written, maybe fewer than @len and maybe 0 (then @writable is
 * cleared); a negative errno for an error (-EPIPE after a reset).
 */
ssize_t io_write(struct io *io, const void *buf, size_t len);
/** io_write_last() - The same for the last bytes of a stream: they may wait for
 *  its end, which has to follow at once (shutdown(2)), to go out with it */
ssize_t io_write_last(struct io *io, const void *buf, size_t len);
/** io_unsent() - How many bytes that were written the peer has not taken yet; 0
 *  where the system does not tell */
size_t io_unsent(const struct io *io);
/** io_broke() - Whether the connection was reset: reading does not tell behind
 *  the end of the stream.  True once for a reset. */
bool io_broke(const struct io *io);

#endif
