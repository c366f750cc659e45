/** Numbers and times as people read them. */

/** A time of a stream, `0:42` or `1:02:03`. @param {number} micros */
export function streamTime(micros) {
  const total = Math.floor(micros / 1e6);
  const [h, m, s] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A time of day. @param {number} millis since 1970 */
export function wallTime(millis) {
  return new Date(millis).toLocaleTimeString([], { hour12: false });
}

/** @param {number} seconds */
export function span(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** @param {number} count */
export function bytes(count) {
  const units = ["B", "kB", "MB", "GB"];
  let unit = 0;
  while (count >= 1000 && unit < 3) [count, unit] = [count / 1000, unit + 1];
  return `${count.toFixed(unit && count < 10 ? 1 : 0)} ${units[unit]}`;
}

/** @param {number} count */
export function number(count) {
  return Math.round(count).toLocaleString("en").replaceAll(",", "\u202f");
}

/** Milliseconds as `180 ms` or `1.2 s`. @param {number | null | undefined} ms */
export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** What a reason of the service means. @param {string | null | undefined} reason */
export function because(reason) {
  const known = {
    publisher_left: "its publisher left",
    closed: "it was closed",
    publisher_ended: "its publisher has sent all",
    discarded: "its memory was discarded",
    source_refused: "nothing listens at that address",
    source_auth_failed: "the camera refuses the user name or the password",
    source_not_found: "the camera has no such stream",
    source_dns: "no machine has that name",
    source_tls: "the camera's certificate cannot be trusted",
    source_timeout: "the camera does not answer",
    source_stalled: "the camera sends nothing any more",
    source_no_video: "there is no video at that address",
    source_codec_unsupported: "its video cannot be decoded here",
    source_transport_unsupported: "the camera does not offer that transport",
    source_corrupt: "what it sends cannot be decoded",
    source_ended: "it came to its end",
    source_forbidden_url: "the service may not fetch that address",
  };
  return reason ? (/** @type {any} */ (known)[reason] ?? reason.replaceAll("_", " ")) : "";
}
