/* Every command, in the order of the help: a section after the other. */
#include "base/mem.h"
#include "cli/commands.h"

static const struct rk_command *const commands[] = {
	/* Basic */
	&rk_command_get,
	&rk_command_apply,
	&rk_command_create,
	&rk_command_create_namespace,
	&rk_command_create_deployment,
	&rk_command_create_service,
	&rk_command_create_configmap,
	&rk_command_create_secret,
	&rk_command_create_serviceaccount,
	&rk_command_run_pod,
	&rk_command_expose,
	&rk_command_edit,
	&rk_command_delete,
	/* Workloads */
	&rk_command_scale,
	&rk_command_set_image,
	&rk_command_rollout_status,
	&rk_command_rollout_history,
	&rk_command_rollout_undo,
	&rk_command_rollout_restart,
	&rk_command_rollout_pause,
	&rk_command_rollout_resume,
	&rk_command_label,
	&rk_command_annotate,
	&rk_command_patch,
	&rk_command_replace,
	&rk_command_wait,
	/* Looking deeper */
	&rk_command_describe,
	&rk_command_logs,
	&rk_command_exec,
	&rk_command_events,
	&rk_command_explain,
	&rk_command_api_resources,
	&rk_command_cordon,
	&rk_command_uncordon,
	&rk_command_drain,
	/* Clusters */
	&rk_command_cluster_up,
	&rk_command_cluster_down,
	&rk_command_cluster_status,
	&rk_command_cluster_enter,
	/* Members and nodes */
	&rk_command_server,
	&rk_command_member_ls,
	&rk_command_member_add,
	&rk_command_member_promote,
	&rk_command_member_remove,
	&rk_command_member_update,
	&rk_command_member_set,
	&rk_command_member_cert,
	&rk_command_transfer,
	&rk_command_node,
	&rk_command_image_load,
	&rk_command_image_ls,
	/* The log */
	&rk_command_log_ls,
	&rk_command_log_show,
	&rk_command_log_stat,
	&rk_command_log_verify,
	&rk_command_log_salvage,
	&rk_command_log_who,
	&rk_command_log_backup,
	&rk_command_log_restore,
	&rk_command_sim,
	/* Other */
	&rk_command_completion,
	&rk_command_complete_words,
	&rk_command_version,
};

const struct rk_command *const *rk_commands(size_t *ret_count)
{
	*ret_count = RK_COUNT(commands);
	return commands;
}
