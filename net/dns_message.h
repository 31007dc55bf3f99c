/* net/dns_message.h - DNS messages (RFC 1035, EDNS0 of RFC 6891): reading a query, writing a reply.
 * Pure.
 *
 * Names are text in lower case without the final dot; a byte that no host name has reads as '?', so
 * that it matches nothing. */
#ifndef RK_NET_DNS_MESSAGE_H
#define RK_NET_DNS_MESSAGE_H

#include "base/buf.h"
#include "base/err.h"

#define RK_DNS_NAME_MAX    256 /* with the NUL; 253 bytes of text at most */
#define RK_DNS_HEADER      12
#define RK_DNS_UDP_MIN     512  /* what every client takes */
#define RK_DNS_UDP_MAX     1232 /* what no path cuts into fragments */
#define RK_DNS_MESSAGE_MAX 65535

enum rk_dns_type {
	RK_DNS_A = 1,
	RK_DNS_CNAME = 5,
	RK_DNS_SOA = 6,
	RK_DNS_PTR = 12,
	RK_DNS_TXT = 16,
	RK_DNS_AAAA = 28,
	RK_DNS_SRV = 33,
	RK_DNS_OPT = 41,
	RK_DNS_ANY = 255,
};

enum rk_dns_code {
	RK_DNS_NOERROR = 0,
	RK_DNS_FORMERR = 1,
	RK_DNS_SERVFAIL = 2,
	RK_DNS_NXDOMAIN = 3,
	RK_DNS_NOTIMP = 4,
	RK_DNS_REFUSED = 5,
	RK_DNS_BADVERS = 16,
};

struct rk_dns_query {
	uint16_t id;
	bool wants_recursion;
	bool has_edns;
	uint16_t room; /* what the client takes by UDP, within the limits above */
	uint16_t type;
	char name[RK_DNS_NAME_MAX];
	struct rk_span question; /* as it came, borrowed; empty if it could not be read */
	enum rk_dns_code code;   /* what to answer when it cannot be served, else RK_DNS_NOERROR */
};

/* RK_EINVAL: not to be answered at all (too short, or an answer itself). Else `ret->code` says
 * whether it is served. */
RK_MUST_CHECK int rk_dns_query_parse(struct rk_span message, struct rk_dns_query *ret);
/* True when `message` is a whole answer to `question` (its bytes) under that id. */
bool rk_dns_is_answer(struct rk_span message, uint16_t id, struct rk_span question);
/* Cuts an answer off behind its question and marks it as cut; what is no message becomes empty. */
size_t rk_dns_truncate(uint8_t *message, size_t size);

enum rk_dns_section { RK_DNS_ANSWER, RK_DNS_AUTHORITY, RK_DNS_ADDITIONAL };

struct rk_dns_record {
	const char *name;
	enum rk_dns_type type;
	uint32_t ttl_s;
	uint32_t address;   /* A: host order */
	const char *target; /* CNAME, PTR, SRV: a name; TXT: its text; SOA: the zone */
	uint16_t port;      /* SRV */
	uint32_t serial;    /* SOA */
};

struct rk_dns_reply { /* begin, records in the order of sections, end */
	struct rk_buf *out;
	size_t start;
	size_t room;
	const struct rk_dns_query *query;
	uint16_t counts[3];
	bool is_cut;
};

/* Appends to `out`. room: the most bytes that the message may have. */
void rk_dns_reply_begin(struct rk_dns_reply *reply, struct rk_buf *out,
			const struct rk_dns_query *query, size_t room);
/* A record that does not fit is left out; outside the additional section that marks the message as
 * cut. */
void rk_dns_reply_add(struct rk_dns_reply *reply, enum rk_dns_section section,
		      const struct rk_dns_record *record);
void rk_dns_reply_end(struct rk_dns_reply *reply, enum rk_dns_code code, bool is_authoritative,
		      bool can_recurse);

#endif
