/**
 * Goal: the S3 model keeps objects, metadata and tags, lists them in S3's order, and refuses what S3 refuses.
 * Method: the model is driven directly with times given by hand.
 */
import { describe, expect, it } from "vitest";
import { NotModelledError, type Input, type Output } from "../../../local/aws/model.js";
import { S3Model } from "../../../local/aws/s3/s3-model.js";
import { seededRandom } from "../../../local/aws/seeded-random.js";

function setup(model = new S3Model()) {
  const random = seededRandom(1);
  const bench = {
    model,
    nowMs: Date.parse("2026-01-01T00:00:00.900Z"),
    puts: 0,
    gets: 0,
    call: (operation: string, input: Input): Output =>
      model.execute(operation, input, {
        nowMs: bench.nowMs,
        random,
        meter: ({ s3Puts = 0, s3Gets = 0 }) => {
          bench.puts += s3Puts;
          bench.gets += s3Gets;
        },
      }),
    put: (Key: string, Body: unknown = "hello", more: Input = {}): Output =>
      bench.call("PutObject", { Bucket: "blobs", Key, Body, ...more }),
    get: (Key: string): Output => bench.call("GetObject", { Bucket: "blobs", Key }),
    tags: (Key: string): unknown => bench.call("GetObjectTagging", { Bucket: "blobs", Key })["TagSet"],
    list: (more: Input = {}): Output => bench.call("ListObjectsV2", { Bucket: "blobs", ...more }),
  };
  bench.call("CreateBucket", { Bucket: "blobs" });
  return bench;
}

const named = (name: string) => expect.objectContaining({ name });
const keysOf = (output: Output): unknown[] => ((output["Contents"] ?? []) as Output[]).map((object) => object["Key"]);

describe("buckets", () => {
  it("are made once; making one's own again succeeds and keeps what is in it", () => {
    const s3 = setup();
    s3.put("a");
    expect(s3.call("CreateBucket", { Bucket: "blobs" })).toEqual({ Location: "/blobs" });
    expect(keysOf(s3.list())).toEqual(["a"]);
  });

  it.each(["", "ab", "Upper", "under_score", "-x-", "a..b", "x".repeat(64), "192.168.0.1"])(
    "cannot be called %j",
    (Bucket) => {
      expect(() => setup().call("CreateBucket", { Bucket })).toThrow(named("InvalidBucketName"));
    },
  );

  it("that do not exist are missed by every operation", () => {
    const s3 = setup();
    const missing = {
      Bucket: "none",
      Key: "a",
      Body: "x",
      Tagging: { TagSet: [] },
      Delete: { Objects: [{ Key: "a" }] },
    };
    const only = (...names: (keyof typeof missing)[]): Input =>
      Object.fromEntries(names.map((name) => [name, missing[name]]));
    const noSuchBucket = named("NoSuchBucket");
    expect(() => s3.call("PutObject", only("Bucket", "Key", "Body"))).toThrow(noSuchBucket);
    expect(() => s3.call("GetObject", only("Bucket", "Key"))).toThrow(noSuchBucket);
    expect(() => s3.call("DeleteObject", only("Bucket", "Key"))).toThrow(noSuchBucket);
    expect(() => s3.call("DeleteObjects", only("Bucket", "Delete"))).toThrow(noSuchBucket);
    expect(() => s3.call("PutObjectTagging", only("Bucket", "Key", "Tagging"))).toThrow(noSuchBucket);
    expect(() => s3.call("ListObjectsV2", only("Bucket"))).toThrow(noSuchBucket);
    expect(() => s3.call("HeadObject", only("Bucket", "Key"))).toThrow(named("NotFound"));
  });
});

