/* dump_log: `odradek dump-log`: prints segments, indexes and snapshots as kafka-dump-log does. */
#include "cli/dump_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/release.h"
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

/* The files are a comma-separated list, as in kafka-dump-log. */
static int dump_files(struct dump *d, const char *files)
{
	char *list = xstrdup(files);
	char *rest = list;
	int failed = 0;

	for (char *path = strtok_r(rest, ",", &rest); path; path = strtok_r(NULL, ",", &rest))
		failed |= dump_file(d, path) != 0;
	xfree(list);
	return failed || d->misread ? EXIT_STORAGE : EXIT_FINE;
}

/* ---- arguments ---- */

static const struct {
	const char *name;
	size_t at;	     /* offset of a bool in dump_options */
	bool prints_records; /* prints keys and values, like --print-data-log */
} FLAGS[] = {
	{"print-data-log", offsetof(struct dump_options, print_data), true},
	{"deep-iteration", offsetof(struct dump_options, deep), false},
	{"verify-index-only", offsetof(struct dump_options, verify_only), false},
	{"index-sanity-check", offsetof(struct dump_options, index_sanity), false},
	{"skip-record-metadata", offsetof(struct dump_options, skip_record_metadata), true},
	{"offsets-decoder", offsetof(struct dump_options, offsets), true},
	{"transaction-log-decoder", offsetof(struct dump_options, transaction_log), true},
	{"cluster-metadata-decoder", offsetof(struct dump_options, cluster_metadata), true},
	{"remote-log-metadata-decoder", offsetof(struct dump_options, remote_metadata), true},
	{"share-group-state-decoder", offsetof(struct dump_options, share_state), true},
};

static void read_flags(const struct options *given, struct dump_options *o)
{
	for (size_t i = 0; i < sizeof(FLAGS) / sizeof(FLAGS[0]); i++) {
		if (!options_has(given, FLAGS[i].name))
			continue;
		*(bool *)((char *)o + FLAGS[i].at) = true;
		o->print_data = o->print_data || FLAGS[i].prints_records;
	}
	o->deep = o->deep || o->print_data;
}

/* Without a class the option selects the same decoder as no option. */
static bool read_decoder(const struct options *given, const char *option, struct dump_options *o,
			 enum record_decoder *out)
{
	const char *class = options_value(given, option);

	if (!options_has(given, option))
		return true;
	o->print_data = o->deep = true;
	if (!class || dump_decoder_named(class, out))
		return true;
	command_misused(
		&command_dump_log,
		"--%s: %s is a Java class, not run here; known are StringDecoder, LongDecoder, IntegerDecoder and DefaultDecoder of org.apache.kafka.tools.api",
		option, class);
	return false;
}

static int read_arguments(int argc, char **argv, struct options *given, struct dump_options *o)
{
	const char *max_bytes;
	char *end = NULL;

	if (!options_parse(given, &command_dump_log, argc, argv))
		return EXIT_CONFIG;
	if (!read_decoder(given, "key-decoder-class", o, &o->key) ||
	    !read_decoder(given, "value-decoder-class", o, &o->value))
		return EXIT_CONFIG;
	if (given->n_words > 0)
		return command_misused(&command_dump_log, "unexpected argument: %s", given->words[0]);
	max_bytes = options_value(given, "max-bytes");
	o->max_bytes = max_bytes ? strtoll(max_bytes, &end, 10) : INT64_MAX;
	if (end && (end == max_bytes || *end))
		return command_misused(&command_dump_log, "--max-bytes: a number was expected, not %s", max_bytes);
	read_flags(given, o);
	return EXIT_FINE;
}

static int dump(const struct dump_options *o, const char *files, const char *key_file)
{
	struct diag diag = {.level = DIAG_ERROR, .wall_ms = real_wall_ms, .write = real_stderr_line};
	struct dump d = {.options = *o};
	int code;

	d.env = env_real_new(&diag);
	d.codecs = codecs_new();
	arena_init(&d.arena, RECORD_ARENA);
	code = !key_file || dump_read_keys(&d, key_file) ? dump_files(&d, files) : EXIT_CONFIG;
	atrest_keys_wipe(&d.keys);
	fflush(stdout);
	fwrite(d.complaints.p, 1, d.complaints.len, stderr);
	buf_fini(&d.complaints);
	arena_fini(&d.arena);
	codecs_free(d.codecs);
	env_real_free(d.env);
	return code;
}

static int run(int argc, char **argv)
{
	struct options given;
	struct dump_options o = {0};
	int code = read_arguments(argc, argv, &given, &o);

	if (code)
		return code;
	if (options_has(&given, "version")) {
		release_print_of_tool();
		return EXIT_FINE;
	}
	return dump(&o, options_value(&given, "files"), options_value(&given, "encryption-key-file"));
}

static const struct option_row OPTIONS[] = {
	{"files", "FILE,...", "what to print: .log, .index, .timeindex, .txnindex, .snapshot, .checkpoint, .set-aside",
	 NULL, 0, OPTION_REQUIRED},
	{"deep-iteration", NULL, "look into batches: a line a record", NULL, 0, 0},
	{"print-data-log", NULL, "with keys and values", NULL, 0, 0},
	{"skip-record-metadata", NULL, "only keys and values, and no control records", NULL, 0, 0},
	{"offsets-decoder", NULL, "keys and values are records of __consumer_offsets", NULL, 0, 0},
	{"transaction-log-decoder", NULL, "of __transaction_state", NULL, 0, 0},
	{"cluster-metadata-decoder", NULL, "values are records of __cluster_metadata", NULL, 0, 0},
	{"remote-log-metadata-decoder", NULL, "of __remote_log_metadata, as Kafka's own manager writes them", NULL, 0,
	 0},
	{"share-group-state-decoder", NULL, "keys and values are records of __share_group_state", NULL, 0, 0},
	{"verify-index-only", NULL, "hold an index against its log, print no entries", NULL, 0, 0},
	{"index-sanity-check", NULL, "say whether the index would be made anew at the next start", NULL, 0, 0},
	{"encryption-key-file", "FILE",
	 "keys of encrypted records (odradek.log.encryption.key.file); without its key a batch is sealed", NULL, 0, 0},
	{"max-bytes", "N", "of a .log, from its beginning", NULL, 0, 0},
	{"max-message-size", "N", "accepted without effect: batches of any size are read", NULL, 0, 0},
	{"key-decoder-class", "CLASS",
	 "keys are of a StringDecoder (so without it), LongDecoder, IntegerDecoder or DefaultDecoder (bytes, in hex) of org.apache.kafka.tools.api; other classes are Java's to run",
	 NULL, 0, OPTION_MAYBE},
	{"value-decoder-class", "CLASS", "the same of values", NULL, 0, OPTION_MAYBE},
	{"version", NULL, "print the version", NULL, 0, 0},
	{"help", NULL, "print this help", NULL, 0, 0},
	{NULL},
};

const struct command command_dump_log = {
	.name = "dump-log",
	.summary = "print segments, indexes and snapshots, as kafka-dump-log does",
	.run = run,
	.options = OPTIONS,
	.description =
		"Prints the files of a partition's directory, and what recovery has set aside, as kafka-dump-log does. No broker is asked.",
	.examples =
		"  odradek dump-log --print-data-log --files data/t-0/00000000000000000000.log\n"
		"  odradek dump-log --cluster-metadata-decoder --files data/__cluster_metadata-0/00000000000000000000.log\n",
};
