/*
 * fake_gss: a transparent GSS-API library, for the simulator.
 *
 *	client: "T" and its principal
 *	server: "R", or nothing when the principal's name begins with a dash; then both are established
 *	wrapped: "W" and the message
 *
 * "X" is a token of an expired ticket, "Y" of one that is not valid yet, "S" of one whose answer is
 * too long; anything else is garbage.
 */
#ifndef ODRADEK_TESTS_KERBEROS_FAKE_GSS_H
#define ODRADEK_TESTS_KERBEROS_FAKE_GSS_H

/* For sim_library(). */
void (*fake_gss_find(const char *symbol))(void);
/* The number of contexts, names and credentials not released. */
int fake_gss_held(void);

#endif
