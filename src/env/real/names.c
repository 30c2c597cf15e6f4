/* names, real: resolves host names, and finds this machine's own name. Both may wait for a server. */
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "env/real/real_priv.h"

static int errno_of(int gai)
{
	switch (gai) {
	case EAI_SYSTEM:
		return -errno;
	case EAI_AGAIN:
		return -EAGAIN;
	case EAI_MEMORY:
		return -ENOMEM;
	default:
		return -ENOENT;
	}
}

int real_resolve(struct env *e, const char *host, uint16_t port, struct addr *v, int max)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	int n = 0;
	int gai;

	if (max > 0 && addr_parse(host, port, &v[0]))
		return 1;
	gai = getaddrinfo(host, NULL, &hints, &found);
	if (gai)
		return errno_of(gai);
	for (struct addrinfo *ai = found; ai && n < max; ai = ai->ai_next) {
		if (ai->ai_family != AF_INET && ai->ai_family != AF_INET6)
			continue;
		addr_from_sockaddr(&v[n], ai->ai_addr);
		v[n++].port = port;
	}
	freeaddrinfo(found);
	return n ? n : -ENOENT;
}

/* The name of the address, if that name resolves back to the address; otherwise the address as text. */
static void canonical_name(const struct addr *a, char *out, size_t size)
{
	struct sockaddr_storage sa;
	unsigned sa_len = addr_to_sockaddr(a, &sa);
	char name[NI_MAXHOST], text[ADDR_TEXT_MAX];
	struct addr back[16];
	int n = 0;

	if (!getnameinfo((struct sockaddr *)&sa, sa_len, name, sizeof(name), NULL, 0, NI_NAMEREQD))
		n = real_resolve(NULL, name, 0, back, 16);
	for (int i = 0; i < n; i++) {
		if (back[i].v6 == a->v6 && !memcmp(back[i].ip, a->ip, a->v6 ? 16 : 4)) {
			strncpy(out, name, size - 1);
			return;
		}
	}
	strncpy(out, addr_text(a, text), size - 1);
}

int real_host_name(struct env *e, char *out, size_t size)
{
	char name[256] = "";
	struct addr a;

	memset(out, 0, size);
	if (gethostname(name, sizeof(name) - 1))
		return -errno;
	if (real_resolve(e, name, 0, &a, 1) == 1)
		canonical_name(&a, out, size);
	else
		strncpy(out, name, size - 1);
	return 0;
}
