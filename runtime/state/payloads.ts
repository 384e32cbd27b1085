/**
 * Owns: in which form a payload is kept: as text while small, compressed above about 1 KB, in S3 above 16 KB compressed
 * (break-even of an S3 PUT against write units is 8–16 KB, aws.md §1.3). Object first, reference second: a reference
 * never dangles; an object without a reference is collected by the bucket's lifecycle rule.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { whileLoading } from "../../sdk/clock.js";
import { defineError, shown } from "../../sdk/error-catalogue.js";
import { untilKnown, type Patience } from "../aws/until-known.js";
import type { Services } from "../services.js";

/** JSON text in the form it is stored in. */
export type Packed =
  | { form: "text"; text: string }
  | { form: "gzip"; bytes: Uint8Array }
  | { form: "object"; key: string; jsonBytes: number };

export const COMPRESS_ABOVE_BYTES = 1_024;
export const SPILL_ABOVE_BYTES = 16 * 1_024;

/** A request of 6 MB with what is added to its events is the largest there is. What unpacks to more was never packed here. */
const MAX_PAYLOAD_BYTES = 32 * 1024 * 1024;

export const payloadUnreadable = defineError<{ of: string; is: string }>({
  code: "PAYLOAD_UNREADABLE",
  status: 500,
  retryable: false,
  message: ({ of, is }) => `Cannot read payload ${of}: ${is}; expected gzip of at most ${MAX_PAYLOAD_BYTES} bytes`,
  remedy: "It was not written by Perdure, or damaged since. See who else may write the table and the bucket.",
});

/** Level 1: a tenth of level 6's time for nine tenths of its gain on JSON (aws.md §5.3: 0.16 ms for 107 KB). */
const GZIP_LEVEL = 1;

/** Packs without S3. For what stays below an item's limit whatever it holds. */
export function packInline(json: string): Exclude<Packed, { form: "object" }> {
  if (Buffer.byteLength(json) <= COMPRESS_ABOVE_BYTES) return { form: "text", text: json };
  return { form: "gzip", bytes: gzipSync(json, { level: GZIP_LEVEL }) };
}

/** Packs, putting a large payload into S3 under `objectKey` before it returns. */
export async function pack(
  services: Services,
  json: string,
  objectKey: () => string,
  patience?: Patience,
): Promise<Packed> {
  const inline = packInline(json);
  if (inline.form === "text" || inline.bytes.byteLength <= SPILL_ABOVE_BYTES) return inline;
  const key = objectKey();
  await putPayload(services, key, inline.bytes, patience);
  return { form: "object", key, jsonBytes: Buffer.byteLength(json) };
}

/** The form in which `pack` has stored the same JSON under that key. */
export function packedBefore(json: string, objectKey: string): Packed {
  const inline = packInline(json);
  if (inline.form === "text" || inline.bytes.byteLength <= SPILL_ABOVE_BYTES) return inline;
  return { form: "object", key: objectKey, jsonBytes: Buffer.byteLength(json) };
}

/** Puts JSON into S3 as it is asked to, whatever its size. */
export async function putPayloadObject(services: Services, key: string, json: string): Promise<void> {
  await putPayload(services, key, gzipSync(json, { level: GZIP_LEVEL }));
}

/** The JSON that `putPayloadObject` stored. */
export async function getPayloadObject(services: Services, key: string): Promise<string> {
  return unzipped(await getPayload(services, key), shown(key));
}

/** Bounded: a few KB of gzip may stand for gigabytes. */
function unzipped(bytes: Uint8Array, of: string): string {
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_PAYLOAD_BYTES }).toString("utf8");
  } catch (cause) {
    const tooLarge = cause instanceof RangeError;
    throw payloadUnreadable({ of, is: tooLarge ? "it unpacks to more than that" : "it is no gzip" }, { cause });
  }
}

export async function unpack(services: Services, packed: Packed): Promise<string> {
  switch (packed.form) {
    case "text":
      return packed.text;
    case "gzip":
      return unzipped(packed.bytes, "in an item");
    case "object":
      return getPayloadObject(services, packed.key);
  }
}

export function packedAttribute(packed: Packed): AttributeValue {
  switch (packed.form) {
    case "text":
      return { S: packed.text };
    case "gzip":
      return { B: packed.bytes };
    case "object":
      return { M: { key: { S: packed.key }, jsonBytes: { N: String(packed.jsonBytes) } } };
  }
}

export function readPacked(attribute: AttributeValue | undefined): Packed | null {
  if (attribute?.S !== undefined) return { form: "text", text: attribute.S };
  if (attribute?.B !== undefined) return { form: "gzip", bytes: attribute.B };
  const key = attribute?.M?.["key"]?.S;
  if (key !== undefined) return { form: "object", key, jsonBytes: Number(attribute?.M?.["jsonBytes"]?.N ?? 0) };
  return null;
}

/** S3 is loaded when first needed: most runs never are that large, and its client costs a cold start 100 ms. */
function loadS3(services: Services): Promise<typeof import("@aws-sdk/client-s3")> {
  return whileLoading(services.clock, () => import("@aws-sdk/client-s3"));
}

async function putPayload(services: Services, key: string, bytes: Uint8Array, patience?: Patience): Promise<void> {
  const { PutObjectCommand } = await loadS3(services);
  const command = new PutObjectCommand({
    Bucket: services.settings.bucketName,
    Key: key,
    Body: bytes,
    ContentType: "application/json",
    ContentEncoding: "gzip",
  });
  await untilKnown(services, `store payload "${key}"`, () => services.clients.s3.send(command), patience);
}

async function getPayload(services: Services, key: string): Promise<Uint8Array> {
  const { GetObjectCommand } = await loadS3(services);
  const read = await untilKnown(services, `read payload "${key}"`, async () => {
    const answer = await services.clients.s3.send(
      new GetObjectCommand({ Bucket: services.settings.bucketName, Key: key }),
    );
    if (!answer.Body) throw new TypeError(`Cannot read payload "${key}": the answer has no body`);
    const byteCount = answer.ContentLength ?? 0;
    if (byteCount <= MAX_PAYLOAD_BYTES) return answer.Body.transformToByteArray();
    // Not taken: its connection would wait for it.
    if ("destroy" in answer.Body) answer.Body.destroy();
    return byteCount;
  });
  if (typeof read === "number") throw payloadUnreadable({ of: shown(key), is: `it has ${read} bytes` });
  return read;
}

/** Writes a payload again under its own key: its age, from which the bucket's lifecycle rule counts, starts anew. */
export async function refreshPayload(services: Services, key: string): Promise<void> {
  await putPayload(services, key, await getPayload(services, key));
}

/** Marks a payload as belonging to an ended run: the bucket's lifecycle rule removes it after retention. */
export async function tagEndedPayload(services: Services, key: string): Promise<void> {
  const { PutObjectTaggingCommand } = await loadS3(services);
  await untilKnown(services, `tag payload "${key}"`, () =>
    services.clients.s3.send(
      new PutObjectTaggingCommand({
        Bucket: services.settings.bucketName,
        Key: key,
        Tagging: { TagSet: [{ Key: "perdure", Value: "ended" }] },
      }),
    ),
  );
}
