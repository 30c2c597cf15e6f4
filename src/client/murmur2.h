/*
 * murmur2: the hash by which Kafka's clients map keys to partitions: Austin Appleby's MurmurHash2
 * with the seed 0x9747b28c.
 */
#ifndef ODRADEK_CLIENT_MURMUR2_H
#define ODRADEK_CLIENT_MURMUR2_H

#include <stddef.h>
#include <stdint.h>

uint32_t murmur2(const uint8_t *p, size_t len);

#endif
