# Prometheus: finds control planes and agents in Consul, and reads /metrics of the control planes.

service_prefix "" {
  policy = "read"
}
node_prefix "" {
  policy = "read"
}
# Only to learn the data centre; not needed where `consul_sd_configs` names it.
agent_prefix "" {
  policy = "read"
}
key "legation/mesh" {
  policy = "read"
}
