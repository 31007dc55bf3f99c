int rk_node_placeholder;
