/* SPDX-License-Identifier: MIT */
/* dnsmsg.h - DNS messages as a small authoritative server sees them */
#ifndef PEN_DNSMSG_H
#define PEN_DNSMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "name.h"

#define DNSMSG_TYPE_A 1
#define DNSMSG_TYPE_AAAA 28
#define DNSMSG_MAX 512 /* longest answer that dnsmsg_write_answer() writes */

enum dnsmsg_status {
	DNSMSG_OK,
	DNSMSG_DROP, /* not a query at all (a response, too short): no answer */
	DNSMSG_FORMERR, /* answer with RCODE 1 */
	DNSMSG_NOTIMP,  /* answer with RCODE 4: opcode other than QUERY */
};

/* RCODEs, RFC 1035 4.1.1 */
enum dnsmsg_rcode {
	DNSMSG_NOERROR = 0,
	DNSMSG_RCODE_FORMERR = 1,
	DNSMSG_SERVFAIL = 2,
	DNSMSG_NXDOMAIN = 3,
	DNSMSG_RCODE_NOTIMP = 4,
	DNSMSG_REFUSED = 5,
};

/**
 * struct dnsmsg_query - A parsed query with exactly one question
 * @name:      canonical (name_canonical()) if @name_ok, else ""
 * @question_len: bytes of the question section, to be repeated in the answer;
 *             0 where it could not be parsed
 * @udp_size:  what the client takes over UDP: 512, or more by EDNS
 * @edns_version: 0, or an unknown one, which dnsmsg_write_answer() answers with
 *             BADVERS (RFC 6891 6.1.3) whatever else it is told
 */
struct dnsmsg_query {
	char name[NAME_MAX_LEN + 1];
	uint16_t id, type, class, udp_size;
	uint16_t question_len;
	bool name_ok, recursion_desired, edns;
	uint8_t edns_version;
};

/**
 * dnsmsg_parse_query() - Parse a query
 * @buf: @len bytes of one message, without the TCP length
 * @out: filled in as far as it goes, @id always unless DNSMSG_DROP
 *
 * Compression pointers in the question are refused (DNSMSG_FORMERR).
 * Source: RFC 1035 4.1, RFC 6891.
 */
enum dnsmsg_status dnsmsg_parse_query(const uint8_t *buf, size_t len,
				      struct dnsmsg_query *out);

/**
 * dnsmsg_write_answer() - Write the answer to a query
 * @query: the query's own bytes, from which the question is repeated
 * @q:     that query, parsed
 * @rcode: with NOERROR and @addr NULL the answer is empty (no data)
 * @addr:  one address to answer with, or NULL; left out where its family is
 *         not what the question's type asks for
 * @ttl:   seconds
 * @ede:   extended DNS error (RFC 8914) to add where the client speaks EDNS,
 *         or -1
 * @out:   written, authoritative, recursion available
 *
 * Return: its length, at most DNSMSG_MAX.
 */
size_t dnsmsg_write_answer(const uint8_t *query, const struct dnsmsg_query *q,
			   enum dnsmsg_rcode rcode, const struct addr *addr,
			   uint32_t ttl, int ede, uint8_t out[DNSMSG_MAX]);

#endif
