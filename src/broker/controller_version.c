/*
 * controller_version: converts requests as the builders of Kafka's requests do.
 */
#include "broker/controller_version.h"

#include <stddef.h>
#include <string.h>

#include "protocol/alter_partition.h"
#include "protocol/broker_registration.h"

static void *copy_array(struct arena *a, const void *from, int n, size_t size)
{
	void *to = arena_array(a, (size_t)n + 1, size);

	if (to && n > 0)
		memcpy(to, from, (size_t)n * size);
	return to;
}

/* Before version 3, replicas were named without their broker epochs. */
static bool fit_isr(struct alter_partition_request_partition *p, struct arena *a)
{
	int n = p->new_isr_with_epochs.n;

	p->new_isr.v = arena_array(a, (size_t)n + 1, sizeof(*p->new_isr.v));
	if (!p->new_isr.v)
		return false;
	for (int i = 0; i < n; i++)
		p->new_isr.v[i] = p->new_isr_with_epochs.v[i].broker_id;
	p->new_isr.n = n;
	p->new_isr_with_epochs.v = NULL;
	p->new_isr_with_epochs.n = 0;
	return true;
}

static const void *fit_alter_partition(int version, const void *request, struct arena *a)
{
	struct alter_partition_request *copy;
	bool fits = true;

	if (version >= 3)
		return request;
	copy = copy_array(a, request, 1, sizeof(*copy));
	if (!copy)
		return NULL;
	copy->topics.v = copy_array(a, copy->topics.v, copy->topics.n, sizeof(*copy->topics.v));
	for (int i = 0; copy->topics.v && fits && i < copy->topics.n; i++) {
		struct alter_partition_request_topic *t = &copy->topics.v[i];

		t->partitions.v = copy_array(a, t->partitions.v, t->partitions.n, sizeof(*t->partitions.v));
		fits = t->partitions.v != NULL;
		for (int k = 0; fits && k < t->partitions.n; k++)
			fits = fit_isr(&t->partitions.v[k], a);
	}
	return copy->topics.v && fits ? copy : NULL;
}

/* Before version 4, no range of a feature may begin at 0 (KAFKA-17492). */
static const void *fit_broker_registration(int version, const void *request, struct arena *a)
{
	const struct broker_registration_request *in = request;
	struct broker_registration_request *copy;

	if (version >= 4)
		return request;
	copy = copy_array(a, in, 1, sizeof(*copy));
	if (!copy)
		return NULL;
	copy->features.v = arena_array(a, (size_t)in->features.n + 1, sizeof(*copy->features.v));
	copy->features.n = 0;
	for (int i = 0; copy->features.v && i < in->features.n; i++) {
		if (in->features.v[i].min_supported_version != 0)
			copy->features.v[copy->features.n++] = in->features.v[i];
	}
	return copy->features.v ? copy : NULL;
}

const void *controller_version_fit(int16_t key, int version, const void *request, struct arena *a)
{
	switch (key) {
	case alter_partition_request_KEY:
		return fit_alter_partition(version, request, a);
	case broker_registration_request_KEY:
		return fit_broker_registration(version, request, a);
	default:
		return request;
	}
}
