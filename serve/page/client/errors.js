/** What went wrong, as the service or the connection says it. */
export class LongwatchError extends Error {
  /**
   * @param {string} code such as `stream_not_found`; docs/protocol.md lists them
   * @param {string} message what, why, and what to do
   * @param {{retryable?: boolean, status?: number, streamName?: string | null}} [more]
   */
  constructor(code, message, more = {}) {
    super(message);
    this.name = "LongwatchError";
    this.code = code;
    this.retryable = more.retryable ?? false;
    /** The HTTP status, or 0. */
    this.status = more.status ?? 0;
    /** The stream that it is about, if it is about one. */
    this.stream = more.streamName ?? null;
  }
}

/**
 * @param {any} error the `error` object of an event or of a response's body
 * @param {number} [status]
 */
export function fromWire(error, status = 0) {
  const { code = "error", message = "something went wrong", lw } = error ?? {};
  const retryable = lw?.retryable ?? (status === 429 || status === 503);
  return new LongwatchError(code, message, { retryable, status, streamName: lw?.stream });
}
