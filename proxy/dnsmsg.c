/* SPDX-License-Identifier: MIT */
/* dnsmsg.c - DNS messages as a small authoritative server sees them */
#include "dnsmsg.h"

#include <string.h>

#define DNS_HEADER 12
#define DNS_NAME_MAX 255 /* octets on the wire, RFC 1035 2.3.4 */
#define DNS_CLASS_IN 1
#define DNS_TYPE_OPT 41
#define DNS_OPT_EDE 15     /* RFC 8914 2 */
#define DNS_UDP_MIN 512    /* RFC 1035 4.2.1 */
#define DNS_UDP_OWN 1232   /* what fits one packet on any path */
#define DNS_BADVERS_HIGH 1 /* RCODE 16 without its low four bits, RFC 6891 9 */

/* First flag byte */
#define DNS_QR 0x80
#define DNS_OPCODE 0x78
#define DNS_AA 0x04
#define DNS_RD 0x01
/* Second flag byte */
#define DNS_RA 0x80

static uint16_t dns_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint8_t *dns_put16(uint8_t *p, unsigned int value)
{
	*p++ = (uint8_t)(value >> 8);
	*p++ = (uint8_t)value;
	return p;
}

static uint8_t *dns_put32(uint8_t *p, uint32_t value)
{
	return dns_put16(dns_put16(p, value >> 16), value & 0xffff);
}

/*
 * Parse the question's name, uncompressed, at @p: there is nothing in front of
 * it that a pointer could point to.  Any byte may be in a label (RFC 2181 11);
 * one that is not part of a host name, a dot included, makes @name_ok false.
 *
 * Return: the bytes that the name takes, or 0 if it is malformed.
 */
static size_t dns_parse_name(const uint8_t *p, size_t len,
			     struct dnsmsg_query *out)
{
	char text[DNS_NAME_MAX + 1];
	size_t text_len = 0;
	bool dotted = false;
	size_t pos = 0;

	for (;;) {
		size_t label;

		if (pos >= len)
			return 0;
		label = p[pos++];
		if (label == 0)
			break;
		if (label > NAME_MAX_LABEL || label >= len - pos ||
		    pos + label + 1 > DNS_NAME_MAX)
			return 0;
		if (text_len > 0)
			text[text_len++] = '.';
		dotted |= memchr(p + pos, '.', label) != NULL;
		memcpy(text + text_len, p + pos, label);
		text_len += label;
		pos += label;
	}
	out->name_ok =
		!dotted && name_canonical(text, text_len, out->name) == NAME_OK;
	return pos;
}

/* Pass over a record's name, which may end in a pointer; 0 if malformed. */
static size_t dns_skip_name(const uint8_t *p, size_t len)
{
	size_t pos = 0;

	while (pos < len) {
		size_t label = p[pos++];

		if (label == 0)
			return pos;
		if (label >= 0xc0)
			return pos < len ? pos + 1 : 0;
		if (label > NAME_MAX_LABEL || label > len - pos)
			return 0;
		pos += label;
	}
	return 0;
}

/* Take what an OPT record says (RFC 6891 6.1.2); false if it may not be. */
static bool dns_note_opt(const uint8_t *owner, const uint8_t *fields,
			 struct dnsmsg_query *out)
{
	uint16_t size = dns_get16(fields + 2);

	if (owner[0] != 0 || out->edns)
		return false;
	out->edns = true;
	out->edns_version = fields[5];
	if (size > DNS_UDP_MIN)
		out->udp_size = size;
	return true;
}

/* Walk over the additional records for EDNS; false if they are malformed. */
static bool dns_parse_additional(const uint8_t *p, size_t len,
				 unsigned int count, struct dnsmsg_query *out)
{
	while (count-- > 0) {
		size_t name_len = dns_skip_name(p, len);
		const uint8_t *fields = p + name_len;
		size_t data_len;

		if (name_len == 0 || len - name_len < 10)
			return false;
		data_len = dns_get16(fields + 8);
		if (data_len > len - name_len - 10)
			return false;
		if (dns_get16(fields) == DNS_TYPE_OPT &&
		    !dns_note_opt(p, fields, out))
			return false;
		p += name_len + 10 + data_len;
		len -= name_len + 10 + data_len;
	}
	return true;
}

