/*
 * identity: makes identities, with the texts that logs and ACLs use.
 */
#include "broker/identity.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { JAVA_TEXT_MAX = 48 };

struct block {
	struct identity identity;
	char text[]; /* type:name, remote */
};

/* Java does not abbreviate IPv6 addresses. */
static void java_text(const struct addr *a, char out[JAVA_TEXT_MAX])
{
	const uint8_t *ip = a->ip;
	char text[ADDR_TEXT_MAX];

	addr_text(a, text);
	if (!a->v6 || !strchr(text, ':'))
		snprintf(out, JAVA_TEXT_MAX, "/%.40s", text);
	else
		snprintf(out, JAVA_TEXT_MAX, "/%x:%x:%x:%x:%x:%x:%x:%x", ip[0] << 8 | ip[1], ip[2] << 8 | ip[3],
			 ip[4] << 8 | ip[5], ip[6] << 8 | ip[7], ip[8] << 8 | ip[9], ip[10] << 8 | ip[11],
			 ip[12] << 8 | ip[13], ip[14] << 8 | ip[15]);
}

static struct str put(char **at, const char *p, int32_t len)
{
	struct str s = {*at, len};

	if (len > 0)
		memcpy(*at, p, (size_t)len);
	*at += len;
	return s;
}

static size_t block_size(const struct principal *who, const char *remote)
{
	return sizeof(struct block) + (size_t)who->type.len + 1 + (size_t)who->name.len + strlen(remote);
}

static struct identity *fill(struct block *b, const struct principal *who, const struct addr *from, const char *remote)
{
	char *at = b->text;

	b->identity = (struct identity){.refs = 1, .address = *from};
	b->identity.principal.type = put(&at, who->type.p, who->type.len);
	put(&at, ":", 1);
	b->identity.principal.name = put(&at, who->name.p, who->name.len);
	b->identity.principal.token_authenticated = who->token_authenticated;
	b->identity.text = (struct str){b->text, who->type.len + 1 + who->name.len};
	b->identity.remote = put(&at, remote, (int32_t)strlen(remote));
	b->identity.host = (struct str){b->identity.remote.p + 1, b->identity.remote.len - 1};
	return &b->identity;
}

struct identity *identity_new(const struct principal *who, const struct addr *from)
{
	char remote[JAVA_TEXT_MAX];

	java_text(from, remote);
	return fill(xmalloc(block_size(who, remote)), who, from, remote);
}

struct identity *identity_in(struct arena *a, const struct principal *who, const struct addr *from)
{
	char remote[JAVA_TEXT_MAX];
	struct block *b;

	java_text(from, remote);
	b = arena_alloc(a, block_size(who, remote));
	if (!b)
		return NULL;
	fill(b, who, from, remote)->refs = 0;
	return &b->identity;
}

struct identity *identity_ref(struct identity *i)
{
	if (i->refs > 0)
		i->refs++;
	return i;
}

void identity_unref(struct identity **i)
{
	struct identity *mine = *i;

	*i = NULL;
	if (mine && mine->refs > 0 && --mine->refs == 0)
		xfree(mine);
}
