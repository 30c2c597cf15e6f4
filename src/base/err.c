/* err: the rows of protocol/errors.tbl, looked up by number. */
#include "base/err.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

struct err_row {
	const char *name;
	const char *message;
	bool retriable;
};

#define ERROR(name, number, retriable, invalid_metadata, message)                                                      \
	static const struct err_row row_##name = {#name, message, retriable};
#include "protocol/errors.tbl"
#undef ERROR

static const struct err_row *row_of(int err)
{
	switch (err) {
#define ERROR(name, number, retriable, invalid_metadata, message)                                                      \
	case number:                                                                                                   \
		return &row_##name;
#include "protocol/errors.tbl"
#undef ERROR
	default:
		return NULL;
	}
}

/*
 * The errors of a disk that fails, is full or read-only, or of a lack of descriptors: the replica's
 * directory is at fault.
 */
static const int disk_errnos[] = {EIO,	  ENOSPC, EDQUOT, EROFS,   EFBIG,  EMFILE,
				  ENFILE, ENODEV, ENXIO,  ENODATA, ENOENT, EACCES};

int err_to_kafka(int err)
{
	if (err >= 0)
		return err;
	for (size_t i = 0; i < sizeof(disk_errnos) / sizeof(disk_errnos[0]); i++)
		if (err == -disk_errnos[i])
			return ERR_KAFKA_STORAGE_ERROR;
	return ERR_UNKNOWN_SERVER_ERROR;
}

const char *err_name(int err)
{
	const struct err_row *row = row_of(err);

	if (row)
		return row->name;
	if (err < 0) {
		const char *text = strerrordesc_np(-err);

		return text ? text : "an unknown errno";
	}
	return "an unknown Kafka error";
}

const char *err_message(int err)
{
	const struct err_row *row = row_of(err);

	return row ? row->message : NULL;
}

bool err_is_retriable(int err)
{
	const struct err_row *row = row_of(err);

	return row && row->retriable;
}

bool err_is_disk_full(int err)
{
	return err == -ENOSPC || err == -EDQUOT;
}

bool err_is_no_descriptor(int err)
{
	return err == -EMFILE || err == -ENFILE;
}

bool err_passes(int err)
{
	return err_is_disk_full(err) || err_is_no_descriptor(err);
}
