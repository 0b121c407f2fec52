/* SPDX-License-Identifier: MIT */
/* arena.h - memory that is freed all at once */
#ifndef PEN_ARENA_H
#define PEN_ARENA_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct arena - Memory that is freed all at once; start with all zero
 * @expected: how many bytes more will be asked for, by a guess
 */
struct arena {
	struct arena_chunk *chunks;
	char *next;
	size_t left, expected;
};

/** arena_grow() - Make room for @size bytes; false without memory */
bool arena_grow(struct arena *a, size_t size);
/** arena_alloc() - @size bytes, aligned for a pointer, not cleared; or NULL */
static inline void *arena_alloc(struct arena *a, size_t size)
{
	char *out;

	size = (size + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
	if (size > a->left && !arena_grow(a, size))
		return NULL;
	out = a->next;
	a->next += size;
	a->left -= size;
	return out;
}

/** arena_text() - A NUL-terminated copy of @len bytes; or NULL */
char *arena_text(struct arena *a, const char *text, size_t len);
void arena_free(struct arena *a);

#endif
