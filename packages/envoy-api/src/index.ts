/** Envoy's v3 API in TypeScript: generated messages under `@legation/envoy-api/<proto path>`, and what every user of them needs. */
export { decode, encode, packAny, typeUrl, unpackAny } from "./any.js";
export { parseJson, registry, toJson } from "./registry.js";
