/* SPDX-License-Identifier: MIT */
/* name.c - host names and ports as text: one canonical spelling each */
#include "name.h"

#include <string.h>

/*
 * What each byte becomes in the canonical spelling.  Zero is a byte that no
 * host name may hold; the dot stands for itself and ends a label.
 */
static const char name_fold[256] = {
	['-'] = '-', ['.'] = '.', ['_'] = '_',

	['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4',
	['5'] = '5', ['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9',

	['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd', ['E'] = 'e',
	['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j',
	['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n', ['O'] = 'o',
	['P'] = 'p', ['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't',
	['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y',
	['Z'] = 'z',

	['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e',
	['f'] = 'f', ['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j',
	['k'] = 'k', ['l'] = 'l', ['m'] = 'm', ['n'] = 'n', ['o'] = 'o',
	['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't',
	['u'] = 'u', ['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y',
	['z'] = 'z',
};

static bool name_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool name_is_hex(char c)
{
	return name_is_digit(c) || (c >= 'a' && c <= 'f');
}

/*
 * Resolvers read such a label as a part of an IPv4 address.  "0x" without a
 * digit is zero to those that follow the WHATWG rules.
 */
static bool name_is_number(const char *label, size_t len)
{
	size_t i = 0;

	if (len >= 2 && label[0] == '0' && label[1] == 'x') {
		for (i = 2; i < len && name_is_hex(label[i]); i++)
			;
		return i == len;
	}
	while (i < len && name_is_digit(label[i]))
		i++;
	return i == len;
}

enum name_status name_take(const char *in, size_t len,
			   char out[NAME_MAX_LEN + 1], size_t *taken)
{
	/* The longest name has room for a dot behind it. */
	size_t max = len <= NAME_MAX_LEN ? len : NAME_MAX_LEN + 1;
	size_t label = 0, next = 0; /* where the last labels begin */
	size_t i = 0;

	for (;;) {
		char c = '\0';

		/* Below the dot there are the hyphen, and bytes of no name. */
		for (; i < max; out[i++] = c) {
			c = name_fold[(unsigned char)in[i]];
			if (c <= '.')
				break;
		}
		if (i == max || c == '\0')
			break;
		out[i++] = c;
		if (c == '-')
			continue;
		if (i - 1 == next || i - 1 - next > NAME_MAX_LABEL)
			return NAME_BAD;
		label = next;
		next = i;
	}
	*taken = i;
	if (i > 0 && i == next)
		i--;
	else
		label = next;
	if (i == label || i > NAME_MAX_LEN || i - label > NAME_MAX_LABEL)
		return NAME_BAD;
	if (name_is_number(out + label, i - label))
		return NAME_NUMERIC;
	out[i] = '\0';
	return NAME_OK;
}

enum name_status name_canonical(const char *in, size_t len,
				char out[NAME_MAX_LEN + 1])
{
	char text[NAME_MAX_LEN + 1];
	size_t taken;
	enum name_status status = name_take(in, len, text, &taken);

	if (status == NAME_BAD || taken < len)
		return NAME_BAD;
	if (status == NAME_OK)
		memcpy(out, text, len + (in[len - 1] != '.'));
	return status;
}

size_t name_take_port(const char *in, size_t len, uint16_t *port)
{
	uint32_t value = 0;
	size_t i;

	/* A leading zero is refused, so a sixth digit is one too many. */
	for (i = 0; i < len && i < 6 && name_is_digit(in[i]); i++)
		value = value * 10 + (uint32_t)(in[i] - '0');
	if (value == 0 || value > UINT16_MAX || in[0] == '0')
		return 0;
	*port = (uint16_t)value;
	return i;
}

bool name_parse_port(const char *in, size_t len, uint16_t *port)
{
	uint16_t value;

	if (len == 0 || name_take_port(in, len, &value) != len)
		return false;
	*port = value;
	return true;
}

bool name_split_port(const char *in, size_t len, size_t *host_len,
		     size_t *port_off)
{
	size_t inner = len > 0 && in[0] == '[' ? 1 : 0;
	size_t end = 0;
	size_t i;

	if (inner) {
		const char *close = memchr(in, ']', len);

		if (!close)
			return false;
		end = (size_t)(close - in) + 1;
		if (end < len && in[end] != ':')
			return false;
	} else {
		while (end < len && in[end] != ':')
			end++;
	}
	/* Only the one pair of brackets, and one colon outside of it. */
	for (i = inner; i < len; i++) {
		bool closes = inner && i + 1 == end;

		if (in[i] == '[' || (in[i] == ']' && !closes))
			return false;
		if (in[i] == ':' && i > end)
			return false;
	}
	*host_len = end;
	*port_off = end < len ? end + 1 : 0;
	return true;
}

const char *name_parent(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot ? dot + 1 : NULL;
}
