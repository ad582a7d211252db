# A person or a program that looks: services, proxies, changes, metrics, audit, security events, policies.

service_prefix "" {
  policy = "read"
}

# What concerns the mesh as a whole. The key need not exist: the rule is all that counts.
key "legation/mesh" {
  policy = "read"
}
key_prefix "legation/policies/" {
  policy = "read"
}