enum dnsmsg_status dnsmsg_parse_query(const uint8_t *buf, size_t len,
				      struct dnsmsg_query *out)
{
	const uint8_t *question = buf + DNS_HEADER;
	size_t name_len;

	memset(out, 0, sizeof(*out));
	out->udp_size = DNS_UDP_MIN;
	if (len < DNS_HEADER || buf[2] & DNS_QR)
		return DNSMSG_DROP;
	out->id = dns_get16(buf);
	out->recursion_desired = buf[2] & DNS_RD;
	if (buf[2] & DNS_OPCODE)
		return DNSMSG_NOTIMP;
	/* One question, no answer and no authority records */
	if (dns_get16(buf + 4) != 1 || dns_get16(buf + 6) || dns_get16(buf + 8))
		return DNSMSG_FORMERR;
	len -= DNS_HEADER;
	name_len = dns_parse_name(question, len, out);
	if (name_len == 0 || len - name_len < 4)
		return DNSMSG_FORMERR;
	out->type = dns_get16(question + name_len);
	out->class = dns_get16(question + name_len + 2);
	out->question_len = (uint16_t)(name_len + 4);
	if (!dns_parse_additional(question + out->question_len,
				  len - out->question_len, dns_get16(buf + 10),
				  out))
		return DNSMSG_FORMERR;
	return DNSMSG_OK;
}

static uint8_t *dns_write_address(uint8_t *p, const struct addr *addr,
				  uint32_t ttl)
{
	size_t len = addr->family == 4 ? 4 : 16;

	p = dns_put16(p, 0xc000 | DNS_HEADER); /* the question's name */
	p = dns_put16(p, len == 4 ? DNSMSG_TYPE_A : DNSMSG_TYPE_AAAA);
	p = dns_put16(p, DNS_CLASS_IN);
	p = dns_put32(p, ttl);
	p = dns_put16(p, (unsigned int)len);
	memcpy(p, addr->bytes, len);
	return p + len;
}

static uint8_t *dns_write_opt(uint8_t *p, bool bad_version, int ede)
{
	*p++ = 0; /* the root's name */
	p = dns_put16(p, DNS_TYPE_OPT);
	p = dns_put16(p, DNS_UDP_OWN);
	p = dns_put32(p, bad_version ? DNS_BADVERS_HIGH << 24 : 0);
	if (ede < 0)
		return dns_put16(p, 0);
	p = dns_put16(p, 6);
	p = dns_put16(p, DNS_OPT_EDE);
	p = dns_put16(p, 2);
	return dns_put16(p, (unsigned int)ede);
}

size_t dnsmsg_write_answer(const uint8_t *query, const struct dnsmsg_query *q,
			   enum dnsmsg_rcode rcode, const struct addr *addr,
			   uint32_t ttl, int ede, uint8_t out[DNSMSG_MAX])
{
	bool bad_version = q->edns && q->edns_version > 0;
	uint16_t type = DNSMSG_TYPE_A;
	uint8_t *p = out + DNS_HEADER;
	bool answers;

	if (addr && addr->family == 6)
		type = DNSMSG_TYPE_AAAA;
	answers = addr && rcode == DNSMSG_NOERROR && !bad_version &&
		  q->question_len > 0 && q->type == type;
	if (bad_version)
		rcode = DNSMSG_NOERROR; /* the low bits of BADVERS */
	memset(out, 0, DNS_HEADER);
	dns_put16(out, q->id);
	out[2] =
		(uint8_t)(DNS_QR | (query[2] & (DNS_OPCODE | DNS_RD)) | DNS_AA);
	out[3] = (uint8_t)(DNS_RA | rcode);
	out[5] = q->question_len > 0;
	out[7] = answers;
	out[11] = q->edns;
	memcpy(p, query + DNS_HEADER, q->question_len);
	p += q->question_len;
	if (answers)
		p = dns_write_address(p, addr, ttl);
	if (q->edns)
		p = dns_write_opt(p, bad_version, ede);
	return (size_t)(p - out);
}
