/* SPDX-License-Identifier: MIT */
/* config_priv.h - shared by config.c, config_keys.c and config_net.c alone */
#ifndef PEN_CONFIG_PRIV_H
#define PEN_CONFIG_PRIV_H

#include "config.h"

/**
 * struct config_key - One key of the file
 * @set:    takes the value; NULL, or a text that says what is wrong
 * @offset: of the member of struct config that @set writes
 * @min, @max: bounds of a number
 * @many:   may be given more than once
 */
struct config_key {
	const char *section, *name;
	const char *(*set)(void *field, const struct config_key *key,
			   const char *value);
	size_t offset;
	uint64_t min, max;
	bool many;
};

/** config_is_section() - Whether any key belongs to the section @name */
bool config_is_section(const char *name, size_t len);

/* Setters, as described at struct config_key; @field is a struct config. */
const char *config_set_servers(void *field, const struct config_key *key,
			       const char *value);
const char *config_set_no_proxy(void *field, const struct config_key *key,
				const char *value);
const char *config_set_upstream(void *field, const struct config_key *key,
				const char *value);

#endif