describe("objects", () => {
  it("come back as they were put", () => {
    const s3 = setup();
    const put = s3.put("a/b", Uint8Array.of(0, 255), {
      ContentType: "application/json",
      ContentEncoding: "zstd",
      Metadata: { "Run-Id": "r1" },
      ContentLength: 2,
    });
    expect(put).toEqual({ ETag: '"d07d34efac6328007ad67c7e0a985e00"' });
    const head = {
      AcceptRanges: "bytes",
      ContentLength: 2,
      ContentType: "application/json",
      ContentEncoding: "zstd",
      ETag: put["ETag"],
      LastModified: new Date("2026-01-01T00:00:00Z"),
      Metadata: { "run-id": "r1" },
    };
    expect(s3.get("a/b")).toEqual({ ...head, Body: Uint8Array.of(0, 255) });
    expect(s3.call("HeadObject", { Bucket: "blobs", Key: "a/b" })).toEqual(head);
  });

  it("have the MD5 of their body as ETag; text is put as UTF-8; no body is an empty one", () => {
    const s3 = setup();
    expect(s3.put("text", "hello")).toEqual({ ETag: '"5d41402abc4b2a76b9719d911017c592"' });
    s3.put("ü", "größer");
    expect(s3.get("ü")["Body"]).toEqual(Uint8Array.of(0x67, 0x72, 0xc3, 0xb6, 0xc3, 0x9f, 0x65, 0x72));
    expect(s3.put("empty", undefined, { Body: undefined })).toEqual({ ETag: '"d41d8cd98f00b204e9800998ecf8427e"' });
    expect(s3.get("empty")["Body"]).toEqual(new Uint8Array());
  });

  it("are replaced whole", () => {
    const s3 = setup();
    s3.put("a", "one", { Metadata: { m: "1" }, Tagging: "t=1" });
    s3.put("a", "two");
    expect(s3.get("a")).toMatchObject({ Body: new Uint8Array(Buffer.from("two")), Metadata: {} });
    expect(s3.tags("a")).toEqual([]);
  });

  it("share nothing with what was put or what was got", () => {
    const s3 = setup();
    const body = Uint8Array.of(1, 2);
    s3.put("a", body);
    body[0] = 9;
    const got = s3.get("a")["Body"];
    if (got instanceof Uint8Array) got[1] = 9;
    expect(s3.get("a")["Body"]).toEqual(Uint8Array.of(1, 2));
  });

  it("that do not exist are missed, each operation in its own words", () => {
    const s3 = setup();
    expect(() => s3.get("none")).toThrow(
      expect.objectContaining({ name: "NoSuchKey", statusCode: 404, members: { Key: "none" } }),
    );
    expect(() => s3.call("HeadObject", { Bucket: "blobs", Key: "none" })).toThrow(named("NotFound"));
    expect(() => s3.tags("none")).toThrow(named("NoSuchKey"));
    expect(s3.call("DeleteObject", { Bucket: "blobs", Key: "none" })).toEqual({});
  });

  it("with IfNoneMatch * are put only where there is none", () => {
    const s3 = setup();
    s3.put("a", "first", { IfNoneMatch: "*" });
    expect(() => s3.put("a", "second", { IfNoneMatch: "*" })).toThrow(
      expect.objectContaining({ name: "PreconditionFailed", statusCode: 412 }),
    );
    expect(s3.get("a")["Body"]).toEqual(new Uint8Array(Buffer.from("first")));
    s3.call("DeleteObject", { Bucket: "blobs", Key: "a" });
    s3.put("a", "second", { IfNoneMatch: "*" });
    expect(() => s3.put("a", "x", { IfNoneMatch: '"etag"' })).toThrow(NotModelledError);
  });

  it("have keys of 1 to 1,024 bytes", () => {
    const s3 = setup();
    s3.put("x".repeat(1_024));
    s3.put("ü".repeat(512));
    expect(() => s3.put("x".repeat(1_025))).toThrow(named("KeyTooLongError"));
    expect(() => s3.put("ü".repeat(513))).toThrow(named("KeyTooLongError"));
    expect(() => s3.put("")).toThrow(named("InvalidArgument"));
  });

  it("have at most 2 KB of metadata, in ASCII", () => {
    const s3 = setup();
    s3.put("a", "x", { Metadata: { k: "v".repeat(2_047) } });
    expect(() => s3.put("a", "x", { Metadata: { k: "v".repeat(2_048) } })).toThrow(named("MetadataTooLarge"));
    expect(() => s3.put("a", "x", { Metadata: { k: "ü" } })).toThrow(NotModelledError);
    s3.put("a", "x", { Metadata: { ["__proto__"]: "v" } });
    expect(Object.entries(s3.get("a")["Metadata"] ?? {})).toEqual([["__proto__", "v"]]);
  });

  it("what is not modelled is refused", () => {
    const s3 = setup();
    expect(() => s3.put("a", { pipe: true })).toThrow(NotModelledError);
    expect(() => s3.put("a", "x", { ACL: "public-read" })).toThrow(NotModelledError);
    expect(() => s3.call("GetObject", { Bucket: "blobs", Key: "a", Range: "bytes=0-1" })).toThrow(NotModelledError);
    expect(() => s3.list({ Delimiter: "/" })).toThrow(NotModelledError);
    expect(() => s3.call("CreateMultipartUpload", {})).toThrow(NotModelledError);
    expect(() => s3.put("a", "x", { ContentLength: 2 })).toThrow(named("InvalidArgument"));
  });
});

