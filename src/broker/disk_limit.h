/*
 * disk_limit: the share of its file system that the logs of a directory may take (odradek.log.retention.disk.percent).
 *
 * When they take more, segments go, the oldest of all partitions first, as if retention.ms or retention.bytes had said so: whole ones, that are
 * replicated and not written to any more, of topics that are deleted from and not compacted, but not of internal ones. What is in use by others on the file system is not
 * counted, nor what was let go and waits for file.delete.delay.ms.
 *
 * In a job; a partition's lock is taken for page-cache work only.
 */
#ifndef ODRADEK_BROKER_DISK_LIMIT_H
#define ODRADEK_BROKER_DISK_LIMIT_H

struct log_deletion;
struct node;

/* percent: of the file system, 1 to 100; 0: there is no limit. found() is given what is to be unlinked, and owns it. A directory that has failed is left out. */
void disk_limit_apply(struct node *n, int percent, void (*found)(void *arg, struct log_deletion *d), void *arg);

#endif
