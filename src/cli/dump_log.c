/* dump-log: prints segments, indexes and snapshots as kafka-dump-log does. */
#include "cli/dump_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "cli/command.h"
#include "env/real/real.h"

extern const struct command command_dump_log;

enum { RECORD_ARENA = 256 << 20 };

static const struct {
	const char *suffix;
	int (*dump)(struct dump *d, const char *path);
} KINDS[] = {
	{".log", dump_batches},
	{".checkpoint", dump_batches},
	{".set-aside", dump_batches},
	{".index", dump_offset_index},
	{".timeindex", dump_time_index},
	{".txnindex", dump_txn_index},
	{".snapshot", dump_producer_snapshot},
};

int64_t dump_base_offset(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strtoll(slash ? slash + 1 : path, NULL, 10);
}

static int dump_file(struct dump *d, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *dot = strrchr(slash ? slash : path, '.');

	printf("Dumping %s\n", path);
	for (size_t i = 0; dot && i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
		if (strcmp(dot, KINDS[i].suffix) != 0)
			continue;
		int err = KINDS[i].dump(d, path);
		if (err)
			fprintf(stderr, "odradek dump-log: %s: %s\n", path, err_name(err));
		return err;
	}
	fprintf(stderr, "Ignoring unknown file %s\n", path);
	return 0;
}

/* The files are one list with commas, as kafka-dump-log takes them. */
static int dump_files(struct dump *d, const char *files)
{
	char *list = xstrdup(files);
	char *rest = list;
	int failed = 0;

	for (char *path = strtok_r(rest, ", ", &rest); path; path = strtok_r(NULL, ", ", &rest))
		failed |= dump_file(d, path) != 0;
	xfree(list);
	return failed ? EXIT_STORAGE : EXIT_FINE;
}

/* ---- arguments ---- */

struct flag {
	const char *name;
	size_t at; /* of a bool in dump_options */
};

#define FLAG(text, member)                                                                                             \
	{                                                                                                              \
		"--" text, offsetof(struct dump_options, member)                                                       \
	}

static const struct flag FLAGS[] = {
	FLAG("print-data-log", print_data),
	FLAG("deep-iteration", deep),
	FLAG("verify-index-only", verify_only),
	FLAG("index-sanity-check", index_sanity),
	FLAG("skip-record-metadata", skip_record_metadata),
	FLAG("cluster-metadata-decoder", cluster_metadata),
	FLAG("offsets-decoder", offsets),
	FLAG("transaction-log-decoder", transaction_log),
	FLAG("share-group-state-decoder", share_state),
};

/* Kafka's flags for what is not served yet, or lives in Java classes. */
static const char *const REFUSED[] = {
	"--remote-log-metadata-decoder",
	"--value-decoder-class",
	"--key-decoder-class",
};

static bool set_flag(struct dump_options *o, const char *arg)
{
	for (size_t i = 0; i < sizeof(FLAGS) / sizeof(FLAGS[0]); i++) {
		if (strcmp(arg, FLAGS[i].name) != 0)
			continue;
		*(bool *)((char *)o + FLAGS[i].at) = true;
		return true;
	}
	return false;
}

static bool is_refused(const char *arg)
{
	for (size_t i = 0; i < sizeof(REFUSED) / sizeof(REFUSED[0]); i++)
		if (strcmp(arg, REFUSED[i]) == 0)
			return true;
	return false;
}

/* "--name value" or "--name=value"; NULL when arg is another. */
static const char *value_of(const char *name, int argc, char **argv, int *i)
{
	size_t len = strlen(name);

	if (strncmp(argv[*i], name, len) != 0)
		return NULL;
	if (argv[*i][len] == '=')
		return argv[*i] + len + 1;
	return argv[*i][len] == '\0' && *i + 1 < argc ? argv[++*i] : NULL;
}

static int read_arguments(int argc, char **argv, struct dump_options *o, const char **files)
{
	const char *value;

	o->max_bytes = INT64_MAX;
	for (int i = 1; i < argc; i++) {
		if (set_flag(o, argv[i]))
			continue;
		if (is_refused(argv[i]))
			return command_misused(&command_dump_log, "not served here yet: %s", argv[i]);
		if ((value = value_of("--files", argc, argv, &i)))
			*files = value;
		else if ((value = value_of("--max-bytes", argc, argv, &i)))
			o->max_bytes = strtoll(value, NULL, 10);
		else if (!(value = value_of("--max-message-size", argc, argv, &i))) /* any size is read here */
			return command_misused(&command_dump_log, "unexpected argument: %s", argv[i]);
	}
	/* As Kafka has it: what prints records looks into batches. */
	o->print_data = o->print_data || o->cluster_metadata || o->offsets || o->transaction_log || o->share_state ||
			o->skip_record_metadata;
	o->deep = o->deep || o->print_data;
	return *files ? EXIT_FINE : command_misused(&command_dump_log, "--files is missing");
}

static int run(int argc, char **argv)
{
	struct diag diag = {.level = DIAG_ERROR, .wall_ms = real_wall_ms, .write = real_stderr_line};
	struct dump d = {0};
	const char *files = NULL;
	int code = read_arguments(argc, argv, &d.options, &files);

	if (code)
		return code;
	d.env = env_real_new(&diag);
	d.codecs = codecs_new();
	arena_init(&d.arena, RECORD_ARENA);
	code = dump_files(&d, files);
	fflush(stdout);
	fwrite(d.complaints.p, 1, d.complaints.len, stderr);
	buf_fini(&d.complaints);
	arena_fini(&d.arena);
	codecs_free(d.codecs);
	env_real_free(d.env);
	return code;
}

const struct command command_dump_log = {
	.name = "dump-log",
	.summary = "print segments, indexes and snapshots, as kafka-dump-log does",
	.usage =
		"usage: odradek dump-log --files FILE[,FILE]... [OPTION]...\n"
		"\n"
		"Prints .log, .index, .timeindex, .txnindex, .snapshot and .checkpoint files, and what recovery has set aside.\n"
		"\n"
		"  --deep-iteration            look into batches: a line a record\n"
		"  --print-data-log            with keys and values\n"
		"  --skip-record-metadata      only keys and values\n"
		"  --cluster-metadata-decoder  values are records of __cluster_metadata\n"
		"  --offsets-decoder           keys and values are records of __consumer_offsets\n"
		"  --transaction-log-decoder   of __transaction_state\n"
		"  --share-group-state-decoder of __share_group_state\n"
		"  --verify-index-only         hold an index against its log, print no entries\n"
		"  --index-sanity-check        would the index be made anew at the next start?\n"
		"  --max-bytes N               of a .log, from its beginning\n"
		"  --max-message-size N        taken, without effect: batches of any size are read\n",
	.run = run,
};
