/*
 * throttle: the sensors of clients, in shards with a lock each, and the waits that follow from
 * them.
 */
#include "broker/throttle.h"

#include <string.h>

#include "base/check.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "broker/api.h"
#include "broker/core.h"
#include "broker/identity.h"
#include "broker/node_private.h"
#include "config/config.h"
#include "env/env.h"
#include "metadata/image.h"
#include "net/conn.h"
#include "protocol/fetch.h"
#include "protocol/produce.h"
#include "security/quota.h"
#include "wire/schema.h"

#define SHARDS 16 /* a shard is the upper four bits of a hash: shard_of() */
#define EXPIRY_MS (3600 * 1000)
#define PERCENT_PER_NS (100.0 / 1e9)
#define THROTTLED_BY_CAPACITY IMAGE_QUOTAS /* not a client quota */

/* A client's usage of one quota. */
struct sensor {
	struct map_node node;
	struct list recent; /* least recently used first */
	enum image_quota quota;
	struct image_quota_tags tags; /* its strings follow the struct */
	int64_t offset;		      /* image_quotas_offset() of the image from which `bound` is */
	double bound;
	struct quota_rate rate;
	struct quota_bucket bucket; /* for IMAGE_QUOTA_MUTATION */
	struct quota_rate waits;    /* throttle times */
	size_t bytes;
	int64_t used_ms;
	bool shared; /* by names for which there was no room; `bound` is that of the present user */
};

struct shard {
	struct mutex lock;
	struct map sensors;
	struct list recent;
	int64_t bytes;
	char apart[64]; /* keeps it away from the next shard's lock */
};

/* An address with a rate of its own. */
struct address {
	struct map_node node;
	struct addr addr;
	double bound;
};

struct throttle {
	struct env *env;
	struct map addresses; /* struct address; this and the next fields belong to reactor 0 */
	double any_address;
	int64_t addresses_offset;
	struct quota_windows windows, controller_windows, plain_windows;
	int16_t field[API_KEYS_MAX]; /* the field of an answer for the time to wait; -1: none */
	struct shard shards[SHARDS];
	struct mutex exempt_lock;
	struct quota_rate exempt;
};

/* ---- creation and end ---- */

static int16_t field_of(const struct schema *out)
{
	for (int i = 0; i < out->n_fields; i++)
		if (strcmp(out->fields[i].name, "throttleTimeMs") == 0 && out->fields[i].kind == FIELD_INT32)
			return (int16_t)out->fields[i].offset;
	return -1;
}

static struct quota_windows windows_of(const struct config *config, enum config_id num, enum config_id seconds)
{
	return (struct quota_windows){config_int(config, num), (int64_t)config_int(config, seconds) * 1000};
}

struct throttle *throttle_new(struct env *env, const struct config *config)
{
	struct throttle *t = xcalloc(1, sizeof(*t));
	const struct api *api;

	t->env = env;
	t->windows = windows_of(config, CONFIG_QUOTA_WINDOW_NUM, CONFIG_QUOTA_WINDOW_SIZE_SECONDS);
	t->controller_windows =
		windows_of(config, CONFIG_CONTROLLER_QUOTA_WINDOW_NUM, CONFIG_CONTROLLER_QUOTA_WINDOW_SIZE_SECONDS);
	/* Kafka's metrics.num.samples and metrics.sample.window.ms */
	t->plain_windows = (struct quota_windows){2, 30 * 1000};
	for (int i = 0; i < API_KEYS_MAX; i++)
		t->field[i] = -1;
	for (int i = 0; (api = api_row(i)); i++)
		t->field[api->key] = field_of(api->out);
	for (int i = 0; i < SHARDS; i++) {
		mutex_init(&t->shards[i].lock);
		map_init(&t->shards[i].sensors, env_random_u64(env));
		list_init(&t->shards[i].recent);
	}
	mutex_init(&t->exempt_lock);
	map_init(&t->addresses, env_random_u64(env));
	t->any_address = IMAGE_QUOTA_NONE;
	t->addresses_offset = -1;
	return t;
}

