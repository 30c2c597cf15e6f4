/*
 * traces: the shard of __transaction_state without the runtime that carries it, driven by lines of text.
 *
 *	init[.VERSION] ID [PRODUCER EPOCH]		add[.VERSION] ID PRODUCER EPOCH TOPIC:PARTITION...	verify (as add)
 *	offsets ID PRODUCER EPOCH TOPIC:PARTITION	end[.VERSION] ID PRODUCER EPOCH commit|abort
 *	show ID		list [STATE]			records		what was logged since the last time
 *	version N	transaction.version		topic NAME N	drop NAME
 *	hold commits	what is written stays uncommitted until `commit`; `late [ERROR]`: its fate is unknown
 *	refuse | accept	whether the log takes records
 *	hold calls	producer ids and markers are not answered until `answer`
 *	ids ERROR	next ID				the answer to requests for producer ids from now on; 0: success
 *	markers ERROR [TOPIC:PARTITION]			the same for markers
 *	epoch ID N	this many epochs have been used
 *	pass MS		time passes			reload [compact]
 *	found ID STATUS PRODUCER EPOCH START		a record found by a load, whoever wrote it
 *
 * Each line returns a line of text: answers, or "-".
 */
#ifndef ODRADEK_TESTS_TRANSACTION_TRACES_H
#define ODRADEK_TESTS_TRANSACTION_TRACES_H

struct traces;

struct traces *traces_new(void);
void traces_free(struct traces *t);
/* The result of the line; valid until the next line. */
const char *traces_say(struct traces *t, const char *line);

struct trace {
	const char *line;
	const char *gives; /* NULL: not checked */
};

#endif
