/* SPDX-License-Identifier: MIT */
/* capture.c - send every outgoing TCP connection to the proxy */
/*
 * The rules go to the kernel as nf_tables messages, without the nft program:
 * it would be one more package to need, and most of the start-up time.  The
 * tests read them back with nft.
 *
 * Source: linux/netfilter/nf_tables.h, linux/netfilter/nfnetlink.h.
 */
#include "capture.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "netlink.h"

#define CAPTURE_TABLE "pen"
#define CAPTURE_CHAIN "output"
#define CAPTURE_PRIORITY (-100) /* NF_IP_PRI_NAT_DST */
#define CAPTURE_DNS_PORT 53
/* redir to a port: NF_NAT_RANGE_PROTO_SPECIFIED of linux/netfilter/nf_nat.h */
#define CAPTURE_RANGE_PROTO_SPECIFIED 2

/* Where the destination is in the network header, and what to leave alone. */
struct capture_family {
	uint8_t family; /* NFPROTO_* */
	uint32_t offset;
	uint32_t len;
	uint8_t mask[16];
	uint8_t loopback[16];
};

static const struct capture_family capture_families[] = {
	{
		.family = NFPROTO_IPV4,
		.offset = 16,
		.len = 4,
		.mask = {255},
		.loopback = {127},
	},
	{
		.family = NFPROTO_IPV6,
		.offset = 24,
		.len = 16,
		.mask = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
			 255, 255, 255, 255, 255},
		.loopback = {[15] = 1},
	},
};

static void capture_begin(struct netlink *n, uint16_t type, uint16_t flags)
{
	struct nfgenmsg head = {
		.nfgen_family = NFPROTO_INET,
		.version = NFNETLINK_V0,
	};

	netlink_begin(n, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type),
		      (uint16_t)(flags | NLM_F_ACK), &head, sizeof(head));
}

static void capture_batch(struct netlink *n, uint16_t type)
{
	struct nfgenmsg head = {
		.version = NFNETLINK_V0,
		.res_id = htons(NFNL_SUBSYS_NFTABLES),
	};

	netlink_begin(n, type, 0, &head, sizeof(head));
}

/* Two nests: the list element, and the expression's own attributes. */
struct capture_nests {
	size_t element;
	size_t data;
};

static struct capture_nests capture_open(struct netlink *n, const char *name)
{
	struct capture_nests nests;

	nests.element = netlink_nest(n, NFTA_LIST_ELEM);
	netlink_put_text(n, NFTA_EXPR_NAME, name);
	nests.data = netlink_nest(n, NFTA_EXPR_DATA);
	return nests;
}

static void capture_shut(struct netlink *n, struct capture_nests nests)
{
	netlink_end_nest(n, nests.data);
	netlink_end_nest(n, nests.element);
}

static void capture_put_value(struct netlink *n, uint16_t type,
			      const void *value, size_t len)
{
	size_t nest = netlink_nest(n, type);

	netlink_put(n, NFTA_DATA_VALUE, value, len);
	netlink_end_nest(n, nest);
}

static void capture_meta(struct netlink *n, uint32_t key)
{
	struct capture_nests nests = capture_open(n, "meta");

	netlink_put_be32(n, NFTA_META_DREG, NFT_REG_1);
	netlink_put_be32(n, NFTA_META_KEY, key);
	capture_shut(n, nests);
}

static void capture_compare(struct netlink *n, uint32_t operation,
			    const void *value, size_t len)
{
	struct capture_nests nests = capture_open(n, "cmp");

	netlink_put_be32(n, NFTA_CMP_SREG, NFT_REG_1);
	netlink_put_be32(n, NFTA_CMP_OP, operation);
	capture_put_value(n, NFTA_CMP_DATA, value, len);
	capture_shut(n, nests);
}

static void capture_payload(struct netlink *n, uint32_t base, uint32_t offset,
			    uint32_t len)
{
	struct capture_nests nests = capture_open(n, "payload");

	netlink_put_be32(n, NFTA_PAYLOAD_DREG, NFT_REG_1);
	netlink_put_be32(n, NFTA_PAYLOAD_BASE, base);
	netlink_put_be32(n, NFTA_PAYLOAD_OFFSET, offset);
	netlink_put_be32(n, NFTA_PAYLOAD_LEN, len);
	capture_shut(n, nests);
}

