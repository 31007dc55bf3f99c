/* The Auth service. Passwords are hashed, and compared, here, by the worker: what is proposed has
 * only hashes, of passwords and of tokens. */
#include "control/etcd/auth.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "base/mem.h"
#include "control/etcd/worker_io.h"
#include "wire/proto.h"

#define BCRYPT_COST  10
#define BCRYPT_BYTES 72 /* of a password: what is behind would not matter */
#define HASH_BYTES   64
#define SECRET_BYTES 24

/* --- passwords --- */

struct password { /* a job */
	struct rk_etcd_job job;
	char text[BCRYPT_BYTES + 1];
	char expected[HASH_BYTES]; /* empty: a hash is to be made */
	char hash[CRYPT_OUTPUT_SIZE];
	uint64_t checked; /* auth's revision when the expected one was read */
	bool is_good;     /* made, or as expected */
};

static void run_password(struct rk_etcd_job *job)
{
	struct password *password = RK_CONTAINER(job, struct password, job);
	struct crypt_data *data = rk_zalloc(sizeof *data);
	char salt[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *setting = password->expected;

	if (setting[0] == 0)
		setting = crypt_gensalt_rn("$2b$", BCRYPT_COST, NULL, 0, salt, sizeof salt);
	const char *hash = setting != NULL ? crypt_r(password->text, setting, data) : NULL;
	if (hash != NULL && hash[0] == '$' && strlen(hash) < HASH_BYTES) {
		memcpy(password->hash, hash, strlen(hash) + 1);
		password->is_good = password->expected[0] == 0 ||
				    (strlen(hash) == strlen(password->expected) &&
				     CRYPTO_memcmp(hash, password->expected, strlen(hash)) == 0);
	}
	OPENSSL_cleanse(data, sizeof *data);
	free(data);
}

static void drop_password(struct rk_etcd_job *job)
{
	struct password *password = RK_CONTAINER(job, struct password, job);

	OPENSSL_cleanse(password, sizeof *password);
	free(password);
}

/* NULL: the call has failed. */
static struct password *password_new(struct rk_etcd_call *call, struct rk_span text,
				     void (*done)(struct rk_etcd_call *, struct rk_etcd_job *))
{
	if (text.size > BCRYPT_BYTES ||
	    (text.size > 0 && memchr(text.data, 0, text.size) != NULL)) {
		rk_etcd_fail(call, RK_ETCD_BAD_PASSWORD);
		return NULL;
	}
	struct password *password = rk_zalloc(sizeof *password);
	password->job =
		(struct rk_etcd_job){ .run = run_password, .done = done, .drop = drop_password };
	if (text.size > 0)
		memcpy(password->text, text.data, text.size);
	return password;
}

struct named { /* AuthenticateRequest, AuthUserAddRequest, AuthUserChangePasswordRequest */
	struct rk_span name, password, options;
};
static const struct rk_proto_row named_rows[] = {
	{ 1, RK_PROTO_SPAN, offsetof(struct named, name) },
	{ 2, RK_PROTO_SPAN, offsetof(struct named, password) },
	{ 3, RK_PROTO_SPAN, offsetof(struct named, options) },
};

static bool read_named(struct rk_etcd_call *call, struct named *ret)
{
	*ret = (struct named){ 0 };
	if (rk_proto_read(named_rows, RK_COUNT(named_rows), call->message, ret) == RK_OK)
		return true;
	rk_etcd_fail(call, RK_ETCD_MALFORMED);
	return false;
}

/* UserAdd (hash in 4) and UserChangePassword (hash in 3), once there is a hash. */
static void propose_user(struct rk_etcd_call *call, const struct named *named, struct rk_span hash)
{
	const bool is_new = rk_span_ends(rk_span_str(call->method->path), RK_SPAN("/UserAdd"));
	struct rk_buf request = { 0 };

	rk_proto_put_bytes(&request, 1, named->name);
	rk_proto_put_bytes(&request, 3, is_new ? named->options : hash);
	if (is_new)
		rk_proto_put_bytes(&request, 4, hash);
	rk_etcd_propose(call, is_new ? RK_ETCD_ENTRY_USER_ADD : RK_ETCD_ENTRY_PASSWORD,
			rk_buf_span(&request), rk_etcd_pass_on);
	rk_buf_done(&request);
}

static void hashed(struct rk_etcd_call *call, struct rk_etcd_job *job)
{
	const struct password *password = RK_CONTAINER(job, struct password, job);
	struct named named;

	if (!password->is_good)
		rk_etcd_finish(call, RK_GRPC_INTERNAL, "etcdserver: no bcrypt is here");
	else if (read_named(call, &named))
		propose_user(call, &named, rk_span_str(password->hash));
}

static void on_password(struct rk_etcd_call *call, struct rk_span message)
{
	struct rk_etcd_numbers options = { 0 };
	struct named named;

	(void)message;
	if (!read_named(call, &named))
		return;
	if (named.name.size == 0) {
		rk_etcd_fail(call, RK_ETCD_USER_EMPTY);
		return;
	}
	if (rk_etcd_read_numbers(named.options, &options) < 0)
		rk_etcd_fail(call, RK_ETCD_MALFORMED);
	else if (options.first != 0) /* a user without a password */
		propose_user(call, &named, (struct rk_span){ NULL, 0 });
	else {
		struct password *password = password_new(call, named.password, hashed);
		if (password != NULL)
			(void)rk_etcd_work(call, &password->job);
	}
}

/* --- Authenticate --- */

static void token_made(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	struct rk_buf body = { 0 };

	if (!rk_etcd_answered(call, answer))
		return;
	if (answer->results[0].code != RK_GRPC_OK) {
		rk_etcd_pass_on(call, answer);
		return;
	}
	rk_proto_put_bytes(&body, 2, rk_buf_span(&call->key));
	rk_etcd_answer(call, answer->revision, rk_buf_span(&body));
	rk_buf_done(&body);
}

static void compared(struct rk_etcd_call *call, struct rk_etcd_job *job)
{
	const struct password *password = RK_CONTAINER(job, struct password, job);
	uint8_t secret[SECRET_BYTES], digest[SHA256_DIGEST_LENGTH];
	struct rk_buf request = { 0 };
	struct named named;

	if (!password->is_good) {
		rk_etcd_fail(call, RK_ETCD_AUTH_FAILED);
		return;
	}
	if (RAND_bytes(secret, sizeof secret) != 1) {
		rk_etcd_finish(call, RK_GRPC_INTERNAL, "etcdserver: no random numbers are here");
		return;
	}
	if (!read_named(call, &named))
		return;
	rk_buf_clear(&call->key);
	for (size_t i = 0; i < sizeof secret; i++)
		rk_buf_printf(&call->key, "%02x", secret[i]);
	(void)SHA256(call->key.data, call->key.size, digest);
	rk_proto_put_bytes(&request, 1, named.name);
	rk_proto_put_bytes(&request, 2, rk_span_of(digest, sizeof digest));
	rk_proto_put_number(&request, 3, password->checked);
	rk_etcd_propose(call, RK_ETCD_ENTRY_TOKEN, rk_buf_span(&request), token_made);
	rk_buf_done(&request);
}

static void compare(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	const struct rk_node *root = rk_view_root(call->thread->view);
	const struct rk_etcd_auth auth = rk_etcd_auth(root);
	struct rk_etcd_user user;
	struct named named;

	if (!rk_etcd_answered(call, answer) || !read_named(call, &named))
		return;
	if (!auth.is_on) {
		rk_etcd_fail(call, RK_ETCD_AUTH_NOT_ENABLED);
		return;
	}
	if (!rk_etcd_user_get(root, named.name, &user) || user.password.size >= HASH_BYTES ||
	    (!user.no_password && user.password.size == 0)) {
		rk_etcd_fail(call, RK_ETCD_AUTH_FAILED);
		return;
	}
	if (user.no_password) {
		rk_etcd_fail(call, RK_ETCD_NO_PASSWORD_USER);
		return;
	}
	struct password *password = password_new(call, named.password, compared);
	if (password == NULL)
		return;
	memcpy(password->expected, user.password.data, user.password.size);
	password->checked = auth.revision;
	(void)rk_etcd_work(call, &password->job);
}

static void on_authenticate(struct rk_etcd_call *call, struct rk_span message)
{
	(void)message;
	rk_etcd_await_read(call, compare);
}

/* --- asking --- */

static void answer_asked(struct rk_etcd_call *call, const struct rk_buf *body)
{
	rk_etcd_answer(call, rk_etcd_now(call), rk_buf_span(body));
}

static void status_resumed(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	const struct rk_etcd_auth auth = rk_etcd_auth(rk_view_root(call->thread->view));
	struct rk_buf body = { 0 };

	if (!rk_etcd_answered(call, answer))
		return;
	rk_proto_put_number(&body, 2, auth.is_on);
	rk_proto_put_number(&body, 3, auth.revision);
	answer_asked(call, &body);
	rk_buf_done(&body);
}

/* UserGet, for oneself too; RoleGet, for those who have the role too. */
static void one_resumed(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	const struct rk_node *root = rk_view_root(call->thread->view);
	const bool is_user = rk_span_ends(rk_span_str(call->method->path), RK_SPAN("/UserGet"));
	struct rk_etcd_user self, user;
	struct rk_buf body = { 0 }, perm = { 0 };
	struct named named;

	if (!rk_etcd_answered(call, answer) || !read_named(call, &named))
		return;
	enum rk_etcd_error error = rk_etcd_may_rule(root, &call->who);
	if (error != RK_ETCD_OK && rk_etcd_may_ask(root, &call->who) == RK_ETCD_OK &&
	    rk_etcd_user_get(root, call->who.name, &self) &&
	    (is_user ? rk_span_eq(self.name, named.name) : rk_etcd_user_has(&self, named.name)))
		error = RK_ETCD_OK;
	if (error == RK_ETCD_OK && is_user) {
		if (rk_etcd_user_get(root, named.name, &user))
			rk_etcd_user_roles(&user, &body, 2);
		else
			error = RK_ETCD_USER_NOT_FOUND;
	} else if (error == RK_ETCD_OK) {
		if (!rk_etcd_role_grants(root, named.name, &body, 2))
			error = RK_ETCD_ROLE_NOT_FOUND;
	}
	if (error == RK_ETCD_OK && !is_user && rk_span_is(named.name, "root")) {
		rk_buf_clear(&body); /* everything, whatever it was granted */
		rk_proto_put_number(&perm, 1, RK_ETCD_READ_WRITE);
		rk_proto_put_bytes(&perm, 3, rk_span_of("", 1));
		rk_proto_put_message(&body, 2, rk_buf_span(&perm));
	}
	if (error != RK_ETCD_OK)
		rk_etcd_fail(call, error);
	else
		answer_asked(call, &body);
	rk_buf_done(&body);
	rk_buf_done(&perm);
}

static void list_resumed(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	const struct rk_node *root = rk_view_root(call->thread->view);
	struct rk_buf body = { 0 };

	if (!rk_etcd_answered(call, answer))
		return;
	const enum rk_etcd_error error = rk_etcd_may_rule(root, &call->who);
	if (error != RK_ETCD_OK) {
		rk_etcd_fail(call, error);
		return;
	}
	if (rk_span_ends(rk_span_str(call->method->path), RK_SPAN("/UserList")))
		rk_etcd_user_list(root, &body, 2);
	else
		rk_etcd_role_list(root, &body, 2);
	answer_asked(call, &body);
	rk_buf_done(&body);
}

static void on_auth_status(struct rk_etcd_call *call, struct rk_span message)
{
	(void)message;
	rk_etcd_await_read(call, status_resumed);
}

static void on_get(struct rk_etcd_call *call, struct rk_span message)
{
	(void)message;
	rk_etcd_await_read(call, one_resumed);
}

static void on_list(struct rk_etcd_call *call, struct rk_span message)
{
	(void)message;
	rk_etcd_await_read(call, list_resumed);
}

/* --- changes that are proposed as they came --- */

static void on_change(struct rk_etcd_call *call, struct rk_span message)
{
	static const struct {
		const char *method;
		enum rk_etcd_entry entry;
	} changes[] = {
		{ "/AuthEnable", RK_ETCD_ENTRY_AUTH_ENABLE },
		{ "/AuthDisable", RK_ETCD_ENTRY_AUTH_DISABLE },
		{ "/UserDelete", RK_ETCD_ENTRY_USER_DELETE },
		{ "/UserGrantRole", RK_ETCD_ENTRY_USER_GRANT },
		{ "/UserRevokeRole", RK_ETCD_ENTRY_USER_REVOKE },
		{ "/RoleAdd", RK_ETCD_ENTRY_ROLE_ADD },
		{ "/RoleDelete", RK_ETCD_ENTRY_ROLE_DELETE },
		{ "/RoleGrantPermission", RK_ETCD_ENTRY_ROLE_GRANT },
		{ "/RoleRevokePermission", RK_ETCD_ENTRY_ROLE_REVOKE },
	};

	for (size_t i = 0; i < RK_COUNT(changes); i++)
		if (rk_span_ends(rk_span_str(call->method->path), rk_span_str(changes[i].method)))
			rk_etcd_propose(call, changes[i].entry, message, rk_etcd_pass_on);
}

#define ROW(name, handler, needs)                                                                  \
	{                                                                                          \
		"/etcdserverpb.Auth/" name, false, handler, NULL, RK_ETCD_NEEDS_##needs            \
	}

const struct rk_etcd_method rk_etcd_auth_methods[] = {
	ROW("AuthEnable", on_change, ROOT),
	ROW("AuthDisable", on_change, ROOT),
	ROW("AuthStatus", on_auth_status, ROOT),
	ROW("Authenticate", on_authenticate, NOBODY),
	ROW("UserAdd", on_password, ROOT),
	ROW("UserGet", on_get, USER),
	ROW("UserList", on_list, ROOT),
	ROW("UserDelete", on_change, ROOT),
	ROW("UserChangePassword", on_password, ROOT),
	ROW("UserGrantRole", on_change, ROOT),
	ROW("UserRevokeRole", on_change, ROOT),
	ROW("RoleAdd", on_change, ROOT),
	ROW("RoleGet", on_get, USER),
	ROW("RoleList", on_list, ROOT),
	ROW("RoleDelete", on_change, ROOT),
	ROW("RoleGrantPermission", on_change, ROOT),
	ROW("RoleRevokePermission", on_change, ROOT),
	{ NULL, false, NULL, NULL, RK_ETCD_NEEDS_USER },
};