static void sensor_free(struct shard *s, struct sensor *x)
{
	map_remove(&s->sensors, &x->node);
	list_remove(&x->recent);
	s->bytes -= (int64_t)x->bytes;
	quota_rate_fini(&x->rate);
	quota_rate_fini(&x->waits);
	xfree(x);
}

static void forget_addresses(struct throttle *t);

void throttle_free(struct throttle *t)
{
	for (int i = 0; t && i < SHARDS; i++) {
		struct shard *s = &t->shards[i];

		list_each_safe(it, &s->recent) sensor_free(s, container_of(it, struct sensor, recent));
		map_fini(&s->sensors);
		mutex_fini(&s->lock);
	}
	if (t) {
		forget_addresses(t);
		map_fini(&t->addresses);
		quota_rate_fini(&t->exempt);
		mutex_fini(&t->exempt_lock);
	}
	xfree(t);
}

/* ---- sensors; the lock of their shard is held ---- */

struct sensor_key {
	enum image_quota quota;
	struct image_quota_tags tags;
	bool shared;
};

static bool sensor_is(const struct map_node *node, const void *key)
{
	const struct sensor *x = container_of(node, struct sensor, node);
	const struct sensor_key *k = key;

	return x->quota == k->quota && x->shared == k->shared && str_eq(x->tags.client_id, k->tags.client_id) &&
	       str_eq(x->tags.user, k->tags.user);
}

static struct sensor *sensor_new(const struct sensor_key *k)
{
	size_t user = (size_t)k->tags.user.len, client = (size_t)k->tags.client_id.len;
	struct sensor *x = xcalloc(1, sizeof(*x) + user + client);
	char *text = (char *)(x + 1);

	memcpy(text, k->tags.user.p, user);
	memcpy(text + user, k->tags.client_id.p, client);
	x->quota = k->quota;
	x->tags = (struct image_quota_tags){{text, (int32_t)user}, {text + user, (int32_t)client}};
	x->shared = k->shared;
	x->offset = -1;
	x->bytes = sizeof(*x) + user + client;
	return x;
}

/* How long a recorded sample still counts against its client. */
static int64_t span_ms(const struct throttle *t)
{
	int64_t clients = t->windows.samples * t->windows.window_ms;
	int64_t controllers = t->controller_windows.samples * t->controller_windows.window_ms;

	return clients > controllers ? clients : controllers;
}

/*
 * Frees sensors that have not been used for long, and the oldest while there are too many; but none
 * whose usage still counts.
 */
static void make_room(const struct throttle *t, struct shard *s, int64_t now_ms)
{
	int64_t span = span_ms(t);

	while (!list_empty(&s->recent)) {
		struct sensor *oldest = container_of(s->recent.next, struct sensor, recent);
		int64_t silent_ms = now_ms - oldest->used_ms;

		if (silent_ms < EXPIRY_MS && (s->bytes <= THROTTLE_BYTES_MAX / SHARDS || silent_ms <= span))
			return;
		sensor_free(s, oldest);
	}
}

static struct sensor *find_sensor(struct shard *s, uint64_t hash, const struct sensor_key *k)
{
	struct map_node *node = map_find(&s->sensors, hash, sensor_is, k);

	return node ? container_of(node, struct sensor, node) : NULL;
}

/*
 * When there is no room for another name, client ids and addresses, which need no proof, share one
 * sensor per shard for a user, or for all users. A client that invents names so gets little out of
 * it, and displaces no other.
 */
static bool share_sensor(const struct throttle *t, struct shard *s, struct sensor_key *k, int64_t now_ms)
{
	make_room(t, s, now_ms);
	if (s->bytes <= THROTTLE_BYTES_MAX / SHARDS || k->tags.client_id.len == 0)
		return false;
	k->tags.client_id = STR("");
	k->shared = true;
	return true;
}

