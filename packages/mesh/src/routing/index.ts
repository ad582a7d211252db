/** Where requests go, worked out from compiled routes: for plans and explanations. */
export type { Destination } from "./destination.js";
export type { RoutedRequest } from "./request.js";
export { routeRequest, sameDestinations, type Way, waysText } from "./route-request.js";
