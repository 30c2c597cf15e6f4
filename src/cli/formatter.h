/* formatter: prints records as text, as Kafka's MessageFormatters do. */
#ifndef ODRADEK_CLI_FORMATTER_H
#define ODRADEK_CLI_FORMATTER_H

#include "cli/tool.h"
#include "client/consumer.h"

/* Turns bytes into text; false when they are invalid. */
typedef bool deserialize_fn(struct bytes bytes, struct buf *out);

struct formatter {
	struct tool *tool;
	bool (*write)(struct formatter *f, const struct consumed *r);
	const void *kind; /* which records, for the coordinator formatters */
	bool timestamp, key, value, offset, epoch, partition, headers, delivery;
	struct str key_separator, line_separator, headers_separator, null_literal;
	deserialize_fn *key_text, *value_text, *header_text;
	struct buf text;
	struct arena arena;
};

/* Set up from --formatter and its properties. Ends the tool when there is no such formatter. */
void formatter_init(struct formatter *f, struct tool *t);
/* Prints to stdout; false when the record cannot be shown in this way. */
bool formatter_write(struct formatter *f, const struct consumed *r);

#endif
