/** Every fault, in the order in which they are played. */
import type { Fault } from "../fault.js";
import { consulKilled } from "./consul-killed.js";
import { consulErrors, consulHangs, consulResets } from "./consul-sick.js";
import { controlPlaneDown } from "./control-plane-down.js";
import { controlPlaneKilled } from "./control-plane-killed.js";
import { deafService } from "./deaf-service.js";
import { longRequest } from "./long-request.js";
import { none } from "./none.js";
import { silentProxy } from "./silent-proxy.js";

export const faults: readonly Fault[] = [
  none,
  consulKilled,
  consulErrors,
  consulHangs,
  consulResets,
  controlPlaneKilled,
  controlPlaneDown,
  silentProxy,
  longRequest,
  deafService,
];
