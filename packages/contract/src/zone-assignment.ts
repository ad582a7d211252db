/** What an Envoy asks for to know where the instances of its own service are. */

/**
 * The name of the assignment that says in which zones of a region a service's own instances are; the region is empty for those that name
 * none. No service has it: a colon is in no DNS label.
 */
export function zoneAssignmentName(service: string, region: string): string {
  return `zones:${service}:${region}`;
}
