/** What the service has routes for, so that nothing is asked of an older one that it does not know. */

/** @type {Promise<string[]> | null} */
let paths = null;

/** @param {import("../longwatch.js").Client} client @param {"frames" | "timeline"} part */
export async function has(client, part) {
  paths ??= client.http("/openapi.json").then(
    (told) => Object.keys(told.paths),
    () => ((paths = null), []),
  );
  return (await paths).some((path) => path.startsWith("/v1/streams/") && path.includes(`/${part}`));
}
