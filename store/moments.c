#include "store/moments.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/tree.h"

#define FRESH_MAX 4096 /* dead that wait for the next moment */

struct rk_moments *rk_moments_new(void)
{
	struct rk_moments *moments = rk_zalloc(sizeof *moments);

	moments->age = 1;
	(void)pthread_mutex_init(&moments->lock, NULL);
	return moments;
}

static void free_dead(const struct rk_dead *dead)
{
	switch (dead->kind) {
	case RK_DEAD_NODE: free(dead->what); break;
	case RK_DEAD_ITEM: (void)rk_item_free(dead->what); break;
	case RK_DEAD_KEY: (void)rk_blob_unref(dead->what); break;
	}
}

static void put(struct rk_graves *graves, struct rk_dead dead)
{
	graves->at = rk_grow(graves->at, &graves->capacity, graves->count + 1, sizeof *graves->at);
	graves->at[graves->count++] = dead;
}

/* Those that `held` (NULL: nobody) sees move to it; the others stay. */
static void move(struct rk_graves *from, struct rk_held *held)
{
	size_t kept = 0;

	for (size_t i = 0; held != NULL && i < from->count; i++) {
		if (from->at[i].born <= held->age)
			put(&held->graves, from->at[i]);
		else
			from->at[kept++] = from->at[i];
	}
	from->count = held != NULL ? kept : from->count;
}

static void free_all(struct rk_graves *graves)
{
	for (size_t i = 0; i < graves->count; i++)
		free_dead(&graves->at[i]);
	graves->count = 0;
}

static void settle(struct rk_moments *moments)
{
	(void)pthread_mutex_lock(&moments->lock);
	move(&moments->fresh, moments->newest);
	(void)pthread_mutex_unlock(&moments->lock);
	free_all(&moments->fresh);
}

void rk_moments_bury(struct rk_moments *moments, enum rk_dead_kind kind, void *what, uint64_t born)
{
	const struct rk_dead dead = { what, born, kind };

	if (born == moments->age) {
		free_dead(&dead); /* nobody has seen it */
		return;
	}
	put(&moments->fresh, dead);
	if (moments->fresh.count >= FRESH_MAX)
		settle(moments);
}

void rk_moments_hold(struct rk_moments *moments, struct rk_held *held)
{
	*held = (struct rk_held){ .of = moments };
	(void)pthread_mutex_lock(&moments->lock);
	move(&moments->fresh, moments->newest);
	held->age = moments->age++;
	held->older = moments->newest;
	if (held->older != NULL)
		held->older->newer = held;
	moments->newest = held;
	(void)pthread_mutex_unlock(&moments->lock);
	free_all(&moments->fresh);
}

static void destroy(struct rk_moments *moments)
{
	rk_tree_free(moments->rest);
	free(moments->fresh.at);
	(void)pthread_mutex_destroy(&moments->lock);
	free(moments);
}

void rk_moments_let_go(struct rk_held *held)
{
	struct rk_moments *moments = held->of;

	(void)pthread_mutex_lock(&moments->lock);
	move(&held->graves, held->older);
	if (held->older != NULL)
		held->older->newer = held->newer;
	if (held->newer != NULL)
		held->newer->older = held->older;
	else
		moments->newest = held->older;
	const bool is_last = moments->is_left && moments->newest == NULL;
	(void)pthread_mutex_unlock(&moments->lock);
	free_all(&held->graves);
	free(held->graves.at);
	if (is_last)
		destroy(moments);
}

void rk_moments_leave(struct rk_moments *moments, struct rk_node *root)
{
	settle(moments);
	(void)pthread_mutex_lock(&moments->lock);
	moments->is_left = true;
	moments->rest = root;
	const bool is_last = moments->newest == NULL;
	(void)pthread_mutex_unlock(&moments->lock);
	if (is_last)
		destroy(moments);
}
