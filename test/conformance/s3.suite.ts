/**
 * Goal: every S3 the platform is tested on keeps, lists and refuses objects as S3 does.
 * Method: small named checks through the SDK's commands, only of what S3 guarantees. Each check has a bucket of its own.
 */
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  PutObjectTaggingCommand,
  type ListObjectsV2CommandInput,
  type ListObjectsV2CommandOutput,
  type PutObjectCommandInput,
  type PutObjectCommandOutput,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AwsClients } from "../../runtime/aws/clients.js";
import { realRandom } from "../../sdk/clock.js";

export interface S3Target {
  client: AwsClients["s3"];
  close(): Promise<void>;
}

const TIMEOUT_MS = 20_000;

const uniqueName = (): string => `conformance-${Buffer.from(realRandom.bytes(8)).toString("hex")}`;
const named = (name: string) => expect.objectContaining({ name });

class Bucket {
  readonly name: string;
  readonly client: AwsClients["s3"];

  constructor(client: AwsClients["s3"], name: string) {
    this.client = client;
    this.name = name;
  }

  put(
    Key: string,
    Body: string | Uint8Array = "hello",
    more: Partial<PutObjectCommandInput> = {},
  ): Promise<PutObjectCommandOutput> {
    return this.client.send(new PutObjectCommand({ Bucket: this.name, Key, Body, ...more }));
  }

  async bytes(Key: string): Promise<number[]> {
    const { Body } = await this.client.send(new GetObjectCommand({ Bucket: this.name, Key }));
    return [...((await Body?.transformToByteArray()) ?? [])];
  }

  async text(Key: string): Promise<string | undefined> {
    const { Body } = await this.client.send(new GetObjectCommand({ Bucket: this.name, Key }));
    return Body?.transformToString();
  }

  async tags(Key: string): Promise<unknown> {
    return (await this.client.send(new GetObjectTaggingCommand({ Bucket: this.name, Key }))).TagSet;
  }

  list(more: Partial<ListObjectsV2CommandInput> = {}): Promise<ListObjectsV2CommandOutput> {
    return this.client.send(new ListObjectsV2Command({ Bucket: this.name, ...more }));
  }

  async keys(more: Partial<ListObjectsV2CommandInput> = {}): Promise<(string | undefined)[]> {
    return ((await this.list(more)).Contents ?? []).map((object) => object.Key);
  }
}

interface SuiteContext {
  client(): AwsClients["s3"];
  newBucket(): Promise<Bucket>;
}

export function s3Conformance(setup: () => Promise<S3Target>): void {
  describe("S3", { timeout: TIMEOUT_MS }, () => {
    let target: S3Target;
    beforeAll(async () => {
      target = await setup();
    });
    afterAll(() => target.close());

    const context: SuiteContext = {
      client: () => target.client,
      newBucket: async () => {
        const name = uniqueName();
        await target.client.send(new CreateBucketCommand({ Bucket: name }));
        return new Bucket(target.client, name);
      },
    };
    objectChecks(context);
    headerChecks(context);
    keyChecks(context);
    missingChecks(context);
    conditionChecks(context);
    tagChecks(context);
    listChecks(context);
  });
}

function objectChecks({ newBucket }: SuiteContext): void {
  it("text comes back as UTF-8", async () => {
    const bucket = await newBucket();
    await bucket.put("a", "größer");
    expect(await bucket.text("a")).toBe("größer");
  });

  it("bytes come back unchanged", async () => {
    const bucket = await newBucket();
    const bytes = Array.from({ length: 256 }, (_, index) => index);
    await bucket.put("a", Uint8Array.from(bytes));
    expect(await bucket.bytes("a")).toEqual(bytes);
  });

  it("a body of 5 MB comes back whole", async () => {
    const bucket = await newBucket();
    await bucket.put("a", new Uint8Array(5_000_000).fill(7));
    const bytes = await bucket.bytes("a");
    expect(bytes).toHaveLength(5_000_000);
    expect(bytes.every((byte) => byte === 7)).toBe(true);
  });

  it("an empty body is a body", async () => {
    const bucket = await newBucket();
    await bucket.put("a", "");
    expect(await bucket.bytes("a")).toEqual([]);
  });

  it("the ETag is the MD5 of the body in quotes", async () => {
    const bucket = await newBucket();
    expect((await bucket.put("a", "hello")).ETag).toBe('"5d41402abc4b2a76b9719d911017c592"');
  });
}