static struct sensor *sensor_of(const struct throttle *t, struct shard *s, uint64_t hash, struct sensor_key *k,
				int64_t now_ms)
{
	struct sensor *x = find_sensor(s, hash, k);

	if (!x && share_sensor(t, s, k, now_ms)) {
		hash = hash_bytes(t->shards[0].sensors.seed + (uint64_t)k->quota, k->tags.user.p,
				  (size_t)k->tags.user.len);
		x = find_sensor(s, hash, k);
	}
	if (!x) {
		x = sensor_new(k);
		map_insert(&s->sensors, &x->node, hash);
		s->bytes += (int64_t)x->bytes;
	} else {
		list_remove(&x->recent);
	}
	list_push(&s->recent, &x->recent);
	x->used_ms = now_ms;
	return x;
}

static void set_bound(struct sensor *x, const struct image *image, const struct image_quota_tags *tags)
{
	if (x->shared || x->offset < image_quotas_offset(image)) {
		x->bound = image_quota_limit(image, x->quota, tags);
		if (x->shared && x->bound < IMAGE_QUOTA_NONE)
			x->bound /= SHARDS;
		x->offset = image_quotas_offset(image);
	}
}

/* The memory of its samples is only known once they exist. */
static void update_bytes(struct shard *s, struct sensor *x)
{
	size_t bytes = sizeof(*x) + (size_t)x->tags.user.len + (size_t)x->tags.client_id.len +
		       quota_rate_bytes(&x->rate) + quota_rate_bytes(&x->waits);

	s->bytes += (int64_t)bytes - (int64_t)x->bytes;
	x->bytes = bytes;
}

/* ---- counting ---- */

static struct shard *shard_of(struct throttle *t, const struct sensor_key *k, uint64_t *hash)
{
	uint64_t h =
		hash_bytes(t->shards[0].sensors.seed + (uint64_t)k->quota, k->tags.user.p, (size_t)k->tags.user.len);

	*hash = hash_bytes(h, k->tags.client_id.p, (size_t)k->tags.client_id.len);
	return &t->shards[*hash >> 60];
}

/* A client's usage of a quota. */
struct use {
	struct throttle *throttle;
	const struct image *image;
	enum image_quota quota;
	struct str user;
	struct str client_id;
	int64_t now_ms;
};

/* Calls with_sensor under the lock; 0 where the quota is not set for anyone. */
static int32_t use_sensor(const struct use *u, int32_t (*with_sensor)(const struct use *, struct sensor *, double),
			  double value)
{
	struct sensor_key k = {.quota = u->quota};
	struct image_quota_tags tags;
	struct sensor *x;
	struct shard *s;
	uint64_t hash;
	int32_t ms;

	if (image_quota_levels(u->image, u->quota) == 0)
		return 0;
	image_quota_tags(u->image, u->quota, u->user, u->client_id, &k.tags);
	tags = k.tags;
	s = shard_of(u->throttle, &k, &hash);
	mutex_lock(&s->lock);
	x = sensor_of(u->throttle, s, hash, &k, u->now_ms);
	set_bound(x, u->image, &tags);
	ms = with_sensor(u, x, value);
	update_bytes(s, x);
	mutex_unlock(&s->lock);
	return ms;
}

static int32_t count_use(const struct use *u, struct sensor *x, double value)
{
	const struct quota_windows *w = &u->throttle->windows;
	double rate, window_ms;
	int32_t ms;

	quota_rate_record(&x->rate, w, value, u->now_ms);
	rate = quota_rate_measure(&x->rate, w, u->now_ms, &window_ms);
	ms = quota_throttle_ms(rate, x->bound, window_ms);
	return u->quota == IMAGE_QUOTA_REQUEST && ms > w->window_ms ? (int32_t)w->window_ms : ms;
}

static int32_t count_back(const struct use *u, struct sensor *x, double value)
{
	quota_rate_record(&x->rate, &u->throttle->windows, -value, u->now_ms);
	return 0;
}

static int32_t count_wait(const struct use *u, struct sensor *x, double value)
{
	quota_rate_record(&x->waits, &u->throttle->plain_windows, value, u->now_ms);
	return 0;
}

