#include "node/oci_parts.h"

#include "base/mem.h"
#include "control/schema/quantity.h"

/* By the kernel's numbers. */
static const char *const all_capabilities[] = {
	"CHOWN",
	"DAC_OVERRIDE",
	"DAC_READ_SEARCH",
	"FOWNER",
	"FSETID",
	"KILL",
	"SETGID",
	"SETUID",
	"SETPCAP",
	"LINUX_IMMUTABLE",
	"NET_BIND_SERVICE",
	"NET_BROADCAST",
	"NET_ADMIN",
	"NET_RAW",
	"IPC_LOCK",
	"IPC_OWNER",
	"SYS_MODULE",
	"SYS_RAWIO",
	"SYS_CHROOT",
	"SYS_PTRACE",
	"SYS_PACCT",
	"SYS_ADMIN",
	"SYS_BOOT",
	"SYS_NICE",
	"SYS_RESOURCE",
	"SYS_TIME",
	"SYS_TTY_CONFIG",
	"MKNOD",
	"LEASE",
	"AUDIT_WRITE",
	"AUDIT_CONTROL",
	"SETFCAP",
	"MAC_OVERRIDE",
	"MAC_ADMIN",
	"SYSLOG",
	"WAKE_ALARM",
	"BLOCK_SUSPEND",
	"AUDIT_READ",
	"PERFMON",
	"BPF",
	"CHECKPOINT_RESTORE",
};

/* What container engines give by default. */
static const char *const usual_capabilities[] = {
	"CHOWN",   "DAC_OVERRIDE", "FSETID",           "FOWNER",
	"MKNOD",   "NET_RAW",      "SETGID",           "SETUID",
	"SETFCAP", "SETPCAP",      "NET_BIND_SERVICE", "SYS_CHROOT",
	"KILL",    "AUDIT_WRITE",
};

_Static_assert(RK_COUNT(all_capabilities) <= 64, "one bit for each");

static int capability_bit(struct rk_span name)
{
	if (rk_span_starts(name, RK_SPAN("CAP_")))
		name = rk_span_sub(name, 4, name.size);
	for (size_t i = 0; i < RK_COUNT(all_capabilities); i++)
		if (rk_span_is(name, all_capabilities[i]))
			return (int)i;
	return -1;
}

static int change(uint64_t *set, const struct rk_val *list, bool is_add, uint64_t most, struct rk_error *error)
{
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_span name = rk_val_text(rk_val_item(list, i));
		const int bit = capability_bit(name);
		const uint64_t bits = rk_span_is(name, "ALL")
					      ? is_add ? most : UINT64_MAX
				      : bit >= 0 ? 1ull << bit
						 : 0;

		if (bits == 0)
			return rk_fail(error, RK_EINVAL, "there is no capability \"%.*s\"",
				       RK_SPAN_ARGS(name));
		*set = is_add ? *set | bits : *set & ~bits;
	}
	return 0;
}

bool rk_container_is_privileged(const struct rk_val *container)
{
	return rk_val_bool_at(container, "securityContext.privileged", false);
}

int rk_oci_capabilities(struct rk_arena *arena, const struct rk_val *container, uint64_t most,
			struct rk_val **ret, struct rk_error *error)
{
	static const char *const sets[] = { "bounding", "effective", "permitted" };
	const struct rk_val *add = rk_val_at(container, "securityContext.capabilities.add");
	const struct rk_val *drop = rk_val_at(container, "securityContext.capabilities.drop");
	struct rk_val *names = rk_val_list(arena), *capabilities = rk_val_map(arena);
	bool drops_all = false;
	uint64_t set = 0;

	for (size_t i = 0; i < RK_COUNT(usual_capabilities); i++)
		set |= 1ull << capability_bit(rk_span_str(usual_capabilities[i]));
	for (uint32_t i = 0; i < rk_val_count(drop); i++)
		drops_all |= rk_span_is(rk_val_text(rk_val_item(drop, i)), "ALL");
	/* "drop ALL, add X" gives X; other drops win over adds. */
	if (drops_all)
		set = 0;
	RK_TRY(change(&set, add, true, most, error));
	if (!drops_all)
		RK_TRY(change(&set, drop, false, most, error));
	if (rk_container_is_privileged(container))
		set = most;
	for (size_t i = 0; i < RK_COUNT(all_capabilities); i++)
		if (set & 1ull << i)
			rk_val_append(arena, names,
				      rk_val_strf(arena, "CAP_%s", all_capabilities[i]));
	for (size_t i = 0; i < RK_COUNT(sets); i++)
		rk_val_put(arena, capabilities, sets[i], names);
	*ret = capabilities;
	return 0;
}

