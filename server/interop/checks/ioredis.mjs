// ioredis against one server: connecting, values, pipelines, transactions, scanning, refusals.
//
// Owns the expectations of a Node.js user. Invariant: prints "done" only when all held.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const Redis = createRequire(import.meta.url)(process.env.IOREDIS);
const [host, portText, kind, password] = process.argv.slice(2);
const port = Number(portText);

async function values(redis) {
  assert.equal(await redis.set("k", "v"), "OK");
  assert.equal(await redis.get("k"), "v");
  assert.equal(await redis.get("nothing"), null);
  assert.equal(await redis.set("k", "w", "EX", 100, "NX"), null);
  assert.equal(await redis.set("k", "w", "PX", 100000, "XX"), "OK");
  assert.ok((await redis.ttl("k")) > 90);
  assert.equal(await redis.incrby("n", 5), 5);
  const bytes = Buffer.from([0, 255, 13, 10, 128]);
  await redis.set(bytes, bytes);
  assert.deepEqual(await redis.getBuffer(bytes), bytes);
  await redis.mset("{t}a", 1, "{t}b", 2);
  assert.deepEqual(await redis.mget("{t}a", "{t}none", "{t}b"), ["1", null, "2"]);
  await assert.rejects(redis.incr("k"), /value is not an integer or out of range/);
  const large = Buffer.alloc(2 << 20, "x");
  await redis.set("large", large);
  assert.equal((await redis.getBuffer("large")).length, large.length);
}

async function batches(redis) {
  const pipeline = redis.pipeline();
  for (let i = 0; i < 1000; i++) pipeline.set(`{p}${i}`, i).get(`{p}${i}`);
  const replies = await pipeline.exec();
  assert.equal(replies.length, 2000);
  replies.forEach(([error, reply], i) => {
    assert.equal(error, null);
    assert.equal(reply, i % 2 ? String((i - 1) / 2) : "OK");
  });
  const result = await redis.multi().set("{m}", 1).incr("{m}").get("{m}").exec();
  assert.deepEqual(result, [[null, "OK"], [null, 2], [null, "2"]]);
}

async function plain() {
  for (const protocol of [2, 3]) {
    const redis = new Redis({ host, port, protocol, db: 1, connectionName: "io" });
    await redis.flushdb();
    await values(redis);
    await batches(redis);
    assert.equal(await redis.client("GETNAME"), "io");
    const seen = new Set();
    for await (const keys of redis.scanStream({ match: "{p}*", count: 100 }))
      keys.forEach((key) => seen.add(key));
    assert.equal(seen.size, 1000);
    await Promise.all(Array.from({ length: 500 }, (_, i) => redis.set(`auto${i}`, i)));
    assert.equal(await redis.exists(...Array.from({ length: 500 }, (_, i) => `auto${i}`)), 500);
    await redis.quit();
  }
  const redis = new Redis({ host, port });
  assert.equal(await redis.dbsize(), 0);
  await redis.quit();
}

async function cluster() {
  const redis = new Redis.Cluster([{ host, port }]);
  await values(redis);
  await batches(redis);
  await Promise.all(Array.from({ length: 300 }, (_, i) => redis.set(`slot${i}`, i)));
  assert.equal(await redis.get("slot299"), "299");
  assert.equal(redis.nodes("master").length, 1);
  await redis.quit();
}

async function withPassword() {
  const redis = new Redis({ host, port, password });
  await values(redis);
  await redis.quit();
  const wrong = new Redis({ host, port, password: "wrong", retryStrategy: null });
  wrong.on("error", () => {});
  await assert.rejects(wrong.get("k"));
  wrong.disconnect();
}

await { plain, cluster, password: withPassword }[kind]();
console.log("done");