describe("tags", () => {
  it("come with the object or later, and are replaced whole", () => {
    const s3 = setup();
    s3.put("a", "x", { Tagging: "run=ended&why=a%20b+c&empty=" });
    expect(s3.tags("a")).toEqual([
      { Key: "run", Value: "ended" },
      { Key: "why", Value: "a b c" },
      { Key: "empty", Value: "" },
    ]);
    expect(s3.get("a")["TagCount"]).toBe(3);
    const TagSet = [{ Key: "k", Value: "v" }];
    s3.call("PutObjectTagging", { Bucket: "blobs", Key: "a", Tagging: { TagSet } });
    expect(s3.tags("a")).toEqual([{ Key: "k", Value: "v" }]);
  });

  it.each([
    ["a key twice", "a=1&a=2", "InvalidTag"],
    ["an empty key", "=1", "InvalidTag"],
    ["a key of 129 characters", `${"k".repeat(129)}=1`, "InvalidTag"],
    ["a value of 257 characters", `k=${"v".repeat(257)}`, "InvalidTag"],
    ["characters that are not allowed", "k=%3Cv%3E", "InvalidTag"],
    ["an escape that is none", "k=%zz", "InvalidArgument"],
    ["eleven tags", Array.from({ length: 11 }, (_, index) => `k${index}=v`).join("&"), "BadRequest"],
  ])("%s are refused", (_what, Tagging, name) => {
    expect(() => setup().put("a", "x", { Tagging })).toThrow(named(name));
  });
});

describe("deleting many", () => {
  it("answers each key, there or not; quietly it answers nothing", () => {
    const s3 = setup();
    for (const key of ["a", "b", "c"]) s3.put(key);
    const remove = (keys: string[], more: Input = {}): Output =>
      s3.call("DeleteObjects", { Bucket: "blobs", Delete: { Objects: keys.map((Key) => ({ Key })), ...more } });
    expect(remove(["a", "none"])).toEqual({ Deleted: [{ Key: "a" }, { Key: "none" }] });
    expect(remove(["b"], { Quiet: true })).toEqual({});
    expect(keysOf(s3.list())).toEqual(["c"]);
    expect(() => remove([])).toThrow(named("MalformedXML"));
    expect(() => remove(Array.from({ length: 1_001 }, (_, index) => `k${index}`))).toThrow(named("MalformedXML"));
  });
});

