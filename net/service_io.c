#include "net/service_io.h"

#include "base/clock_io.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/attach_io.h"
#include "net/maps_io.h"
#include "net/plan.h"
#include "net/service_facts.h"

#define TEXT_MAX        256
#define SETTLE_AFTER_MS 30000

struct told { /* of a service that is not served as a whole: said once, and again when that changes
	       */
	struct told *next;
	char text[TEXT_MAX];
	char key[];
};

struct rk_services {
	struct rk_attached *attached;
	struct rk_maps maps;
	struct rk_plan *plan;
	struct rk_writes writes;
	struct told *told;
	uint64_t settle_ms; /* when whoever has not said so is taken to have put everything; 0: it
			       is settled */
};

static int take_over(struct rk_services *services, struct rk_error *error)
{
	struct rk_image image = { 0 };

	services->maps = rk_maps_of(services->attached);
	RK_TRY(rk_maps_read(&services->maps, &image, error));
	rk_plan_adopt(services->plan, &image);
	if (image.vip_count > 0)
		rk_log(RK_LOG_INFO, "services: taken over from an earlier life", "addresses=%zu",
		       image.vip_count);
	rk_image_done(&image);
	services->settle_ms = rk_clock_mono_ms() + SETTLE_AFTER_MS;
	return RK_OK;
}

int rk_services_open(struct rk_services **ret, const struct rk_services_opts *opts,
		     struct rk_error *error)
{
	const struct rk_plan_limits limits = { RK_SERVICES_MAX, RK_BACKENDS_MAX, RK_SLOTS_MAX };
	struct rk_services *services = rk_zalloc(sizeof *services);
	int rc = rk_attach(&services->attached, opts->cgroup, opts->pin, error);

	if (rc == RK_OK) {
		services->plan = rk_plan_new(opts->node, &limits);
		rc = take_over(services, error);
	}
	if (rc < 0) {
		(void)rk_services_close(services);
		return rc;
	}
	*ret = services;
	return RK_OK;
}

struct rk_services *rk_services_close(struct rk_services *services)
{
	if (services == NULL)
		return NULL;
	while (services->told != NULL) {
		struct told *told = services->told;
		services->told = told->next;
		free(told);
	}
	rk_writes_done(&services->writes);
	(void)rk_plan_free(services->plan);
	(void)rk_attached_close(services->attached);
	free(services);
	return NULL;
}

void rk_services_destroy(struct rk_services *services)
{
	rk_attached_detach(services->attached);
	(void)rk_services_close(services);
}

static void tell(struct rk_services *services, struct rk_span ns, struct rk_span name,
		 const struct rk_val *service)
{
	struct told **at = &services->told;
	char key[TEXT_MAX * 2 + 2], text[TEXT_MAX];

	(void)snprintf(key, sizeof key, "%.*s/%.*s", RK_SPAN_ARGS(ns), RK_SPAN_ARGS(name));
	rk_service_unserved(service, text, sizeof text);
	while (*at != NULL && strcmp((*at)->key, key) != 0)
		at = &(*at)->next;
	if (*at == NULL && text[0] != '\0') {
		const size_t size = strlen(key) + 1;
		*at = rk_zalloc(sizeof **at + size);
		memcpy((*at)->key, key, size);
	}
	if (*at == NULL || strcmp((*at)->text, text) == 0)
		return;
	memcpy((*at)->text, text, sizeof text);
	if (text[0] != '\0') {
		rk_log(RK_LOG_WARN, "services: not served in the node's network yet",
		       "service=%s what=\"%s\"", key, text);
		return;
	}
	struct told *gone = *at;
	*at = gone->next;
	free(gone);
}

void rk_services_put(struct rk_services *services, struct rk_span ns, struct rk_span name,
		     const struct rk_val *service)
{
	tell(services, ns, name, service);
	rk_plan_put(services->plan, ns, name, service);
}

void rk_services_put_slice(struct rk_services *services, struct rk_span ns, struct rk_span name,
			   const struct rk_val *slice)
{
	rk_plan_put_slice(services->plan, ns, name, slice);
}

void rk_services_settle(struct rk_services *services)
{
	services->settle_ms = 0;
	rk_plan_settle(services->plan);
}

int rk_services_sync(struct rk_services *services, struct rk_error *error)
{
	int planned = RK_OK;

	if (services->settle_ms != 0 && rk_clock_mono_ms() >= services->settle_ms)
		rk_services_settle(services);

	/* Writes that failed are tried again first: later ones build on them. */
	if (services->writes.count == 0) {
		if (rk_plan_rests(services->plan))
			rk_maps_wait();
		planned = rk_plan_step(services->plan, &services->writes, error);
	}
	RK_TRY(rk_maps_write(&services->maps, &services->writes, error));
	return planned;
}
