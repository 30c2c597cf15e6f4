/*
 * sight: asks the authorizer about topics. What outlives the request has copies of the principal
 * and its address; the authorizer is the node's, which waits for jobs before it ends.
 */
#include "broker/sight.h"

#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "broker/api.h"
#include "broker/identity.h"
#include "broker/node_private.h"
#include "broker/permission.h"
#include "coordinator/shard.h"
#include "security/authorizer.h"

struct asker {
	struct shard_asker asker;
	const struct authorizer *authorizer;
	const struct identity *identity; /* the request's */
};

struct sight {
	struct shard_sight sight;
	const struct authorizer *authorizer;
	struct authorizer_who who;
	char text[]; /* principal, host */
};

static bool sees(const struct shard_sight *s, const struct image *image, struct str topic)
{
	const struct sight *own = container_of(s, struct sight, sight);

	return authorizer_decide(own->authorizer, image, &own->who,
				 &(struct authorizer_action){ACL_DESCRIBE, ACL_TOPIC, topic})
		.allowed;
}

static void release(struct shard_sight *s)
{
	xfree(container_of(s, struct sight, sight));
}

static struct shard_sight *sight(const struct shard_asker *a)
{
	const struct asker *asker = container_of(a, struct asker, asker);
	struct str principal = asker->identity->text, host = asker->identity->host;
	struct sight *s = xmalloc(sizeof(*s) + (size_t)principal.len + (size_t)host.len);

	s->sight = (struct shard_sight){sees, release};
	s->authorizer = asker->authorizer;
	memcpy(s->text, principal.p, (size_t)principal.len);
	memcpy(s->text + principal.len, host.p, (size_t)host.len);
	s->who = (struct authorizer_who){{s->text, principal.len}, {s->text + principal.len, host.len}};
	return &s->sight;
}

const struct shard_asker *sight_asker(struct request *r)
{
	struct asker *a = request_has_authorizer(r) ? arena_alloc(&r->arena, sizeof(*a)) : NULL;

	if (!a)
		return NULL;
	*a = (struct asker){{sight}, r->node->authorizer, request_identity(r)};
	return &a->asker;
}
