/* control/schema/names.h - the syntax of names, labels and keys, with upstream's texts for what breaks it.
 *
 * Each check gives NULL when the text is right, else what is wrong as upstream says it (a constant). */
#ifndef RK_CONTROL_SCHEMA_NAMES_H
#define RK_CONTROL_SCHEMA_NAMES_H

#include "base/span.h"

const char *rk_name_subdomain(struct rk_span text);     /* RFC 1123 subdomain, at most 253 */
const char *rk_name_label(struct rk_span text);         /* RFC 1123 label, at most 63 */
const char *rk_name_label_1035(struct rk_span text);    /* RFC 1035 label, at most 63 */
const char *rk_name_qualified(struct rk_span text);     /* [prefix/]name: label and annotation keys */
const char *rk_name_label_value(struct rk_span text);   /* at most 63, may be empty */
const char *rk_name_config_key(struct rk_span text);    /* keys of ConfigMaps and Secrets */
const char *rk_name_env(struct rk_span text);           /* environment variables */
const char *rk_name_port(struct rk_span text);          /* IANA service names */
const char *rk_name_path_segment(struct rk_span text);  /* what a URL path can hold */
const char *rk_name_domain_path(struct rk_span text);   /* "acme.io/foo": a subdomain and a path */
const char *rk_name_wildcard(struct rk_span text);      /* a subdomain behind "*." */
const char *rk_name_driver(struct rk_span text);        /* of a CSI driver */
const char *rk_name_cidr(struct rk_span text);          /* a network, IPv4 or IPv6 */
/* Whether `inner` lies within `outer` and is smaller; both are networks. */
bool rk_cidr_within(struct rk_span inner, struct rk_span outer);
const char *rk_name_ip(struct rk_span text);            /* IPv4 or IPv6 */
bool rk_name_is_ipv4(struct rk_span text);
bool rk_name_is_ipv6(struct rk_span text);

#endif
