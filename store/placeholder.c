int rk_store_placeholder;
