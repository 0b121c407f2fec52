/* SPDX-License-Identifier: MIT */
/* listen.h - the sockets that clients come to: opened or inherited */
#ifndef PEN_LISTEN_H
#define PEN_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "policy.h"

enum listener_kind {
	LISTENER_LISTEN,
	LISTENER_TRANSPARENT,
	LISTENER_DNS,
	LISTENER_ADMIN,
	LISTENER__COUNT
};

#define LISTENER_TEXT_MAX 128

/**
 * struct listener - One socket
 * @fd:    owned, non-blocking, close-on-exec
 * @text:  the address that it is bound to, for the ready line
 * @path:  Unix socket made by us, to be unlinked; owned or NULL
 * @inherited: somebody else's: listening goes on when this process has ended
 * @twin:  the TCP half of a DNS listener, announced by its UDP half
 */
struct listener {
	enum listener_kind kind;
	int fd;
	struct addr addr; /* family 0 for a Unix socket */
	uint16_t port;
	bool inherited, twin;
	char *path;
	char text[LISTENER_TEXT_MAX];
};

struct listener_list {
	struct listener *at;
	size_t count;
};

/**
 * listen_open_all() - Open what the configuration names and take what was
 * inherited (LISTEN_FDS, see sd_listen_fds(3))
 * @list:  filled in; empty at first
 * @error: on failure one line that says which address and why
 *
 * Where there is neither, 127.0.0.1:8080 is opened.
 * Return: 0, or -1 with everything closed again.
 */
int listen_open_all(struct listener_list *list, const struct config *c,
		    char *error, size_t error_cap);
/**
 * listen_close_strangers() - Close every descriptor that nobody gave us on
 * purpose
 * @c:    its fd:N listeners stay
 * @keep: stays, too; -1 for none
 *
 * What LISTEN_FDS counts and 0 to 2 stay, too.  All but the latter become
 * close-on-exec, since audit.command is nobody's heir.  Before anything else is
 * opened.
 */
void listen_close_strangers(const struct config *c, int keep);
/** listen_close() - Close the listeners of a kind; LISTENER__COUNT: all, and
 *  free the list */
void listen_close(struct listener_list *list, enum listener_kind kind);
const char *listener_kind_name(enum listener_kind k);
/**
 * listen_own() - What the address guard must know of the listeners
 * @count: set
 * Return: an array to be freed, NULL if there are none or memory ran out
 */
struct policy_own *listen_own(const struct listener_list *list, size_t *count);
/** listen_own_named() - The same of what a configuration names and nobody has
 *  opened; of ranges and port 0 nothing is known.  NULL only without memory. */
struct policy_own *listen_own_named(const struct config *c, size_t *count);
/** listen_is_local() - Whether an address is one of this machine's interfaces'
 */
bool listen_is_local(const struct addr *a);

#endif
