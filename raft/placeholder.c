int rk_raft_placeholder;