function headerChecks({ client, newBucket }: SuiteContext): void {
  it("type, encoding and metadata come back, with get and with head", async () => {
    const bucket = await newBucket();
    const more = { ContentType: "application/json", ContentEncoding: "zstd", Metadata: { "run-id": "r1" } };
    await bucket.put("a", "hello", more);
    const key = { Bucket: bucket.name, Key: "a" };
    expect(await client().send(new GetObjectCommand(key))).toMatchObject({ ...more, ContentLength: 5 });
    const head = await client().send(new HeadObjectCommand(key));
    expect(head).toMatchObject({ ...more, ContentLength: 5, ETag: '"5d41402abc4b2a76b9719d911017c592"' });
    expect(head.LastModified).toBeInstanceOf(Date);
  });

  it("metadata names come back in lower case", async () => {
    const bucket = await newBucket();
    await bucket.put("a", "x", { Metadata: { "Run-Id": "r1" } });
    const { Metadata } = await client().send(new HeadObjectCommand({ Bucket: bucket.name, Key: "a" }));
    expect(Metadata).toEqual({ "run-id": "r1" });
  });

  it("a second put replaces the whole object", async () => {
    const bucket = await newBucket();
    await bucket.put("a", "one", { Metadata: { m: "1" }, Tagging: "t=1" });
    await bucket.put("a", "two");
    expect(await bucket.text("a")).toBe("two");
    const { Metadata } = await client().send(new HeadObjectCommand({ Bucket: bucket.name, Key: "a" }));
    expect(Metadata).toEqual({});
    expect(await bucket.tags("a")).toEqual([]);
  });
}

function keyChecks({ newBucket }: SuiteContext): void {
  it.each(["a/b c/ü", "100%", "a+b", "a?b#c&d=e", "'()*!~", "日本"])("the key %s is kept as it is", async (key) => {
    const bucket = await newBucket();
    await bucket.put(key, key);
    expect(await bucket.text(key)).toBe(key);
    expect(await bucket.keys()).toEqual([key]);
  });

  it("a key of 1,024 bytes is taken, one more is refused", async () => {
    const bucket = await newBucket();
    await bucket.put("x".repeat(1_024));
    await expect(bucket.put("x".repeat(1_025))).rejects.toThrow(named("KeyTooLongError"));
  });
}

function missingChecks({ client, newBucket }: SuiteContext): void {
  it("a key that does not exist is NoSuchKey to get and NotFound to head", async () => {
    const bucket = await newBucket();
    const key = { Bucket: bucket.name, Key: "none" };
    await expect(client().send(new GetObjectCommand(key))).rejects.toThrow(named("NoSuchKey"));
    await expect(client().send(new HeadObjectCommand(key))).rejects.toThrow(named("NotFound"));
  });

  it("a bucket that does not exist is NoSuchBucket", async () => {
    const missing = new Bucket(client(), uniqueName());
    await expect(missing.put("a")).rejects.toThrow(named("NoSuchBucket"));
    await expect(missing.text("a")).rejects.toThrow(named("NoSuchBucket"));
    await expect(missing.list()).rejects.toThrow(named("NoSuchBucket"));
  });

  it("a deleted object is gone, and deleting it again succeeds", async () => {
    const bucket = await newBucket();
    await bucket.put("a");
    const key = { Bucket: bucket.name, Key: "a" };
    await client().send(new DeleteObjectCommand(key));
    await client().send(new DeleteObjectCommand(key));
    await expect(bucket.text("a")).rejects.toThrow(named("NoSuchKey"));
  });

  it("DeleteObjects deletes many and answers each", async () => {
    const bucket = await newBucket();
    for (const key of ["a", "b", "c"]) await bucket.put(key);
    const Delete = { Objects: [{ Key: "a" }, { Key: "b" }, { Key: "none" }] };
    const { Deleted, Errors } = await client().send(new DeleteObjectsCommand({ Bucket: bucket.name, Delete }));
    expect(Deleted?.map((entry) => entry.Key).sort()).toEqual(["a", "b", "none"]);
    expect(Errors ?? []).toEqual([]);
    expect(await bucket.keys()).toEqual(["c"]);
  });
}