static int32_t most_in_windows(const struct use *u, struct sensor *x, double value)
{
	double most = x->bound * (u->throttle->windows.samples - 1) * ((double)u->throttle->windows.window_ms / 1000);

	(void)value;
	return most < INT32_MAX ? (int32_t)most : INT32_MAX;
}

/* ---- requests ---- */

static struct use use_of(struct request *r, enum image_quota quota)
{
	return (struct use){
		.throttle = r->node->throttle,
		.image = r->image,
		.quota = quota,
		.user = request_identity(r)->principal.name,
		.client_id = r->client_id,
		.now_ms = env_mono_ms(r->core->loop->env),
	};
}

bool throttle_is_idle(const struct request *r)
{
	return r->throttle_ms == 0 && (!r->image || !image_has_quotas(r->image));
}

/* A client that merely claims to be a node is held to its quotas (KafkaApis.handleError). */
static bool is_between_nodes(const struct request *r)
{
	if (r->refused)
		return false;
	return r->exempt || (r->api->flags & API_CLUSTER_ACTION) || r->api->acl_operation == ACL_CLUSTER_ACTION ||
	       (r->from_controller && r->api->key == fetch_request_KEY);
}

static double percent_of_time(const struct request *r)
{
	int64_t ns = r->handled_ns ? r->handled_ns : env_mono_ns(r->core->loop->env) - r->began_ns;

	return (double)ns * PERCENT_PER_NS;
}

static void charge_quota(struct request *r, enum image_quota quota, double value)
{
	struct use u = use_of(r, quota);
	int32_t ms = use_sensor(&u, count_use, value);

	if (ms > r->throttle_ms) {
		r->throttle_ms = ms;
		r->throttled_by = quota;
	}
}

static void charge_produced(struct request *r)
{
	if (r->image && r->api->key == produce_request_KEY)
		charge_quota(r, IMAGE_QUOTA_PRODUCE, (double)r->frame.len);
}

static void charge_exempt(struct request *r)
{
	struct throttle *t = r->node->throttle;

	if (!r->image || image_quota_levels(r->image, IMAGE_QUOTA_REQUEST) == 0)
		return;
	mutex_lock(&t->exempt_lock);
	quota_rate_record(&t->exempt, &t->plain_windows, percent_of_time(r), env_mono_ms(t->env));
	mutex_unlock(&t->exempt_lock);
}

/* For an Envelope, the client is muted by the broker that wrapped it. */
static void mute_client(struct request *r)
{
	struct use u;

	if (r->throttle_ms == 0 || r->envelope || !r->conn)
		return;
	if (r->image && r->throttled_by != THROTTLED_BY_CAPACITY) {
		u = use_of(r, r->throttled_by);
		use_sensor(&u, count_wait, r->throttle_ms);
	}
	conn_mute(r->conn, r->throttle_ms);
}

int32_t *throttle_field(const struct throttle *t, int16_t key, void *out)
{
	return t->field[key] >= 0 ? (int32_t *)((char *)out + t->field[key]) : NULL;
}

void throttle_decided(struct request *r, const void *out)
{
	const int32_t *ms = throttle_field(r->node->throttle, r->api->key, (void *)out);

	if (ms && *ms > r->throttle_ms) {
		r->throttle_ms = *ms;
		r->throttled_by = IMAGE_QUOTA_MUTATION;
	}
}

void throttle_answer(struct request *r)
{
	int32_t *field = throttle_field(r->node->throttle, r->api->key, r->out);

	if (is_between_nodes(r)) {
		charge_exempt(r);
		return;
	}
	if (!r->charged && r->image) {
		charge_produced(r);
		charge_quota(r, IMAGE_QUOTA_REQUEST, percent_of_time(r));
	}
	if (r->throttle_ms > 0 && field)
		*field = r->throttle_ms;
	mute_client(r);
}

void throttle_at_least(struct request *r, int32_t ms)
{
	if (ms <= r->throttle_ms)
		return;
	r->throttle_ms = ms;
	r->throttled_by = THROTTLED_BY_CAPACITY;
}

