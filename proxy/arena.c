/* SPDX-License-Identifier: MIT */
/* arena.c - memory that is freed all at once */
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ARENA_CHUNK_MIN (64 << 10)
#define ARENA_CHUNK_MAX (4 << 20)
/* A huge page of most processors. */
#define ARENA_HUGE ((size_t)2 << 20)

/* struct arena_chunk - @map: what is to be unmapped, NULL: it is malloc()'s */
struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	void *map;
	void *data[];
};

#ifdef MADV_HUGEPAGE
/*
 * To get its memory page by page is much of what a large policy costs.  Where a
 * huge page will be filled to its end it is asked for in one piece; it is given
 * back as such, too, which malloc() would not do.
 */
static struct arena_chunk *arena_map(void)
{
	char *map = mmap(NULL, 2 * ARENA_HUGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct arena_chunk *chunk;

	if (map == MAP_FAILED)
		return NULL;
	chunk = (void *)(map + (-(uintptr_t)map & (ARENA_HUGE - 1)));
	(void)madvise(chunk, ARENA_HUGE, MADV_HUGEPAGE);
	chunk->map = map;
	chunk->size = ARENA_HUGE - sizeof(*chunk);
	return chunk;
}
#else
static struct arena_chunk *arena_map(void)
{
	return NULL;
}
#endif

static struct arena_chunk *arena_malloc(const struct arena *a, size_t size)
{
	size_t chunk_size = ARENA_CHUNK_MIN;
	struct arena_chunk *chunk;

	if (a->chunks && a->chunks->size < ARENA_CHUNK_MAX)
		chunk_size = a->chunks->size * 2;
	else if (a->chunks)
		chunk_size = ARENA_CHUNK_MAX;
	if (chunk_size < size)
		chunk_size = size;
	chunk = malloc(sizeof(*chunk) + chunk_size);
	if (!chunk)
		return NULL;
	chunk->map = NULL;
	chunk->size = chunk_size;
	return chunk;
}

bool arena_grow(struct arena *a, size_t size)
{
	struct arena_chunk *chunk = NULL;

	if (a->expected >= ARENA_HUGE && size < ARENA_HUGE / 2)
		chunk = arena_map();
	if (!chunk)
		chunk = arena_malloc(a, size);
	if (!chunk)
		return false;
	a->expected -= chunk->size < a->expected ? chunk->size : a->expected;
	chunk->next = a->chunks;
	a->chunks = chunk;
	a->next = (char *)chunk->data;
	a->left = chunk->size;
	return true;
}

char *arena_text(struct arena *a, const char *text, size_t len)
{
	char *copy = arena_alloc(a, len + 1);

	if (copy) {
		memcpy(copy, text, len);
		copy[len] = '\0';
	}
	return copy;
}

void arena_free(struct arena *a)
{
	struct arena_chunk *chunk, *next;

	for (chunk = a->chunks; chunk; chunk = next) {
		next = chunk->next;
		if (chunk->map)
			munmap(chunk->map, 2 * ARENA_HUGE);
		else
			free(chunk);
	}
	*a = (struct arena){0};
}
