/*
 * format: writes meta.properties and the bootstrap snapshot.
 */
#include "broker/format.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "broker/snapshot.h"
#include "config/config.h"
#include "controller/controller.h"
#include "env/env.h"
#include "log/dir.h"
#include "protocol/metadata_records.h"

#define ARENA (1 << 20)

struct uuid format_directory_id(struct env *env)
{
	char text[UUID_TEXT_LEN + 1];
	struct uuid id;

	/* Names of directories are made from it, so it must not contain a dash. */
	do {
		id = env_random_uuid(env);
	} while (strchr(uuid_text(id, text), '-'));
	return id;
}

void format_own_voter(const struct format_options *o, struct uuid directory, struct arena *a, struct raft_voter *out)
{
	const struct config_network *network = config_network(o->config);
	int n = network->n_controller_advertised;

	*out = (struct raft_voter){
		.id = config_int(o->config, CONFIG_NODE_ID),
		.directory_id = directory,
		.endpoints = arena_array(a, (size_t)n, sizeof(*out->endpoints)),
		.n_endpoints = n > 0 ? 1 : 0, /* the first one stands for all, until the leader writes its own */
		.kraft_version_min = 0,
		.kraft_version_max = 1,
	};
	if (n == 0)
		return;
	out->endpoints[0] = (struct raft_endpoint){
		network->controller_advertised[0].name,
		network->controller_advertised[0].host,
		(uint16_t)network->controller_advertised[0].port,
	};
	if (str_is_null(out->endpoints[0].host) || out->endpoints[0].host.len == 0)
		out->endpoints[0].host = STR("localhost");
}

/* ---- the bootstrap snapshot ---- */

static int each_record(void *arg, int (*each)(void *arg, const struct metadata_record *r), void *each_arg)
{
	const struct record_list *records = arg;
	int err = 0;

	for (int i = 0; err == 0 && i < records->n; i++)
		err = each(each_arg, &records->v[i]);
	return err;
}

static int write_bootstrap(const struct format_options *o, const struct format_plan *plan)
{
	char *dir = xasprintf("%s/__cluster_metadata-0", log_dir_path(o->metadata_dir));
	struct snapshot s = {
		.env = o->env,
		.dir = dir,
		.id = {0, 0},
		.wall_ms = env_wall_ms(o->env),
		.last_timestamp_ms = env_wall_ms(o->env),
		.kraft_version = plan->kraft_version,
		.voters = plan->voters,
		.records = each_record,
		.arg = (void *)plan->records,
	};
	int64_t size;
	int err = env_mkdir_all(o->env, dir);

	if (err == 0)
		err = snapshot_write(&s, &size);
	xfree(dir);
	return err;
}

int format_write(const struct format_options *o, const struct format_plan *plan)
{
	int err = 0;

	for (int i = 0; err == 0 && i < o->n_dirs; i++) {
		struct meta_properties m = {.version = 1, .node_id = plan->node_id};
		bool is_metadata = o->dirs[i] == o->metadata_dir;

		if (log_dir_is_formatted(o->dirs[i]))
			continue;
		check(plan->cluster_id.len < (int32_t)sizeof(m.cluster_id));
		memcpy(m.cluster_id, plan->cluster_id.p, (size_t)plan->cluster_id.len);
		m.directory_id = is_metadata && !uuid_is_zero(plan->metadata_directory) ? plan->metadata_directory
											: format_directory_id(o->env);
		if (is_metadata && plan->with_bootstrap)
			err = write_bootstrap(o, plan);
		if (err == 0)
			err = log_dir_format(o->dirs[i], &m);
	}
	return err;
}

/* ---- a cluster of one node ---- */

/* Kafka's order: metadata.version, then the others by name; level 0 has no record. */
void format_own_records(struct record_list *records)
{
	for (int pass = 0; pass < 2; pass++) {
		for (const struct controller_feature *f = CONTROLLER_FEATURES; f->name; f++) {
			bool is_metadata = strcmp(f->name, "metadata.version") == 0;
			struct feature_level_record *r;

			if (is_metadata != (pass == 0) || f->own_max == 0 || strcmp(f->name, "kraft.version") == 0)
				continue;
			r = record_list_add(records, RECORD_FEATURE_LEVEL, 0);
			check(r);
			r->name = str_of(f->name);
			r->feature_level = f->own_max;
		}
	}
}

int format_own(const struct format_options *o)
{
	char cluster_id[UUID_TEXT_LEN + 1];
	struct arena a;
	struct record_list records;
	struct raft_voter own;
	struct raft_voters voters = {&own, 1};
	struct uuid directory = format_directory_id(o->env);
	struct format_plan plan = {
		.node_id = config_int(o->config, CONFIG_NODE_ID),
		.with_bootstrap = config_is_controller(o->config),
		.records = &records,
		.kraft_version = config_network(o->config)->n_voters == 0,
		.voters = &voters,
		.metadata_directory = directory,
	};
	int err;

	arena_init(&a, ARENA);
	record_list_init(&records, &a);
	format_own_records(&records);
	format_own_voter(o, directory, &a, &own);
	plan.cluster_id = str_of(uuid_text(env_random_uuid(o->env), cluster_id));
	err = format_write(o, &plan);
	arena_fini(&a);
	return err;
}