void throttle_hang_up(struct request *r)
{
	charge_produced(r);
}

void throttle_silent(struct request *r)
{
	charge_produced(r);
	charge_exempt(r);
	mute_client(r);
}

bool throttle_fetch(struct request *r, int64_t bytes)
{
	struct use u = use_of(r, IMAGE_QUOTA_FETCH);

	charge_quota(r, IMAGE_QUOTA_REQUEST, percent_of_time(r));
	charge_quota(r, IMAGE_QUOTA_FETCH, (double)bytes);
	r->charged = true;
	if (r->throttle_ms > 0)
		use_sensor(&u, count_back, (double)bytes);
	return r->throttle_ms > 0;
}

int32_t throttle_fetch_max(struct request *r, int32_t max_bytes)
{
	struct use u = use_of(r, IMAGE_QUOTA_FETCH);
	int32_t most = image_quota_levels(r->image, IMAGE_QUOTA_FETCH) ? use_sensor(&u, most_in_windows, 0) : INT32_MAX;

	return most < max_bytes ? most : max_bytes;
}

/* ---- connections ---- */

static uint64_t addr_hash(const struct throttle *t, const struct addr *a)
{
	return hash_bytes(t->addresses.seed, a->ip, a->v6 ? 16 : 4);
}

static bool address_is(const struct map_node *node, const void *key)
{
	const struct address *x = container_of(node, struct address, node);
	const struct addr *a = key;

	return x->addr.v6 == a->v6 && memcmp(x->addr.ip, a->ip, a->v6 ? 16 : 4) == 0;
}

static void forget_addresses(struct throttle *t)
{
	map_each(it, &t->addresses)
	{
		map_remove(&t->addresses, it);
		xfree(container_of(it, struct address, node));
	}
	t->any_address = IMAGE_QUOTA_NONE;
}

static void add_address(void *arg, struct str ip, double value)
{
	struct throttle *t = arg;
	char text[ADDR_TEXT_MAX];
	struct address *x;
	struct addr addr;

	if (str_is_null(ip)) {
		t->any_address = value;
		return;
	}
	if (ip.len >= (int32_t)sizeof(text))
		return;
	memcpy(text, ip.p, (size_t)ip.len);
	text[ip.len] = 0;
	if (!addr_parse(text, 0, &addr) || map_find(&t->addresses, addr_hash(t, &addr), address_is, &addr))
		return;
	x = xcalloc(1, sizeof(*x));
	x->addr = addr;
	x->bound = value;
	map_insert(&t->addresses, &x->node, addr_hash(t, &addr));
}

void throttle_follow(struct throttle *t, const struct image *image)
{
	if (t->addresses_offset == image_quotas_offset(image))
		return;
	t->addresses_offset = image_quotas_offset(image);
	forget_addresses(t);
	image_each_address(image, add_address, t);
}

/* As for clients, except that what is refused is not counted. */
static int64_t count_connection(struct throttle *t, struct sensor *x, int64_t now_ms)
{
	double rate, window_ms;
	int64_t ms;

	quota_rate_record(&x->rate, &t->windows, 1, now_ms);
	rate = quota_rate_measure(&x->rate, &t->windows, now_ms, &window_ms);
	ms = quota_throttle_ms(rate, x->bound, window_ms);
	if (ms > 0)
		quota_rate_record(&x->rate, &t->windows, -1, now_ms);
	return ms < t->windows.window_ms ? ms : t->windows.window_ms;
}

