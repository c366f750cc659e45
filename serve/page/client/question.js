/** What is sent to ask a question. */

/**
 * @typedef {{question: string, answer: string}} Exchange
 * @typedef {{stream?: string, asOf?: number, range?: {from?: number, to?: number} | "auto" | null,
 *   instructions?: string, maxTokens?: number, conversation?: "auto" | "none",
 *   before?: Exchange[]}} AskOptions `asOf` and `range` are in microseconds on the stream's
 *   clock; `before` are exchanges that the question goes on from
 */

/**
 * @param {string} question
 * @param {string} name by which its answer is known again
 * @param {AskOptions} options
 */
export function request(question, name, options) {
  const { stream, asOf, range, instructions, maxTokens, conversation = "none", before = [] } = options;
  const said = before.flatMap((turn) => [message("user", turn.question), message("assistant", turn.answer)]);
  return {
    conversation,
    metadata: { ask: name },
    instructions,
    max_output_tokens: maxTokens,
    input: [...said, message("user", question)],
    lw: { streams: stream ? [stream] : undefined, as_of: asOf, range },
  };
}

/** @param {"user" | "assistant"} role @param {string} text */
function message(role, text) {
  const type = role === "user" ? "input_text" : "output_text";
  return { type: "message", role, content: [{ type, text }] };
}
