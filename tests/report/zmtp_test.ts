import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ByteStream } from "../../lib/report/kernel/byte_stream.ts";
import { MessageCodec } from "../../lib/report/kernel/message.ts";
import { ZmtpSocket } from "../../lib/report/kernel/zmtp.ts";

const READY = "\x05READY\x0bSocket-Type\0\0\0\x06ROUTER";

/** A peer that greets, says it is ready, sends `frames`, and records what it receives. */
function peer(greeting: Uint8Array, frames: number[][]) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const received: Uint8Array[] = [];
  const done = (async () => {
    const connection = await listener.accept();
    await connection.write(greeting);
    const ready = new TextEncoder().encode(READY);
    await connection.write(new Uint8Array([4, ready.length, ...ready]));
    for (const frame of frames) {
      for (const byte of frame) await connection.write(new Uint8Array([byte])); // in crumbs
    }
    await connection.closeWrite();
    for await (const chunk of connection.readable) received.push(chunk);
  })();
  return {
    address: { hostname: "127.0.0.1", port: (listener.addr as Deno.NetAddr).port },
    async finish(): Promise<Uint8Array> {
      await done;
      listener.close();
      return new Uint8Array(received.flatMap((chunk) => [...chunk]));
    },
  };
}

function greeting(version = 3, mechanism = "NULL"): Uint8Array {
  const bytes = new Uint8Array(64);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = version;
  bytes.set(new TextEncoder().encode(mechanism), 12);
  return bytes;
}

Deno.test("Messages of several frames arrive whole, commands between them are passed over", async () => {
  const long = Array.from({ length: 300 }, (_, i) => i % 256);
  const { address, finish } = peer(greeting(), [
    [1, 2, 7, 8], // "more" follows: a frame of two bytes
    [4, 1, 0], // a command
    [2, 0, 0, 0, 0, 0, 0, 1, 44, ...long], // a long last frame
    [0, 0], // an empty message
  ]);
  const socket = await ZmtpSocket.connect(address, "DEALER");
  const messages: number[][][] = [];
  for await (const frames of socket.messages()) messages.push(frames.map((frame) => [...frame]));
  assertEquals(messages, [[[7, 8], long], [[]]]);
  socket.close();
  await finish();
});

Deno.test("What is sent is greeted, announced and framed as ZMTP 3.0 says", async () => {
  const { address, finish } = peer(greeting(), []);
  const socket = await ZmtpSocket.connect(address, "SUB");
  await socket.send([new Uint8Array([5]), new Uint8Array(256).fill(9)]);
  socket.close();
  const bytes = await finish();
  assertEquals(bytes.subarray(0, 64), greeting());
  const ready = new TextEncoder().encode("\x05READY\x0bSocket-Type\0\0\0\x03SUB");
  assertEquals([...bytes.subarray(64, 66 + ready.length)], [4, ready.length, ...ready]);
  const rest = [...bytes.subarray(66 + ready.length)];
  assertEquals(rest.slice(0, 3), [0, 1, 1], "a subscription to everything");
  assertEquals(rest.slice(3, 6), [1, 1, 5], "a short frame, and more to come");
  assertEquals(rest.slice(6, 15), [2, 0, 0, 0, 0, 0, 0, 1, 0], "a long frame of 256 bytes");
  assertEquals(rest.length, 15 + 256);
});

for (
  const [name, wrong, sentence] of [
    ["another version", greeting(1), "does not speak ZMTP 3"],
    ["another security mechanism", greeting(3, "CURVE"), "security mechanism CURVE"],
  ] as const
) {
  Deno.test(`A peer with ${name} is refused`, async () => {
    const { address, finish } = peer(wrong, []);
    await assertRejects(() => ZmtpSocket.connect(address, "DEALER"), Error, sentence);
    await finish();
  });
}

Deno.test("A byte stream gives exact amounts from chunks of any size", async () => {
  const data = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251);
  for (const chunk of [1000, 65_536, 100_000]) {
    let at = 0;
    const stream = new ByteStream({
      read(into) {
        if (at >= data.length) return Promise.resolve(null);
        const piece = data.subarray(at, at + Math.min(chunk, into.length));
        into.set(piece);
        at += piece.length;
        return Promise.resolve(piece.length);
      },
    });
    assertEquals(await stream.take(3), data.slice(0, 3));
    assertEquals(await stream.take(0), new Uint8Array(0));
    assertEquals(await stream.take(200_000), data.slice(3, 200_003));
    assertEquals(await stream.take(99_997), data.slice(200_003));
    assertEquals(await stream.take(1), null);
  }
});

Deno.test("A message comes back as it was sent, and one with another key is refused", () => {
  const codec = new MessageCodec("key");
  const message = codec.request("execute_request", { code: "1 + 1 // π" });
  const frames = codec.encode(message);
  assertEquals(codec.decode(frames), message);
  assertEquals(codec.decode([new Uint8Array([1]), ...frames]), message, "after an identity");
  assertThrows(() => new MessageCodec("other").decode(frames), Error, "wrong signature");
  assertThrows(() => codec.decode(frames.slice(0, 3)), Error, "no Jupyter message");
});