function conditionChecks({ newBucket }: SuiteContext): void {
  it("IfNoneMatch * puts once", async () => {
    const bucket = await newBucket();
    await bucket.put("a", "first", { IfNoneMatch: "*" });
    const again = bucket.put("a", "second", { IfNoneMatch: "*" });
    await expect(again).rejects.toThrow(named("PreconditionFailed"));
    expect(await bucket.text("a")).toBe("first");
  });

  it("of eight racing puts with IfNoneMatch * one wins", async () => {
    const bucket = await newBucket();
    const puts = Array.from({ length: 8 }, (_, index) => bucket.put("a", `${index}`, { IfNoneMatch: "*" }));
    const results = await Promise.allSettled(puts);
    const winners = results.flatMap((result, index) => (result.status === "fulfilled" ? [`${index}`] : []));
    expect(winners).toEqual([await bucket.text("a")]);
  });
}

function tagChecks({ client, newBucket }: SuiteContext): void {
  it("tags come with a put", async () => {
    const bucket = await newBucket();
    await bucket.put("a", "x", { Tagging: "run=ended&why=a%20b" });
    expect(await bucket.tags("a")).toEqual([
      { Key: "run", Value: "ended" },
      { Key: "why", Value: "a b" },
    ]);
  });

  it("PutObjectTagging replaces tags and leaves the object", async () => {
    const bucket = await newBucket();
    await bucket.put("a", "x", { Tagging: "run=live" });
    const TagSet = [{ Key: "run", Value: "ended" }];
    await client().send(new PutObjectTaggingCommand({ Bucket: bucket.name, Key: "a", Tagging: { TagSet } }));
    expect(await bucket.tags("a")).toEqual(TagSet);
    expect(await bucket.text("a")).toBe("x");
  });

  it("a tag's key is there once", async () => {
    const bucket = await newBucket();
    const TagSet = [
      { Key: "run", Value: "live" },
      { Key: "run", Value: "ended" },
    ];
    await bucket.put("a");
    const command = new PutObjectTaggingCommand({ Bucket: bucket.name, Key: "a", Tagging: { TagSet } });
    await expect(client().send(command)).rejects.toThrow(named("InvalidTag"));
  });

  it("tags of a key that does not exist are missed", async () => {
    const bucket = await newBucket();
    await expect(bucket.tags("none")).rejects.toThrow(named("NoSuchKey"));
  });
}

function listChecks({ newBucket }: SuiteContext): void {
  it("an empty bucket lists nothing", async () => {
    const bucket = await newBucket();
    const listed = await bucket.list();
    expect(listed).toMatchObject({ KeyCount: 0, IsTruncated: false });
    expect(listed.Contents ?? []).toEqual([]);
  });

  it("keys are listed in the order of their bytes", async () => {
    const bucket = await newBucket();
    const inOrder = ["A", "a", "a/1", "a0", "é", "\uffee", "\u{1f600}"];
    for (const key of [...inOrder].reverse()) await bucket.put(key);
    expect(await bucket.keys()).toEqual(inOrder);
  });

  it("a prefix and a start narrow the list", async () => {
    const bucket = await newBucket();
    for (const key of ["a/1", "a/2", "a/3", "b/1"]) await bucket.put(key);
    expect(await bucket.keys({ Prefix: "a/" })).toEqual(["a/1", "a/2", "a/3"]);
    expect(await bucket.keys({ Prefix: "a/", StartAfter: "a/1" })).toEqual(["a/2", "a/3"]);
    expect(await bucket.keys({ StartAfter: "a/3" })).toEqual(["b/1"]);
  });

  it("pages lead to the end", async () => {
    const bucket = await newBucket();
    const expected = ["k0", "k1", "k2", "k3", "k4"];
    for (const key of expected) await bucket.put(key);
    const first = await bucket.list({ MaxKeys: 2 });
    expect(first).toMatchObject({ IsTruncated: true, KeyCount: 2 });
    const found = (first.Contents ?? []).map((object) => object.Key);
    let token = first.NextContinuationToken;
    while (token !== undefined) {
      const page = await bucket.list({ MaxKeys: 2, ContinuationToken: token });
      found.push(...(page.Contents ?? []).map((object) => object.Key));
      token = page.NextContinuationToken;
    }
    expect(found).toEqual(expected);
  });

  it("a listed object tells its size and ETag", async () => {
    const bucket = await newBucket();
    await bucket.put("a", "hello");
    const [object] = (await bucket.list()).Contents ?? [];
    expect(object).toMatchObject({ Key: "a", Size: 5, ETag: '"5d41402abc4b2a76b9719d911017c592"' });
    expect(object?.LastModified).toBeInstanceOf(Date);
  });
}
