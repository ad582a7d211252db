# The agent of one service. Write the service's name in place of SERVICE.

# Registers the instances, reports their checks, drains them, and gets their certificate. The control plane takes its notices by the same rule.
service "SERVICE" {
  policy = "write"
}

# Learns which control planes speak TLS.
service "legation-control-plane" {
  policy = "read"
}
node_prefix "" {
  policy = "read"
}

# Learns the name of the node that the service is registered on.
agent_prefix "" {
  policy = "read"
}
