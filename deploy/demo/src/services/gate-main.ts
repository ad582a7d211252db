/** `gate`: where visitors without a certificate come in. It hands them on to `web`, and tries `payments`, where it has no business. */
import { readEnvironment, serve } from "./shop-service.js";

serve(readEnvironment(), async (path, call) => {
  const { status, by, body } = await call(path.startsWith("/payments/") ? `http://payments${path}` : `http://web${path}`);
  const { answeredBy: _, ...rest } = body;
  return { status, by, body: rest };
});