int64_t throttle_connection(struct throttle *t, const struct addr *from)
{
	struct map_node *node = map_find(&t->addresses, addr_hash(t, from), address_is, from);
	double bound = node ? container_of(node, struct address, node)->bound : t->any_address;
	struct sensor_key k = {.quota = IMAGE_QUOTA_CONNECTION, .tags.user = STR("")};
	int64_t now_ms, ms;
	char text[ADDR_TEXT_MAX];
	struct sensor *x;
	struct shard *s;
	uint64_t hash;

	if (bound == IMAGE_QUOTA_NONE)
		return 0;
	k.tags.client_id = str_of(addr_text(from, text));
	now_ms = env_mono_ms(t->env);
	s = shard_of(t, &k, &hash);
	mutex_lock(&s->lock);
	x = sensor_of(t, s, hash, &k, now_ms);
	x->bound = bound;
	ms = count_connection(t, x, now_ms);
	update_bytes(s, x);
	mutex_unlock(&s->lock);
	return ms;
}

/* ---- changes of partitions ---- */

/* Strict: checked before, and not counted if refused. Otherwise: checked after counting. */
static int32_t take_mutations(const struct use *u, struct sensor *x, double n)
{
	const struct quota_windows *w = &u->throttle->controller_windows;

	quota_bucket_take(&x->bucket, w, x->bound, n, u->now_ms);
	quota_rate_record(&x->rate, &u->throttle->plain_windows, n, u->now_ms);
	return quota_bucket_throttle_ms(x->bucket.tokens, x->bound);
}

static int32_t take_strictly(const struct use *u, struct sensor *x, double n)
{
	double tokens = quota_bucket_measure(&x->bucket, &u->throttle->controller_windows, x->bound, u->now_ms);

	if (tokens < 0)
		return quota_bucket_throttle_ms(tokens, x->bound);
	take_mutations(u, x, n);
	return 0;
}

bool mutations_take(struct mutations *m, int n)
{
	struct use u = {.throttle = m->throttle,
			.image = m->image,
			.quota = IMAGE_QUOTA_MUTATION,
			.user = m->user,
			.client_id = m->client_id};
	int32_t ms;

	if (!m->throttle || image_quota_levels(m->image, IMAGE_QUOTA_MUTATION) == 0)
		return true;
	u.now_ms = env_mono_ms(m->throttle->env);
	ms = use_sensor(&u, m->strict ? take_strictly : take_mutations, n);
	if (ms > 0)
		m->throttle_ms = ms;
	return !m->strict || ms == 0;
}

/* ---- numbers ---- */

static struct throttle_number number_of(const struct throttle *t, struct sensor *x, int64_t now_ms)
{
	bool mutation = x->quota == IMAGE_QUOTA_MUTATION;

	return (struct throttle_number){
		.quota = x->quota,
		.tags = x->tags,
		.rate = quota_rate_measure(&x->rate, mutation ? &t->plain_windows : &t->windows, now_ms, NULL),
		.tokens = mutation ? quota_bucket_measure(&x->bucket, &t->controller_windows, x->bound, now_ms) : 0,
		.throttle_ms = quota_rate_average(&x->waits, &t->plain_windows, now_ms),
	};
}

void throttle_numbers(struct throttle *t, void (*each)(void *arg, const struct throttle_number *n), void *arg)
{
	int64_t now_ms = env_mono_ms(t->env);

	for (int i = 0; i < SHARDS; i++) {
		struct shard *s = &t->shards[i];
		int left = THROTTLE_PRINTED_MAX / SHARDS;

		mutex_lock(&s->lock);
		make_room(t, s, now_ms);
		for (struct list *it = s->recent.prev; it != &s->recent && left > 0; it = it->prev, left--) {
			struct throttle_number n = number_of(t, container_of(it, struct sensor, recent), now_ms);

			each(arg, &n);
		}
		mutex_unlock(&s->lock);
	}
}

double throttle_exempt_rate(struct throttle *t)
{
	double rate;

	mutex_lock(&t->exempt_lock);
	rate = quota_rate_measure(&t->exempt, &t->plain_windows, env_mono_ms(t->env), NULL);
	mutex_unlock(&t->exempt_lock);
	return rate;
}

int64_t throttle_bytes(const struct throttle *t)
{
	int64_t bytes = 0;

	for (int i = 0; i < SHARDS; i++)
		bytes += __atomic_load_n(&t->shards[i].bytes, __ATOMIC_RELAXED);
	return bytes;
}
