/** The path that a request has behind a route, and where a redirect leads: Envoy's rewrites, worked out. */
import { unpackAny } from "@legation/envoy-api";
import type { RedirectAction, Route, RouteAction, RouteMatch } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { UriTemplateMatchConfigSchema } from "@legation/envoy-api/envoy/extensions/path/match/uri_template/v3/uri_template_match";
import { UriTemplateRewriteConfigSchema } from "@legation/envoy-api/envoy/extensions/path/rewrite/uri_template/v3/uri_template_rewrite";
import type { RegexMatchAndSubstitute } from "@legation/envoy-api/envoy/type/matcher/v3/regex";
import { replacePattern } from "../authorization/pattern.js";
import { variablesIn } from "../routing/path-template.js";
import type { RoutedRequest } from "../routing/request.js";

type Rewriting = {
  readonly prefixRewrite: string;
  readonly regexRewrite?: RegexMatchAndSubstitute | undefined;
  readonly pathRewritePolicy?: RouteAction["pathRewritePolicy"];
};

/** The path with its query, as the route sends it on. */
export function sentPath({ match, action }: Route, { path }: RoutedRequest): string {
  return action.case === "route" ? rewritten(match, action.value, path) : path;
}

/** The `location` of a redirect. */
export function locationOf(match: RouteMatch | undefined, to: RedirectAction, { host, path }: RoutedRequest): string {
  const scheme = schemeOf(to);
  const authority = to.hostRedirect || withoutPort(host, to, scheme);
  return `${scheme}://${authority}${to.portRedirect > 0 ? `:${to.portRedirect}` : ""}${redirectedPath(match, to, path)}`;
}

function schemeOf({ schemeRewriteSpecifier: how }: RedirectAction): string {
  if (how.case === "schemeRedirect") return how.value;
  return how.case === "httpsRedirect" && how.value ? "https" : "http";
}

function withoutPort(host: string, { portRedirect }: RedirectAction, scheme: string): string {
  if (portRedirect > 0) return host.replace(/:\d+$/, "");
  return scheme === "http" ? host : host.replace(/:80$/, "");
}

function redirectedPath(match: RouteMatch | undefined, { pathRewriteSpecifier: how, stripQuery }: RedirectAction, path: string): string {
  const strip = (text: string) => (stripQuery ? plain(text) : text);
  switch (how.case) {
    case "pathRedirect":
      return how.value.includes("?") ? how.value : how.value + (stripQuery ? "" : path.slice(plain(path).length));
    case "prefixRewrite":
      return strip(rewritten(match, { prefixRewrite: how.value }, path));
    case "regexRewrite":
      return strip(rewritten(match, { prefixRewrite: "", regexRewrite: how.value }, path));
    default:
      return strip(path);
  }
}

function rewritten(match: RouteMatch | undefined, { prefixRewrite, regexRewrite, pathRewritePolicy }: Rewriting, path: string): string {
  const bare = plain(path);
  const query = path.slice(bare.length);
  if (prefixRewrite !== "") return prefixRewrite + path.slice(matchedLength(match, bare));
  if (regexRewrite) return replacePattern(regexRewrite.pattern?.regex ?? "", regexRewrite.substitution, bare) + query;
  if (pathRewritePolicy?.typedConfig && match?.pathSpecifier.case === "pathMatchPolicy" && match.pathSpecifier.value.typedConfig) {
    const { pathTemplate } = unpackAny(UriTemplateMatchConfigSchema, match.pathSpecifier.value.typedConfig);
    const { pathTemplateRewrite } = unpackAny(UriTemplateRewriteConfigSchema, pathRewritePolicy.typedConfig);
    const variables = variablesIn(pathTemplate, bare);
    return pathTemplateRewrite.replace(/\{([^}]*)\}/g, (_, name: string) => variables.get(name) ?? "") + query;
  }
  return path;
}

/** What a prefix takes the place of. */
function matchedLength(match: RouteMatch | undefined, path: string): number {
  const how = match?.pathSpecifier;
  switch (how?.case) {
    case "prefix":
    case "pathSeparatedPrefix":
    case "path":
      return how.value.length;
    default:
      return path.length;
  }
}

function plain(path: string): string {
  return path.replace(/[?#].*$/s, "");
}
