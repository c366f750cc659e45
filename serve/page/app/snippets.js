/** The same question for a terminal and for a program. */

/**
 * @typedef {{question: string, stream: string, range: {from?: number, to?: number} | "auto",
 *   asOf: number | null}} Asked
 */

/** @param {string} text */
function shell(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** @param {string} base @param {string} model @param {Asked} asked @param {boolean} keyed */
export function curl(base, model, asked, keyed) {
  const lw = { stream: asked.stream, range: asked.range, as_of: asked.asOf ?? "now" };
  const body = { model, messages: [{ role: "user", content: asked.question }], stream: true, lw };
  const lines = [`curl -N ${base}/v1/chat/completions`, "-H 'Content-Type: application/json'"];
  if (keyed) lines.push('-H "Authorization: Bearer $LONGWATCH_KEY"');
  return [...lines, `-d ${shell(JSON.stringify(body))}`].join(" \\\n  ");
}

/** @param {string} base @param {Asked} asked @param {boolean} keyed */
export function python(base, asked, keyed) {
  const extra = [`stream=${JSON.stringify(asked.stream)}`];
  if (asked.asOf !== null) extra.push(`as_of=${asked.asOf / 1e6}`);
  if (asked.range !== "auto") {
    const { from = 0, to } = asked.range;
    const end = to ?? asked.asOf;
    if (end !== null) extra.push(`between=(${from / 1e6}, ${end / 1e6})`);
  }
  const key = keyed ? ', api_key=os.environ["LONGWATCH_KEY"]' : "";
  return `import asyncio${keyed ? "\nimport os" : ""}
from longwatch.client import connect


async def main():
    async with connect(${JSON.stringify(base)}${key}) as client:
        answer = await client.ask(${JSON.stringify(asked.question)}, ${extra.join(", ")})
        async for piece in answer:
            print(piece, end="", flush=True)


asyncio.run(main())
`;
}
