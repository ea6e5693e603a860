// One conversation of the AWS SDK for JavaScript with the Nova Sonic of SONIC_ENDPOINT: two utterances (a tone and a
// pause each), a tool, an orderly end. Prints what came back, and exits 0 only when text of both sides and audio did.

import { BedrockRuntimeClient, InvokeModelWithBidirectionalStreamCommand } from "@aws-sdk/client-bedrock-runtime";
import { NodeHttp2Handler } from "@smithy/node-http-handler";

const RATE = 16000;
const FRAME_MS = 20;
const promptName = "prompt";
const audio = { promptName, contentName: "audio" };

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Events wait here for the SDK, which takes them as an async iterable. */
class Outbox {
  #events = [];
  #wake = () => {};
  #ended = false;

  send(name, body) {
    const bytes = new TextEncoder().encode(JSON.stringify({ event: { [name]: body } }));
    this.#events.push({ chunk: { bytes } });
    this.#wake();
  }

  end() {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      while (this.#events.length) yield this.#events.shift();
      if (this.#ended) return;
      await new Promise((resolve) => (this.#wake = resolve));
    }
  }
}

function open(outbox) {
  outbox.send("sessionStart", { inferenceConfiguration: { maxTokens: 1024, topP: 0.9, temperature: 0.7 } });
  const format = { mediaType: "audio/lpcm", sampleSizeBits: 16, channelCount: 1, encoding: "base64", audioType: "SPEECH" };
  const json = JSON.stringify({ type: "object", properties: { number: { type: "string" } } });
  const toolSpec = { name: "find_parcel", description: "Says where a parcel is.", inputSchema: { json } };
  outbox.send("promptStart", {
    promptName,
    textOutputConfiguration: { mediaType: "text/plain" },
    audioOutputConfiguration: { ...format, sampleRateHertz: 24000, voiceId: "tiffany" },
    toolUseOutputConfiguration: { mediaType: "application/json" },
    toolConfiguration: { tools: [{ toolSpec }] },
  });
  const system = { promptName, contentName: "system" };
  const textInputConfiguration = { mediaType: "text/plain" };
  outbox.send("contentStart", { ...system, type: "TEXT", interactive: false, role: "SYSTEM", textInputConfiguration });
  outbox.send("textInput", { ...system, content: "You know where parcels are." });
  outbox.send("contentEnd", system);
  const audioInputConfiguration = { ...format, sampleRateHertz: RATE };
  outbox.send("contentStart", { ...audio, type: "AUDIO", interactive: true, role: "USER", audioInputConfiguration });
}

async function play(outbox, ms, loudness) {
  const count = (RATE * FRAME_MS) / 1000;
  for (let frame = 0; frame < ms / FRAME_MS; frame++) {
    const pcm = Buffer.alloc(count * 2);
    for (let i = 0; i < count; i++) {
      pcm.writeInt16LE(Math.round(loudness * Math.sin((2 * Math.PI * 300 * (frame * count + i)) / RATE)), i * 2);
    }
    outbox.send("audioInput", { ...audio, content: pcm.toString("base64") });
    await pause(FRAME_MS);
  }
}

function answerTool(outbox, toolUseId) {
  const content = { promptName, contentName: `result-${toolUseId}` };
  const toolResultInputConfiguration = {
    toolUseId,
    type: "TEXT",
    textInputConfiguration: { mediaType: "text/plain" },
  };
  outbox.send("contentStart", { ...content, type: "TOOL", interactive: false, role: "TOOL", toolResultInputConfiguration });
  outbox.send("toolResult", { ...content, content: JSON.stringify({ place: "in the post" }) });
  outbox.send("contentEnd", content);
}

async function speak(outbox) {
  for (let utterance = 0; utterance < 2; utterance++) {
    await play(outbox, 200, 0);
    await play(outbox, 600, 9000);
    await play(outbox, 3500, 0);
  }
  outbox.send("contentEnd", audio);
  outbox.send("promptEnd", { promptName });
  outbox.send("sessionEnd", {});
}

const requestHandler = new NodeHttp2Handler({ requestTimeout: 30000, sessionTimeout: 30000 });
const client = new BedrockRuntimeClient({ region: "us-east-1", endpoint: process.env.SONIC_ENDPOINT, requestHandler });
const outbox = new Outbox();
open(outbox);
const speaking = speak(outbox);
const modelId = "amazon.nova-2-sonic-v1:0";
const response = await client.send(new InvokeModelWithBidirectionalStreamCommand({ modelId, body: outbox }));
const seen = { user: [], assistant: [], audioBytes: 0, ended: false };
for await (const output of response.body) {
  const { event } = JSON.parse(new TextDecoder().decode(output.chunk.bytes));
  if (event.textOutput?.role === "USER") seen.user.push(event.textOutput.content);
  if (event.textOutput?.role === "ASSISTANT") seen.assistant.push(event.textOutput.content);
  if (event.audioOutput) seen.audioBytes += Buffer.from(event.audioOutput.content, "base64").length;
  if (event.toolUse) answerTool(outbox, event.toolUse.toolUseId);
  if (event.completionEnd) seen.ended = true;
}
await speaking;
outbox.end();
console.log(JSON.stringify(seen));
const whole = seen.user.length === 2 && seen.assistant.includes("It is in the post.") && seen.audioBytes > 0 && seen.ended;
process.exit(whole ? 0 : 1);