describe("listing", () => {
  it("is in the order of the keys' bytes", () => {
    const s3 = setup();
    const inOrder = ["A", "a", "a/", "a/1", "a0", "ab", "é", "\uffee", "\u{1f600}"];
    for (const key of [...inOrder].reverse()) s3.put(key);
    expect(keysOf(s3.list())).toEqual(inOrder);
    expect(keysOf(s3.list({ Prefix: "a/" }))).toEqual(["a/", "a/1"]);
    expect(keysOf(s3.list({ StartAfter: "a/" }))).toEqual(inOrder.slice(3));
    expect(keysOf(s3.list({ Prefix: "a", StartAfter: "a/1" }))).toEqual(["a0", "ab"]);
    expect(keysOf(s3.list({ Prefix: "a", StartAfter: "A" }))).toEqual(["a", "a/", "a/1", "a0", "ab"]);
    expect(keysOf(s3.list({ Prefix: "x" }))).toEqual([]);
  });

  it("goes page by page to the end", () => {
    const s3 = setup();
    for (let index = 0; index < 5; index += 1) s3.put(`k${index}`);
    const first = s3.list({ MaxKeys: 2 });
    expect(first).toMatchObject({ KeyCount: 2, MaxKeys: 2, IsTruncated: true, Name: "blobs", Prefix: "" });
    expect(keysOf(first)).toEqual(["k0", "k1"]);
    const second = s3.list({ MaxKeys: 2, ContinuationToken: first["NextContinuationToken"] });
    expect(keysOf(second)).toEqual(["k2", "k3"]);
    s3.put("k35");
    const third = s3.list({ MaxKeys: 2, ContinuationToken: second["NextContinuationToken"] });
    expect(keysOf(third)).toEqual(["k35", "k4"]);
    expect(third).toMatchObject({ IsTruncated: false });
    expect(third["NextContinuationToken"]).toBeUndefined();
  });

  it("never gives more than a thousand", () => {
    const s3 = setup();
    for (let index = 0; index < 1_001; index += 1) s3.put(`k${index}`);
    expect(s3.list({ MaxKeys: 5_000 })).toMatchObject({ KeyCount: 1_000, IsTruncated: true });
    expect(s3.list({ MaxKeys: 0 })).toMatchObject({ KeyCount: 0, IsTruncated: false });
  });

  it("shows size, tag and time", () => {
    const s3 = setup();
    s3.put("a");
    expect(s3.list()["Contents"]).toEqual([
      {
        Key: "a",
        Size: 5,
        ETag: '"5d41402abc4b2a76b9719d911017c592"',
        LastModified: new Date("2026-01-01T00:00:00Z"),
        StorageClass: "STANDARD",
      },
    ]);
  });
});

describe("bill and snapshot", () => {
  it("puts, lists and tags are PUT-class, reads are GET-class, deletes are free, a failed condition is billed", () => {
    const s3 = setup();
    s3.puts = 0;
    s3.put("a", "x", { IfNoneMatch: "*" });
    expect(() => s3.put("a", "x", { IfNoneMatch: "*" })).toThrow();
    s3.call("PutObjectTagging", { Bucket: "blobs", Key: "a", Tagging: { TagSet: [] } });
    s3.list();
    s3.get("a");
    s3.call("HeadObject", { Bucket: "blobs", Key: "a" });
    s3.tags("a");
    s3.call("DeleteObject", { Bucket: "blobs", Key: "a" });
    expect([s3.puts, s3.gets]).toEqual([4, 3]);
  });

  it("a restored model answers the same", () => {
    const s3 = setup();
    s3.put("a", Uint8Array.of(0, 128, 255), { Metadata: { m: "1" }, Tagging: "t=1", ContentEncoding: "zstd" });
    s3.put("b");
    const copy = setup();
    copy.model.restore(JSON.parse(JSON.stringify(s3.model.snapshot())));
    expect(copy.get("a")).toEqual(s3.get("a"));
    expect(copy.tags("a")).toEqual([{ Key: "t", Value: "1" }]);
    expect(copy.list()).toEqual(s3.list());
  });
});
