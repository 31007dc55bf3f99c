int rk_net_placeholder;
