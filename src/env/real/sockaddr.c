/*
 * sockaddr: converts between struct addr and the system's addresses. IPv4 mapped into IPv6 becomes
 * plain IPv4.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "env/real/real_priv.h"

unsigned addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port), .sin6_scope_id = a->scope};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(a->port)};

	memset(out, 0, sizeof(*out));
	if (a->v6) {
		memcpy(&v6.sin6_addr, a->ip, sizeof(v6.sin6_addr));
		memcpy(out, &v6, sizeof(v6));
		return sizeof(v6);
	}
	memcpy(&v4.sin_addr, a->ip, sizeof(v4.sin_addr));
	memcpy(out, &v4, sizeof(v4));
	return sizeof(v4);
}

void addr_from_sockaddr(struct addr *a, const struct sockaddr *from)
{
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	*a = (struct addr){0};
	if (from->sa_family == AF_INET) {
		memcpy(&v4, from, sizeof(v4));
		memcpy(a->ip, &v4.sin_addr, sizeof(v4.sin_addr));
		a->port = ntohs(v4.sin_port);
		return;
	}
	check(from->sa_family == AF_INET6);
	memcpy(&v6, from, sizeof(v6));
	a->port = ntohs(v6.sin6_port);
	if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
		memcpy(a->ip, v6.sin6_addr.s6_addr + 12, 4);
		return;
	}
	a->v6 = true;
	a->scope = v6.sin6_scope_id;
	memcpy(a->ip, &v6.sin6_addr, sizeof(v6.sin6_addr));
}
