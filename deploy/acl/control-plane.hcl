# A control plane. It reads the whole registry, and writes nothing but its own entry and the policies.

# Services with their instances, their checks, and the intentions between them.
service_prefix "" {
  policy     = "read"
  intentions = "read"
}
node_prefix "" {
  policy = "read"
}

# Its own entry, and its certificate.
service "legation-control-plane" {
  policy = "write"
}

# What intentions mean where there is none: the default policy that Consul's agent says.
agent_prefix "" {
  policy = "read"
}

# Policies that operators apply over the API, by their own right, are kept in Consul by the control plane.
key_prefix "legation/policies/" {
  policy = "write"
}
