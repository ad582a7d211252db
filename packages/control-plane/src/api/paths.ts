/** Where the API documents itself. */

/** The OpenAPI document. */
export const openApiPath = "/api/openapi.json";

/** The reference of all errors; `#` and a code lead to one. */
export const errorsPath = "/docs/errors";
