/** A new path, as Envoy's routes and redirects write it. */
import { create } from "@bufbuild/protobuf";
import { packAny } from "@legation/envoy-api";
import { type TypedExtensionConfig, TypedExtensionConfigSchema } from "@legation/envoy-api/envoy/config/core/v3/extension";
import { UriTemplateRewriteConfigSchema } from "@legation/envoy-api/envoy/extensions/path/rewrite/uri_template/v3/uri_template_rewrite";
import { type RegexMatchAndSubstitute, RegexMatchAndSubstituteSchema } from "@legation/envoy-api/envoy/type/matcher/v3/regex";
import type { PathMatch } from "../../policy/route/path-match.js";
import type { PathRewrite } from "../../policy/route/path-rewrite.js";

/** One of Envoy's ways to write a path anew; none where it stays as it is. */
export interface EnvoyPathRewrite {
  /** In place of what the route's path specifier matched. */
  readonly prefixRewrite?: string;
  readonly regexRewrite?: RegexMatchAndSubstitute;
  readonly pathRewritePolicy?: TypedExtensionConfig;
}

/**
 * The way for a rule that matches `path`. Envoy puts a prefix in place of exactly what was matched: of `/api` without the slash behind it, and of
 * `/` with it, so that each needs another care for the slash between the new prefix and the rest.
 */
export function envoyPathRewrite(rewrite: PathRewrite | undefined, path: PathMatch): EnvoyPathRewrite {
  switch (rewrite?.kind) {
    case undefined:
      return {};
    case "path":
      return regexRewrite("^.*$", literal(rewrite.value));
    case "regex":
      return regexRewrite(rewrite.pattern, rewrite.substitution);
    case "prefix":
      if (path.value === "/") return rewrite.value === "/" ? {} : { prefixRewrite: `${rewrite.value}/` };
      if (rewrite.value !== "/") return { prefixRewrite: rewrite.value };
      return regexRewrite(`^${path.ignoreCase ? "(?i)" : ""}${quoted(path.value)}/*`, "/");
    case "template": {
      const config = create(UriTemplateRewriteConfigSchema, { pathTemplateRewrite: rewrite.value });
      const typedConfig = packAny(UriTemplateRewriteConfigSchema, config);
      return { pathRewritePolicy: create(TypedExtensionConfigSchema, { name: templateRewriter, typedConfig }) };
    }
  }
}

const templateRewriter = "envoy.path.rewrite.uri_template.uri_template_rewriter";

function regexRewrite(regex: string, substitution: string): EnvoyPathRewrite {
  return { regexRewrite: create(RegexMatchAndSubstituteSchema, { pattern: { regex }, substitution }) };
}

/** A text that matches nothing but itself, as a part of an RE2 expression. */
function quoted(text: string): string {
  return text.replace(/[^A-Za-z0-9_/-]/g, "\\$&");
}

/** A text that is put in as it stands. */
function literal(text: string): string {
  return text.replaceAll("\\", "\\\\");
}
