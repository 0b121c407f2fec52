/* SPDX-License-Identifier: MIT */
/* iface.c - look up the bridge by its address, never by a route */
#include "pfwrap.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>
#ifdef __APPLE__
#include <net/if_dl.h>
#include <sys/ioctl.h>
#include <sys/sockio.h>
#else
#include <errno.h>
#include <glob.h>
#endif

/* The names that vmnet gives: bridge100 and above, vmenet0 and above. */
bool iface_is_vmnet(const char *bridge, const char *member)
{
	uint32_t n;

	return strncmp(bridge, "bridge", 6) == 0 &&
	       args_number(bridge + 6, UINT32_MAX, &n) && n >= 100 &&
	       strncmp(member, "vmenet", 6) == 0 &&
	       args_number(member + 6, UINT32_MAX, &n);
}

#ifdef __APPLE__
enum { TYPE_BRIDGE = 0xd1, BRIDGE_GET_MEMBERS = 6, MEMBERS_MAX = 64 };

/* As the kernel packs them; their header is not in the SDK. */
#pragma pack(push, 4)
struct bridge_member {
	char name[16];
	uint32_t words[16];
};
struct bridge_members {
	uint32_t len;
	struct bridge_member *list;
};
#pragma pack(pop)
_Static_assert(sizeof(struct bridge_member) == 80, "struct ifbreq");
_Static_assert(sizeof(struct bridge_members) == 12, "struct ifbifconf");
_Static_assert(sizeof(struct ifdrv) == 40, "struct ifdrv");

/* A bridge, and all its members, of which there are some, are vmnet's. */
static bool iface_is_ours(const char *name, const struct ifaddrs *all)
{
	struct bridge_member list[MEMBERS_MAX];
	struct bridge_members members = {sizeof(list), list};
	struct ifdrv request = {.ifd_cmd = BRIDGE_GET_MEMBERS,
				.ifd_len = sizeof(members),
				.ifd_data = &members};
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	bool good = false;
	uint32_t i;

	for (; all; all = all->ifa_next)
		if (all->ifa_addr && all->ifa_addr->sa_family == AF_LINK &&
		    strcmp(all->ifa_name, name) == 0)
			good = ((struct sockaddr_dl *)(void *)all->ifa_addr)
				       ->sdl_type == TYPE_BRIDGE;
	memcpy(request.ifd_name, name, strlen(name));
	/* A list that fills the room may have been cut. */
	good = good && ioctl(s, SIOCGDRVSPEC, &request) == 0 &&
	       members.len > 0 && members.len < sizeof(list);
	for (i = 0; good && i < members.len / sizeof(list[0]); i++)
		good = list[i].name[15] == '\0' &&
		       iface_is_vmnet(name, list[i].name);
	close(s);
	return good;
}
#else
/* A port that is just going away has no folder any more. */
static int iface_glob_failed(const char *path, int error)
{
	return path && error != ENOENT;
}

/*
 * A bridge, and no port of it is a network card or stands on one (a bond).
 * What stands on the bridge itself (a VLAN, a VRF) takes packets of its ports
 * that no rule on its name would see.
 */
static bool iface_is_ours(const char *name, const struct ifaddrs *all)
{
	char bridge[64], others[80];
	glob_t found = {0};
	int how;

	(void)all;
	snprintf(bridge, sizeof(bridge), "/sys/class/net/%s/bridge", name);
	snprintf(others, sizeof(others),
		 "/sys/class/net/%s/{upper_*,brif/*/../{device,lower_*}}",
		 name);
	how = glob(others, GLOB_BRACE, iface_glob_failed, &found);
	globfree(&found);
	return access(bridge, F_OK) == 0 && how == GLOB_NOMATCH;
}
#endif

const char *iface_find(struct set *set)
{
	const char *wrong = NULL;
	struct ifaddrs *all, *one;
	unsigned int found = 0;

	if (getifaddrs(&all) != 0)
		return "the interfaces cannot be listed";
	for (one = all; one; one = one->ifa_next) {
		const struct sockaddr_in *in = (const void *)one->ifa_addr;
		const struct sockaddr_in *mask = (const void *)one->ifa_netmask;

		if (!in || in->sin_family != AF_INET || !mask ||
		    in->sin_addr.s_addr != set->gateway.s_addr)
			continue;
		set->mask = mask->sin_addr;
		snprintf(set->iface, sizeof(set->iface), "%s", one->ifa_name);
		found++;
	}
	if (found == 0)
		wrong = "no interface has the gateway's address";
	else if (found > 1)
		wrong = "more than one interface has the gateway's address";
	else if (!args_interface(set->iface) || !iface_is_ours(set->iface, all))
		wrong = "the interface with the gateway's address is not a "
			"bridge of virtual machines or containers alone";
	freeifaddrs(all);
	return wrong;
}
