/*
 * disk_limit: limits the share of the filesystem that the logs of a directory may take
 * (odradek.log.retention.disk.percent).
 *
 * When they take more, segments are removed, the oldest of all partitions first, as by retention.ms
 * or retention.bytes. Only whole segments go, that are replicated and no longer written to, of
 * topics with cleanup.policy delete (without compact) that are not internal. Not counted is what
 * others use on the filesystem, nor segments already removed that wait for file.delete.delay.ms.
 *
 * Runs in a job; takes a partition's lock for page-cache work only.
 */
#ifndef ODRADEK_BROKER_DISK_LIMIT_H
#define ODRADEK_BROKER_DISK_LIMIT_H

struct log_deletion;
struct node;

/*
 * percent: of the filesystem, 1 to 100; 0: no limit. found() takes over the files to be unlinked. A
 * directory that has failed is left out.
 */
void disk_limit_apply(struct node *n, int percent, void (*found)(void *arg, struct log_deletion *d), void *arg);

#endif
