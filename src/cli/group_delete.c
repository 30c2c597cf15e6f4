/* group_delete: DeleteGroups and OffsetDelete, and printing their results. */
#include "cli/group_delete.h"

#include <stdlib.h>
#include <string.h>

#include "cli/group_reset.h"
#include "protocol/delete_groups.h"
#include "protocol/offset_delete.h"

/* ---- --delete ---- */

static int delete_one(struct tool *t, struct str id)
{
	struct delete_groups_request r = {.groups_names = {&id, 1}};
	const struct delete_groups_response *d;
	const void *response;
	int err;
	int32_t coordinator = tool_coordinator(t, 0, tool_string(t, id), &err);

	if (err == 0)
		err = tool_ask(t, coordinator, delete_groups_request_KEY, &r, &response);
	if (err != 0)
		return err;
	d = response;
	t->message = d->results.n == 1 ? d->results.v[0].error_message : STR_NULL;
	return d->results.n == 1 ? d->results.v[0].error_code : ERR_UNKNOWN_SERVER_ERROR;
}

static void print_deleted(const struct str *ids, const int *errs, int n)
{
	const char *separator = "";

	for (int i = 0; i < n; i++) {
		if (errs[i])
			continue;
		printf("%s'%.*s'", separator, STR_ARG(ids[i]));
		separator = ", ";
	}
}

int groups_delete(struct tool *t, const struct str *ids, int n)
{
	int failed = 0;
	int *errs = arena_array(&t->arena, (size_t)n + 1, sizeof(*errs));
	struct str *messages = arena_array(&t->arena, (size_t)n + 1, sizeof(*messages));
	char name[96];

	for (int i = 0; i < n; i++) {
		errs[i] = delete_one(t, ids[i]);
		messages[i] = tool_error_text(t, errs[i] ? errs[i] : ERR_NONE, errs[i] ? t->message : STR(""));
		failed += errs[i] != 0;
	}
	t->out = json_array();
	for (int i = 0; i < n && t->json; i++)
		json_array_append_new(t->out, json_pack("{s:o,s:o}", "group", json_str(ids[i]), "error",
							errs[i] ? json_str(messages[i]) : json_null()));
	if (t->json)
		return EXIT_FINE;
	if (failed == 0) {
		printf("Deletion of requested consumer groups (");
		print_deleted(ids, errs, n);
		printf(") was successful.\n");
		return EXIT_FINE;
	}
	printf("\nError: Deletion of some consumer groups failed:\n");
	for (int i = 0; i < n; i++)
		if (errs[i])
			printf("* Group '%.*s' could not be deleted due to: org.apache.kafka.common.errors.%s: %.*s\n",
			       STR_ARG(ids[i]), tool_exception(errs[i], name), STR_ARG(messages[i]));
	if (failed < n) {
		printf("\nThese consumer groups were deleted successfully: ");
		print_deleted(ids, errs, n);
		putchar('\n');
	}
	return EXIT_FINE;
}

/* ---- --delete-offsets ---- */

/* Asks for the partitions that exist; the others have their errors already. */
static int ask_delete(struct tool *t, struct partition *v, int n)
{
	struct offset_delete_request r = {.group_id = str_of(tool_value(t, "group"))};
	const struct offset_delete_response *d;
	const void *response;
	int err;
	int32_t coordinator = tool_coordinator(t, 0, tool_value(t, "group"), &err);

	r.topics.v = arena_array(&t->arena, (size_t)n + 1, sizeof(*r.topics.v));
	for (int i = 0; i < n; i++) {
		struct offset_delete_request_topic *topic = &r.topics.v[r.topics.n - 1];

		if (v[i].partition < 0)
			continue;
		if (r.topics.n == 0 || !str_eq(v[i].topic, topic->name)) {
			topic = &r.topics.v[r.topics.n++];
			topic->name = v[i].topic;
			topic->partitions.v = arena_array(&t->arena, (size_t)(n - i), sizeof(*topic->partitions.v));
		}
		topic->partitions.v[topic->partitions.n++].partition_index = v[i].partition;
	}
	if (err == 0)
		err = tool_ask(t, coordinator, offset_delete_request_KEY, &r, &response);
	for (int i = 0; i < n; i++)
		v[i].err = v[i].partition < 0 ? v[i].err : err;
	if (err != 0)
		return err;
	d = response;
	for (int32_t i = 0; i < d->topics.n; i++)
		for (int32_t k = 0; k < d->topics.v[i].partitions.n; k++) {
			struct partition key = {.topic = d->topics.v[i].name,
						.partition = d->topics.v[i].partitions.v[k].partition_index};
			struct partition *p = bsearch(&key, v, (size_t)n, sizeof(*v), partition_compare);

			if (p)
				p->err = d->topics.v[i].partitions.v[k].error_code;
		}
	return 0;
}

