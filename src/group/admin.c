/* admin: ListGroups, DescribeGroups and DeleteGroups, for the groups of this shard. */
#include <ctype.h>
#include <string.h>

#include "base/err.h"
#include "group/admin.h"
#include "group/classic.h"
#include "group/offsets.h"
#include "protocol/delete_groups.h"
#include "protocol/describe_groups.h"
#include "protocol/list_groups.h"

#define GROUP_ID_NOT_FOUND_SINCE_DESCRIBE 6

static struct str keep(struct shard_command *c, const char *text)
{
	return arena_str(c->arena, str_of(text));
}

/* ---- ListGroups ---- */

static bool is_same_word(struct str s, const char *word)
{
	if (s.len != (int32_t)strlen(word))
		return false;
	for (int i = 0; i < s.len; i++)
		if (tolower((unsigned char)s.p[i]) != tolower((unsigned char)word[i]))
			return false;
	return true;
}

/*
 * Whether a filter contains a word. Results are remembered: there are few words, but any number of
 * groups and filters.
 */
struct words {
	const struct str *filters;
	int n_filters;
	const char *seen[16]; /* constant strings */
	bool has[16];
	int n;
};

static bool filters_have(const struct words *w, const char *word)
{
	for (int i = 0; i < w->n_filters; i++)
		if (is_same_word(w->filters[i], word))
			return true;
	return w->n_filters <= 0;
}

static bool has_word(struct words *w, const char *word)
{
	bool has;

	for (int i = 0; i < w->n; i++)
		if (w->seen[i] == word)
			return w->has[i];
	has = filters_have(w, word);
	if (w->n < (int)(sizeof(w->seen) / sizeof(*w->seen))) {
		w->seen[w->n] = word;
		w->has[w->n++] = has;
	}
	return has;
}

static struct words words_of(const struct str *filters, int n)
{
	return (struct words){.filters = filters, .n_filters = n};
}

/* NULL: out of memory. */
static struct str *trim_all(struct shard_command *c, const struct str *v, int n)
{
	struct str *out = arena_array(c->arena, (size_t)(n > 0 ? n : 0) + 1, sizeof(*out));

	for (int i = 0; out && i < n; i++)
		out[i] = str_trim(v[i]);
	return out;
}

void list_groups_command(struct group_shard *s, struct shard_command *c, struct shard_step *step)
{
	const struct list_groups_request *in = c->in;
	struct list_groups_response *out = c->out;
	struct str *trimmed = trim_all(c, in->states_filter.v, in->states_filter.n);
	struct words states = words_of(trimmed, in->states_filter.n);
	struct words types = words_of(in->types_filter.v, in->types_filter.n);
	int n = 0;

	if (!trimmed || !GROUP_ARRAY(c, out->groups, (int)s->groups.n)) {
		group_no_memory(c, step);
		return;
	}
	map_each(it, &s->groups)
	{
		const struct group *g = container_of(it, struct group, node);

		if (!has_word(&states, g->kind->state(g)) || !has_word(&types, g->kind->name))
			continue;
		out->groups.v[n++] = (struct list_groups_response_group){
			.group_id = keep(c, g->id),
			.protocol_type = arena_str(c->arena, g->kind->protocol_type(g)),
			.group_state = str_of(g->kind->state(g)),
			.group_type = str_of(g->kind->name),
		};
	}
	out->groups.n = n;
	if (c->arena->failed)
		group_no_memory(c, step);
	else
		shard_answer(step, c);
}

/* ---- DescribeGroups ---- */

static struct bytes keep_bytes(struct shard_command *c, struct bytes b)
{
	struct str copy = arena_str(c->arena, (struct str){b.p ? (const char *)b.p : "", b.len});

	return (struct bytes){(const uint8_t *)copy.p, copy.len};
}

static void describe_classic(const struct classic_group *g, struct shard_command *c,
			     struct describe_groups_response_group *out)
{
	bool stable = g->state == CLASSIC_STABLE;
	int i = 0;

	out->protocol_type = arena_str(c->arena, g->g.kind->protocol_type(&g->g));
	out->protocol_data = stable ? keep(c, g->protocol) : STR("");
	if (!GROUP_ARRAY(c, out->members, g->n_members))
		return;
	list_each(it, &g->members)
	{
		const struct classic_member *m = container_of(it, struct classic_member, link);

		out->members.v[i++] = (struct describe_groups_response_member){
			.member_id = keep(c, m->id),
			.group_instance_id = keep(c, m->instance_id),
			.client_id = keep(c, m->client_id),
			.client_host = keep(c, m->client_host),
			.member_metadata = keep_bytes(c, stable ? classic_metadata(m, g->protocol) : BYTES_NULL),
			.member_assignment = keep_bytes(c, m->assignment),
		};
	}
}

static void describe(const struct group_shard *s, struct shard_command *c, struct str id,
		     struct describe_groups_response_group *out)
{
	struct group *g = group_find(s, id);

	*out = (struct describe_groups_response_group){
		.group_id = id,
		.group_state = STR("Dead"),
		.protocol_type = STR(""),
		.protocol_data = STR(""),
		.authorized_operations = INT32_MIN,
	};
	if (g && group_is_classic(g)) {
		out->group_state = str_of(g->kind->state(g));
		describe_classic(classic_of(g), c, out);
	} else if (c->version >= GROUP_ID_NOT_FOUND_SINCE_DESCRIBE) {
		out->error_code = ERR_GROUP_ID_NOT_FOUND;
		out->error_message = arena_printf(
			c->arena, g ? "Group %.*s is not a classic group." : "Group %.*s not found.", STR_ARG(id));
	}
}

void describe_groups_command(struct group_shard *s, struct shard_command *c, struct shard_step *step)
{
	const struct describe_groups_request *in = c->in;
	struct describe_groups_response *out = c->out;

	if (!GROUP_ARRAY(c, out->groups, in->groups.n)) {
		group_no_memory(c, step);
		return;
	}
	for (int i = 0; i < in->groups.n; i++)
		describe(s, c, in->groups.v[i], &out->groups.v[i]);
	if (c->arena->failed)
		group_no_memory(c, step);
	else
		shard_answer(step, c);
}

/* ---- DeleteGroups ---- */

static int delete_group(struct group_shard *s, struct str id, struct shard_step *step)
{
	struct group *g = group_find(s, id);
	int err = g ? g->kind->may_delete(g) : ERR_GROUP_ID_NOT_FOUND;

	if (err)
		return err;
	offsets_put_all_tombstones(s, id, step);
	g->kind->put_tombstones(s, g, step);
	return 0;
}

void delete_groups_command(struct group_shard *s, struct shard_command *c, struct shard_step *step)
{
	const struct delete_groups_request *in = c->in;
	struct delete_groups_response *out = c->out;

	if (!GROUP_ARRAY(c, out->results, in->groups_names.n)) {
		group_no_memory(c, step);
		return;
	}
	for (int i = 0; i < in->groups_names.n; i++) {
		out->results.v[i].group_id = in->groups_names.v[i];
		out->results.v[i].error_message = STR_NULL;
		out->results.v[i].error_code = (int16_t)delete_group(s, in->groups_names.v[i], step);
	}
	shard_answer(step, c);
}
