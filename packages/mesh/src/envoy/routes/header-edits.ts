/** Edits of headers, as Envoy's routes say them. */
import { create } from "@bufbuild/protobuf";
import {
  HeaderValueOption_HeaderAppendAction as Append,
  type HeaderValueOption,
  HeaderValueOptionSchema,
} from "@legation/envoy-api/envoy/config/core/v3/base";
import type { Route } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import type { HeaderEdits, RuleHeaders } from "../../policy/route/header-edits.js";

type Fields = Pick<Route, "requestHeadersToAdd" | "requestHeadersToRemove" | "responseHeadersToAdd" | "responseHeadersToRemove">;

/** The fields of a route that edit headers. */
export function headerFields(headers: RuleHeaders | undefined): Partial<Fields> {
  if (!headers) return {};
  const { request, response } = headers;
  return {
    requestHeadersToAdd: added(request),
    requestHeadersToRemove: [...request.remove],
    responseHeadersToAdd: added(response),
    responseHeadersToRemove: [...response.remove],
  };
}

function added({ set, add }: HeaderEdits): HeaderValueOption[] {
  return [
    ...set.map(([key, value]) => option(key, value, Append.OVERWRITE_IF_EXISTS_OR_ADD)),
    ...add.map(([key, value]) => option(key, value, Append.APPEND_IF_EXISTS_OR_ADD)),
  ];
}

/** Envoy takes `%` for the beginning of a command. */
function option(key: string, value: string, appendAction: Append): HeaderValueOption {
  return create(HeaderValueOptionSchema, { header: { key, value: value.replaceAll("%", "%%") }, appendAction, keepEmptyValue: true });
}
