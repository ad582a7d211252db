# A person or a program that changes: besides all of operator-read, every service and every policy of the mesh.
# For one team, name its services and its policies instead: service "orders" { … }, key "legation/policies/Identity/orders" { … }.

service_prefix "" {
  policy = "write"
}
key "legation/mesh" {
  policy = "read"
}
key_prefix "legation/policies/" {
  policy = "write"
}

# How the control plane keeps the policies: nobody else writes there, so that every change is checked, approved and audited.
key "legation/policies/head" {
  policy = "read"
}
key "legation/policies/canary" {
  policy = "read"
}
key_prefix "legation/policies/blobs/" {
  policy = "read"
}
key_prefix "legation/policies/proposals/" {
  policy = "read"
}
