/*
 * partitions_load: what is found in the log directories at the start, opened.
 */
#include "base/diag.h"
#include "broker/partitions_private.h"
#include "config/config.h"
#include "log/dir.h"
#include "metadata/image.h"

struct scan {
	struct partitions_load *load;
	struct log_dir *dir;
	int dir_index;
	bool clean;
};

static void report(void *arg, const struct log_load_progress *p)
{
	struct partitions_load *l = arg;

	diag_info(l->table->options.env->diag, "recovering", "topic=%.*s partition=%d bytes=%lld of=%lld logs=%d",
		  STR_ARG(p->topic), p->partition, (long long)p->bytes_done, (long long)p->bytes_total, l->n_recovered);
}

/* The topic that a directory belongs to; NULL when the metadata knows none, or gives this node no replica of it. */
static const struct image_topic *owner(const struct partitions *t, const struct image *image,
				       const struct log_dir_entry *e)
{
	const struct image_topic *topic = image_topic_by_name(image, e->topic);
	const struct image_partition *p = topic ? image_topic_partition(topic, e->partition) : NULL;

	if (!p || (!uuid_is_zero(e->topic_id) && !uuid_eq(e->topic_id, topic->id)))
		return NULL;
	return image_ids_has(partition_replicas(p), t->options.node_id) ? topic : NULL;
}

static int load_one(void *arg, const struct log_dir_entry *entry)
{
	struct scan *s = arg;
	struct partitions *t = s->load->table;
	const struct image_topic *topic;
	struct topic_entry *e;
	struct partition *p;
	struct effects none = {0};
	struct log *log;
	int err;

	if (str_is(entry->topic, "__cluster_metadata"))
		return 0;
	topic = owner(t, s->load->image, entry);
	if (!topic)
		return log_dir_set_stray(s->dir, entry);
	mutex_lock(&t->lock);
	e = partitions_take_in_topic(t, s->load->image, topic);
	p = partitions_find(t, topic->id, entry->partition);
	mutex_unlock(&t->lock);
	if (p) {
		diag_error(t->options.env->diag, "replica is in two directories; the second is left alone",
			   "dir=%s name=%s", log_dir_path(s->dir), entry->name);
		return 0;
	}
	log = log_new(
		s->dir,
		&(struct log_id){.topic = str_of(e->state->name), .partition = entry->partition, .topic_id = topic->id},
		&e->state->config);
	err = log_load(log, &(struct log_load){.clean = s->clean,
					       .producer_expiration_ms =
						       config_int(t->options.config, CONFIG_PRODUCER_ID_EXPIRATION_MS),
					       .progress = report,
					       .arg = s->load});
	if (err)
		diag_error(t->options.env->diag, "log cannot be opened", "dir=%s name=%s error=%d",
			   log_dir_path(s->dir), entry->name, err);
	mutex_lock(&t->lock);
	p = partitions_take_in(t, e, entry->partition, s->dir_index, log);
	mutex_unlock(&t->lock);
	partition_set_role(p, image_topic_partition(topic, entry->partition), t->options.node_id, &none);
	s->load->n_recovered++;
	return 0;
}

static void load_job(struct work *w)
{
	struct partitions_load *l = container_of(w, struct partitions_load, work);
	struct partitions *t = l->table;

	for (int i = 0; i < t->options.n_dirs; i++) {
		struct scan s = {.load = l, .dir = t->options.dirs[i], .dir_index = i};
		int64_t epoch;
		int err;

		s.clean = log_dir_was_clean(s.dir, &epoch);
		err = log_dir_scan(s.dir, load_one, &s);
		if (err && !l->error)
			l->error = err;
	}
}

static void load_done(struct work *w)
{
	struct partitions_load *l = container_of(w, struct partitions_load, work);

	image_unref(&l->image);
	l->done(l, l->error);
}

void partitions_load(struct partitions *t, struct partitions_load *l, const struct image *image, struct loop *loop)
{
	t->loading = true;
	l->table = t;
	l->image = image_ref(image);
	l->work = (struct work){.job = load_job, .done = load_done, .loop = loop};
	env_work(loop, &l->work);
}