static void capture_mask(struct netlink *n, const uint8_t *mask, uint32_t len)
{
	static const uint8_t zero[16];
	struct capture_nests nests = capture_open(n, "bitwise");

	netlink_put_be32(n, NFTA_BITWISE_SREG, NFT_REG_1);
	netlink_put_be32(n, NFTA_BITWISE_DREG, NFT_REG_1);
	netlink_put_be32(n, NFTA_BITWISE_LEN, len);
	capture_put_value(n, NFTA_BITWISE_MASK, mask, len);
	capture_put_value(n, NFTA_BITWISE_XOR, zero, len);
	capture_shut(n, nests);
}

static void capture_redirect(struct netlink *n, uint16_t port)
{
	uint16_t port_be = htons(port);
	struct capture_nests nests = capture_open(n, "immediate");

	netlink_put_be32(n, NFTA_IMMEDIATE_DREG, NFT_REG_1);
	capture_put_value(n, NFTA_IMMEDIATE_DATA, &port_be, sizeof(port_be));
	capture_shut(n, nests);

	nests = capture_open(n, "redir");
	netlink_put_be32(n, NFTA_REDIR_REG_PROTO_MIN, NFT_REG_1);
	netlink_put_be32(n, NFTA_REDIR_FLAGS, CAPTURE_RANGE_PROTO_SPECIFIED);
	capture_shut(n, nests);
}

static void capture_rule(struct netlink *n, const struct capture_family *f,
			 uint16_t port)
{
	const uint8_t tcp = IPPROTO_TCP;
	const uint16_t dns_be = htons(CAPTURE_DNS_PORT);
	size_t expressions;

	capture_begin(n, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	netlink_put_text(n, NFTA_RULE_TABLE, CAPTURE_TABLE);
	netlink_put_text(n, NFTA_RULE_CHAIN, CAPTURE_CHAIN);
	expressions = netlink_nest(n, NFTA_RULE_EXPRESSIONS);
	capture_meta(n, NFT_META_NFPROTO);
	capture_compare(n, NFT_CMP_EQ, &f->family, sizeof(f->family));
	capture_payload(n, NFT_PAYLOAD_NETWORK_HEADER, f->offset, f->len);
	if (f->len == 4)
		capture_mask(n, f->mask, f->len);
	capture_compare(n, NFT_CMP_NEQ, f->loopback, f->len);
	capture_meta(n, NFT_META_L4PROTO);
	capture_compare(n, NFT_CMP_EQ, &tcp, sizeof(tcp));
	capture_payload(n, NFT_PAYLOAD_TRANSPORT_HEADER, 2, sizeof(dns_be));
	capture_compare(n, NFT_CMP_NEQ, &dns_be, sizeof(dns_be));
	capture_redirect(n, port);
	netlink_end_nest(n, expressions);
}

static void capture_chain(struct netlink *n)
{
	size_t hook;

	capture_begin(n, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	netlink_put_text(n, NFTA_CHAIN_TABLE, CAPTURE_TABLE);
	netlink_put_text(n, NFTA_CHAIN_NAME, CAPTURE_CHAIN);
	hook = netlink_nest(n, NFTA_CHAIN_HOOK);
	netlink_put_be32(n, NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_OUT);
	netlink_put_be32(n, NFTA_HOOK_PRIORITY, (uint32_t)CAPTURE_PRIORITY);
	netlink_end_nest(n, hook);
	netlink_put_text(n, NFTA_CHAIN_TYPE, "nat");
}

int capture_install(uint16_t port)
{
	struct netlink n;
	size_t i;

	memset(&n, 0, sizeof(n));
	capture_batch(&n, NFNL_MSG_BATCH_BEGIN);
	capture_begin(&n, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	netlink_put_text(&n, NFTA_TABLE_NAME, CAPTURE_TABLE);
	capture_chain(&n);
	for (i = 0; i < sizeof(capture_families) / sizeof(capture_families[0]);
	     i++)
		capture_rule(&n, &capture_families[i], port);
	capture_batch(&n, NFNL_MSG_BATCH_END);
	return netlink_send(&n, NETLINK_NETFILTER);
}
