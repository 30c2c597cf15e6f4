/*
 * quorum_image: images of the metadata: those that wait for the high watermark, the committed one,
 * and its subscribers.
 */
#include "base/mem.h"
#include "broker/news.h"
#include "broker/quorum_private.h"

/* ---- publishing ---- */

int64_t quorum_committed_offset(const struct quorum *q)
{
	return q->image ? image_offset(q->image) : -1;
}

void quorum_push_image(struct quorum *q, const struct image *image, int64_t end)
{
	struct pending_image *p = xmalloc(sizeof(*p));

	p->end = end;
	p->appended_ns = env_mono_ns(q->env);
	p->image = image_ref(image);
	list_push(&q->pending, &p->link);
}

static void tell_subscribers(struct quorum *q, const struct image *old, const struct image *now)
{
	if (old && image_shares_all(old, now))
		return;
	list_each_safe(it, &q->subscribers)
	{
		struct quorum_subscriber *s = container_of(it, struct quorum_subscriber, link);

		s->image(s, old, now);
	}
}

/*
 * The first image is not news, except for registrations, as a node's first start has its own
 * registration in it, and credentials, which Kafka tells of in every start: here whoever leads does.
 */
static void tell_news(struct quorum *q, const struct image *old, const struct image *now)
{
	const struct image *before = old ? image_ref(old) : image_new(str_of(q->cluster_id));

	if (!image_shares_all(before, now))
		news_tell(q->news, quorum_leads(q) ? q->controller : NULL, before, now);
	image_unref(&before);
}

static void show(struct quorum *q, const struct image *take_image)
{
	const struct image *old = q->image;

	q->image = take_image;
	tell_news(q, old, take_image);
	tell_subscribers(q, old, take_image);
	image_unref(&old);
}

void quorum_publish(struct quorum *q, int64_t high_watermark)
{
	const struct image *newest = NULL;

	list_each_safe(it, &q->pending)
	{
		struct pending_image *p = container_of(it, struct pending_image, link);

		if (p->end > high_watermark)
			break;
		quorum_measure_commit(q, p->appended_ns);
		image_unref(&newest);
		newest = p->image;
		list_remove(&p->link);
		xfree(p);
	}
	if (!newest)
		return;
	quorum_replay_from(q, newest);
	show(q, newest);
}

void quorum_publish_replayed(struct quorum *q)
{
	if (q->replay.image != q->image && q->replay_end > 0)
		show(q, image_ref(q->replay.image));
}

void quorum_forget_pending(struct quorum *q)
{
	list_each_safe(it, &q->pending)
	{
		struct pending_image *p = container_of(it, struct pending_image, link);

		image_unref(&p->image);
		list_remove(&p->link);
		xfree(p);
	}
}

/* ---- subscribers ---- */

void quorum_subscribe(struct quorum *q, struct quorum_subscriber *s)
{
	list_push(&q->subscribers, &s->link);
	if (s->leader && q->leader.id >= 0)
		s->leader(s);
	if (q->image)
		s->image(s, NULL, q->image);
}

void quorum_unsubscribe(struct quorum *q, struct quorum_subscriber *s)
{
	(void)q;
	if (s->link.next)
		list_remove(&s->link);
}

const struct image *quorum_image(struct quorum *q)
{
	return q->image ? image_ref(q->image) : NULL;
}
