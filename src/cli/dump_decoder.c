/*
 * dump_decoder: decodes keys and values like the classes of org.apache.kafka.tools.api, selected by
 * name; other classes need Java. Bytes are shown in hex, where Java prints the identity of the
 * array.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/endian.h"
#include "cli/dump_log.h"

static const struct {
	const char *class;
	enum record_decoder decoder;
} DECODERS[] = {
	{"StringDecoder", DECODER_STRING},
	{"LongDecoder", DECODER_LONG},
	{"IntegerDecoder", DECODER_INTEGER},
	{"DefaultDecoder", DECODER_BYTES},
};

bool dump_decoder_named(const char *class, enum record_decoder *out)
{
	static const char OF_KAFKA[] = "org.apache.kafka.tools.api.";

	if (strncmp(class, OF_KAFKA, sizeof(OF_KAFKA) - 1) == 0)
		class += sizeof(OF_KAFKA) - 1;
	for (size_t i = 0; i < sizeof(DECODERS) / sizeof(DECODERS[0]); i++) {
		if (strcmp(class, DECODERS[i].class) == 0) {
			*out = DECODERS[i].decoder;
			return true;
		}
	}
	return false;
}

static int print_number(enum record_decoder decoder, struct bytes b)
{
	int32_t size = decoder == DECODER_LONG ? 8 : 4;

	if (b.len < size)
		return -EBADMSG;
	printf("%" PRId64, decoder == DECODER_LONG ? get_i64(b.p) : get_i32(b.p));
	return 0;
}

int dump_decoded(enum record_decoder decoder, struct bytes b)
{
	switch (decoder) {
	case DECODER_STRING:
		fwrite(b.p, 1, (size_t)b.len, stdout);
		return 0;
	case DECODER_LONG:
	case DECODER_INTEGER:
		return print_number(decoder, b);
	case DECODER_BYTES:
		for (int32_t i = 0; i < b.len; i++)
			printf("%02x", b.p[i]);
		return 0;
	}
	return -EINVAL;
}