static void print_outcome(struct tool *t, int err)
{
	switch (err) {
	case 0:
		printf("Request succeeded for deleting offsets from group %s.\n", tool_value(t, "group"));
		break;
	case ERR_INVALID_GROUP_ID:
	case ERR_GROUP_ID_NOT_FOUND:
	case ERR_GROUP_AUTHORIZATION_FAILED:
	case ERR_NON_EMPTY_GROUP:
		printf("\nError: %s\n", err_message(err));
		break;
	case ERR_GROUP_SUBSCRIBED_TO_TOPIC:
	case ERR_TOPIC_AUTHORIZATION_FAILED:
	case ERR_UNKNOWN_TOPIC_OR_PARTITION:
		printf("\nError: Encountered some partition-level error, see the follow-up details.\n");
		break;
	default:
		printf("\nError: Encountered some unknown error: %s\n", err_name(err));
	}
}

/* Kafka's order: compares the topic followed by the partition number, as text. */
static int by_text(const void *a, const void *b)
{
	const struct partition *x = a, *y = b;
	char of_x[320], of_y[320];

	snprintf(of_x, sizeof(of_x), "%.*s%d", STR_ARG(x->topic), x->partition);
	snprintf(of_y, sizeof(of_y), "%.*s%d", STR_ARG(y->topic), y->partition);
	return strcmp(of_x, of_y);
}

/* Removes duplicates from the sorted list; returns how many partitions are left. */
static int each_once(struct partition *v, int n)
{
	int kept = 0;

	for (int i = 0; i < n; i++)
		if (kept == 0 || partition_compare(&v[kept - 1], &v[i]) != 0)
			v[kept++] = v[i];
	return kept;
}

static void print_partitions(struct tool *t, struct partition *v, int n)
{
	int width = 15;
	char name[96];

	for (int i = 0; i < n; i++)
		width = v[i].topic.len > width ? v[i].topic.len : width;
	if (n > 0)
		qsort(v, (size_t)n, sizeof(*v), by_text);
	printf("\n%-*s %-10s %-15s", width, "TOPIC", "PARTITION", "STATUS");
	for (int i = 0; i < n; i++) {
		printf("\n%-*.*s %-10s ", width, STR_ARG(v[i].topic),
		       v[i].partition < 0 ? "-" : tool_string(t, arena_printf(&t->arena, "%d", v[i].partition)));
		if (v[i].err)
			printf("Error: org.apache.kafka.common.errors.%s: %.*s", tool_exception(v[i].err, name),
			       STR_ARG(tool_error_text(t, v[i].err, STR_NULL)));
		else
			printf("%-15s", "Successful");
	}
	putchar('\n');
}

int group_delete_offsets(struct tool *t)
{
	int n, err;
	struct partition *v = topic_arguments(t, true, &n);

	n = each_once(v, n);
	err = ask_delete(t, v, n);
	for (int i = 0; i < n; i++)
		err = err || v[i].partition < 0 ? err : v[i].err;
	t->out = json_array();
	for (int i = 0; i < n && t->json; i++)
		json_array_append_new(t->out,
				      json_pack("{s:o,s:i,s:s?}", "topic", json_str(v[i].topic), "partition",
						(int)v[i].partition, "error", v[i].err ? err_name(v[i].err) : NULL));
	if (t->json)
		return EXIT_FINE;
	print_outcome(t, err);
	print_partitions(t, v, n);
	return EXIT_FINE;
}
