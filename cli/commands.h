/* cli/commands.h - every command of the program, by file. Each is listed in main.c's table. */
#ifndef RK_CLI_COMMANDS_H
#define RK_CLI_COMMANDS_H

#include "cli/args.h"

/* get.c */
extern const struct rk_command rk_command_get;
/* apply.c */
extern const struct rk_command rk_command_apply;
/* create.c */
extern const struct rk_command rk_command_create;
/* create_make.c */
extern const struct rk_command rk_command_create_namespace, rk_command_create_deployment,
	rk_command_create_service, rk_command_create_serviceaccount, rk_command_run_pod;
/* create_data_io.c */
extern const struct rk_command rk_command_create_configmap, rk_command_create_secret;
/* patch.c */
extern const struct rk_command rk_command_expose, rk_command_patch, rk_command_cordon,
	rk_command_uncordon;
/* edit_io.c */
extern const struct rk_command rk_command_edit, rk_command_replace;
/* delete.c */
extern const struct rk_command rk_command_delete;
/* scale.c */
extern const struct rk_command rk_command_scale;
/* set.c */
extern const struct rk_command rk_command_set_image;
/* wait.c */
extern const struct rk_command rk_command_rollout_status, rk_command_wait;
/* rollout.c */
extern const struct rk_command rk_command_rollout_history, rk_command_rollout_undo,
	rk_command_rollout_restart, rk_command_rollout_pause, rk_command_rollout_resume;
/* label.c */
extern const struct rk_command rk_command_label, rk_command_annotate;
/* describe.c */
extern const struct rk_command rk_command_describe;
/* logs_io.c */
extern const struct rk_command rk_command_logs;
/* exec_io.c */
extern const struct rk_command rk_command_exec;
/* events.c */
extern const struct rk_command rk_command_events;
/* explain.c */
extern const struct rk_command rk_command_explain, rk_command_api_resources;
/* drain.c */
extern const struct rk_command rk_command_drain;
/* cluster.c */
extern const struct rk_command rk_command_cluster_up, rk_command_cluster_down,
	rk_command_cluster_status, rk_command_cluster_enter;
/* server.c */
extern const struct rk_command rk_command_server;
/* member.c */
extern const struct rk_command rk_command_member_ls, rk_command_member_add,
	rk_command_member_promote, rk_command_member_remove, rk_command_member_update,
	rk_command_member_set, rk_command_transfer, rk_command_sim;
/* member_cert.c */
extern const struct rk_command rk_command_member_cert;
/* node.c */
extern const struct rk_command rk_command_node;
/* image_io.c */
extern const struct rk_command rk_command_image_load, rk_command_image_ls;
/* log.c */
extern const struct rk_command rk_command_log_ls, rk_command_log_show, rk_command_log_stat,
	rk_command_log_verify;
/* log_backup.c */
extern const struct rk_command rk_command_log_backup;
/* log_restore.c */
extern const struct rk_command rk_command_log_restore;
/* log_salvage.c */
extern const struct rk_command rk_command_log_salvage;
/* log_who.c */
extern const struct rk_command rk_command_log_who;
/* completion.c */
extern const struct rk_command rk_command_completion, rk_command_complete_words;
/* version.c */
extern const struct rk_command rk_command_version;

/* command_list.c: all of them, in the order of the help. */
const struct rk_command *const *rk_commands(size_t *ret_count);

#endif
