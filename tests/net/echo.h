/*
 * echo: a handler for the tests of net. A frame's first byte says what to do with it:
 *
 *	e		answer with the frame
 *	q		no answer
 *	x		close
 *	X		answer with the frame, then close
 *	p		park: answer with the frame in a later turn
 *	h		hold: never answer
 *	m ms:u16	answer with the frame, then mute
 *	f pos:u32 len:u32	answer "<", that range of the file, ">"
 *	b len:u32	answer with len bytes: 0, 1, 2 ... 250, 0 ...
 *	s		answer with the frame; bytes received from now on are secret
 *	k		answer with the frame; the peer is identified
 *	w us:u32	take so long, then answer with the frame
 *	M max:u32	answer with the frame; frames longer than max are refused from now on
 *
 * Anything else, including an empty frame, closes.
 */
#ifndef ODRADEK_TESTS_NET_ECHO_H
#define ODRADEK_TESTS_NET_ECHO_H

#include <stdatomic.h>

#include "net/net.h"

struct echo {
	struct file *file; /* for 'f' */
	_Atomic int opened;
	_Atomic int closed;
	_Atomic int secured, unsecured; /* TLS handshakes that succeeded, and that failed */
	_Atomic int unsecured_before;	/* TLS handshakes that had failed when the last frame came */
	_Atomic int frames;
	_Atomic int sent;
	_Atomic int live;	   /* requests that hold memory */
	_Atomic uint64_t reactors; /* one bit for each that had a connection */
};

extern const struct net_handler echo_handler; /* its arg is a struct echo */

static inline uint8_t echo_pattern(size_t i) { return (uint8_t)(i % 251); }

#endif
