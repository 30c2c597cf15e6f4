/*
 * line_reader: turns lines into records, as Kafka's LineMessageReader does:
 *
 *	h1:v1,h2:v2<headers.delimiter>key<key.separator>value
 */
#ifndef ODRADEK_CLI_LINE_READER_H
#define ODRADEK_CLI_LINE_READER_H

#include "cli/tool.h"
#include "client/producer.h"

enum { LINE_HEADERS_MAX = 64 };

struct line_reader {
	struct tool *tool;
	bool parse_key, parse_headers, ignore_error;
	struct str key_separator, headers_delimiter, headers_separator, headers_key_separator, null_marker;
	int64_t line;
	struct str wrong; /* why the line read last is invalid; null: it is valid */
};

/*
 * Set up from --reader-config, --reader-property and --property. Ends the tool when they contradict
 * each other.
 */
void line_reader_init(struct line_reader *r, struct tool *t);
/*
 * Returns views into the line; headers has room for LINE_HEADERS_MAX. False: the line is invalid
 * (never with ignore.error), and r->wrong says why.
 */
bool line_read(struct line_reader *r, struct str line, struct producer_record *out, struct record_header *headers);

#endif