struct rk_val *rk_oci_resources(struct rk_arena *arena, const struct rk_val *container)
{
	struct rk_val *resources = rk_val_map(arena), *cpu = rk_val_map(arena);
	struct rk_val *devices = rk_val_list(arena), *rule = rk_val_map(arena);
	const struct rk_span limit = rk_val_text_at(container, "resources.limits.cpu");
	const struct rk_span request = rk_val_text_at(container, "resources.requests.cpu");
	const int64_t limit_milli = rk_quantity_milli(limit, 0);
	const int64_t milli = rk_quantity_milli(request.size > 0 ? request : limit, 0);
	const int64_t memory =
		rk_quantity_value(rk_val_text_at(container, "resources.limits.memory"), 0);

	rk_val_put_int(arena, cpu, "shares", RK_MIN(RK_MAX(milli * 1024 / 1000, 2), 262144));
	if (limit_milli > 0) {
		rk_val_put_int(arena, cpu, "period", 100000);
		rk_val_put_int(arena, cpu, "quota", RK_MAX(limit_milli * 100, 1000));
	}
	rk_val_put(arena, resources, "cpu", cpu);
	if (memory > 0)
		rk_val_put_int(arena, rk_val_make(arena, resources, "memory"), "limit", memory);
	rk_val_put_bool(arena, rule, "allow", rk_container_is_privileged(container));
	rk_val_put_cstr(arena, rule, "access", "rwm");
	rk_val_append(arena, devices, rule);
	rk_val_put(arena, resources, "devices", devices);
	return resources;
}

struct rk_val *rk_oci_mount(struct rk_arena *arena, const char *to, const char *type,
			    const char *from, const char *const *options)
{
	struct rk_val *mount = rk_val_map(arena), *list = rk_val_list(arena);

	rk_val_put_cstr(arena, mount, "destination", to);
	rk_val_put_cstr(arena, mount, "type", type);
	rk_val_put_cstr(arena, mount, "source", from);
	for (size_t i = 0; options[i] != NULL; i++)
		rk_val_append(arena, list, rk_val_cstr(arena, options[i]));
	rk_val_put(arena, mount, "options", list);
	return mount;
}

struct rk_val *rk_oci_system_mounts(struct rk_arena *arena, bool is_privileged, const char *shm)
{
	static const struct {
		const char *to, *type, *from;
		const char *options[8];
	} mounts[] = {
		{ "/proc", "proc", "proc", { "nosuid", "noexec", "nodev" } },
		{ "/dev",
		  "tmpfs",
		  "tmpfs",
		  { "nosuid", "strictatime", "mode=755", "size=65536k" } },
		{ "/dev/pts",
		  "devpts",
		  "devpts",
		  { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" } },
		{ "/dev/mqueue", "mqueue", "mqueue", { "nosuid", "noexec", "nodev" } },
	};
	const char *const sys[] = { "nosuid", "noexec", "nodev", is_privileged ? "rw" : "ro",
				    NULL };
	const char *const bind[] = { "rbind", "rprivate", "nosuid", "noexec", "nodev", NULL };
	struct rk_val *list = rk_val_list(arena);

	for (size_t i = 0; i < RK_COUNT(mounts); i++)
		rk_val_append(arena, list,
			      rk_oci_mount(arena, mounts[i].to, mounts[i].type, mounts[i].from,
					   mounts[i].options));
	rk_val_append(arena, list, rk_oci_mount(arena, "/sys", "sysfs", "sysfs", sys));
	rk_val_append(arena, list, rk_oci_mount(arena, "/sys/fs/cgroup", "cgroup", "cgroup", sys));
	if (shm != NULL)
		rk_val_append(arena, list, rk_oci_mount(arena, "/dev/shm", "bind", shm, bind));
	return list;
}

static struct rk_val *strings(struct rk_arena *arena, const char *const *texts)
{
	struct rk_val *list = rk_val_list(arena);

	for (size_t i = 0; texts[i] != NULL; i++)
		rk_val_append(arena, list, rk_val_cstr(arena, texts[i]));
	return list;
}

void rk_oci_hide_paths(struct rk_arena *arena, struct rk_val *linux_part)
{
	static const char *const masked[] = { "/proc/asound",
					      "/proc/acpi",
					      "/proc/kcore",
					      "/proc/keys",
					      "/proc/latency_stats",
					      "/proc/timer_list",
					      "/proc/timer_stats",
					      "/proc/sched_debug",
					      "/proc/scsi",
					      "/sys/firmware",
					      "/sys/devices/virtual/powercap",
					      NULL };
	static const char *const readonly[] = { "/proc/bus",           "/proc/fs",
						"/proc/irq",           "/proc/sys",
						"/proc/sysrq-trigger", NULL };

	rk_val_put(arena, linux_part, "maskedPaths", strings(arena, masked));
	rk_val_put(arena, linux_part, "readonlyPaths", strings(arena, readonly));
}
