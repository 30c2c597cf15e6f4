/*
 * paths: the names of a log's files and directories, as Kafka chooses them.
 */
#ifndef ODRADEK_LOG_PATHS_H
#define ODRADEK_LOG_PATHS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/uuid.h"
#include "env/env.h"

enum { PATH_SIZE = 4096, FILE_NAME_MAX = 255 };

/* dir/name. Longer paths end the process: the length of log.dirs is checked when they are opened. */
void path_in(char out[PATH_SIZE], const char *dir, const char *name);
/* dir/%020d.suffix; suffix includes the dot */
void path_of_offset(char out[PATH_SIZE], const char *dir, int64_t offset, const char *suffix);
/* dir/<topic>-<partition> */
void path_of_replica(char out[PATH_SIZE], const char *dir, struct str topic, int32_t partition);
/* dir/<topic>-<partition>.<32 hex digits><suffix>, with the topic cut so that the name fits */
void path_of_marked(char out[PATH_SIZE], const char *dir, struct str topic, int32_t partition, struct uuid unique,
		    const char *suffix);

/* True, with the offset, for "%020d.suffix" or "%d.suffix": name ends in suffix and begins with a number. */
bool name_offset(const char *name, const char *suffix, int64_t *offset);
bool name_ends(const char *name, const char *suffix);
/* "<topic>-<partition>" */
bool name_replica(const char *name, struct str *topic, int32_t *partition);
/* "<topic>-<partition>.<32 hex digits>-future" */
bool name_future(const char *name, struct str *topic, int32_t *partition);

/* Reads the topic id in dir/partition.metadata: 0, -ENOENT, or -EINVAL. */
int partition_metadata_read(struct env *env, const char *dir, struct uuid *out);
/* Writes it aside and renames it; nothing is synced. */
int partition_metadata_write(struct env *env, const char *dir, struct uuid topic_id);

/* Removes a directory and all files in it (replicas contain no directories). */
int remove_dir(struct env *env, const char *path);

#endif
