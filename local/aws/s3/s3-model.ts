/**
 * Owns: the embedded model of S3: buckets of objects with metadata and tags, written whole and read whole.
 * Must not: guess. Versions, multipart uploads, ranges, delimiters, ACLs and conditional reads are not modelled.
 */
import { NotModelledError, type CallContext, type Input, type Output, type ServiceModel } from "../model.js";
import { Bucket, type StoredObject } from "./bucket.js";
import { createBucket, deleteObjects, listObjectsV2 } from "./bucket-operations.js";
import {
  deleteObject,
  getObject,
  getObjectTagging,
  headObject,
  putObject,
  putObjectTagging,
  type Buckets,
} from "./object-operations.js";

type Operation = (buckets: Buckets, input: Input, context: CallContext) => Output;

const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ["CreateBucket", createBucket],
  ["PutObject", putObject],
  ["GetObject", getObject],
  ["HeadObject", headObject],
  ["DeleteObject", deleteObject],
  ["DeleteObjects", deleteObjects],
  ["PutObjectTagging", putObjectTagging],
  ["GetObjectTagging", getObjectTagging],
  ["ListObjectsV2", listObjectsV2],
]);

type ObjectSnapshot = Omit<StoredObject, "body"> & { body: string };

interface BucketSnapshot {
  name: string;
  createdAtMs: number;
  objects: ObjectSnapshot[];
}

export class S3Model implements ServiceModel {
  readonly service = "s3";
  readonly logged: ReadonlySet<string> = new Set([
    "CreateBucket",
    "PutObject",
    "DeleteObject",
    "DeleteObjects",
    "PutObjectTagging",
  ]);
  readonly #buckets: Buckets = new Map();

  execute(operation: string, input: Input, context: CallContext): Output {
    const apply = OPERATIONS.get(operation);
    if (apply !== undefined) return apply(this.#buckets, input, context);
    throw new NotModelledError(`Cannot answer s3 ${operation}: the operation is not modelled`);
  }

  snapshot(): unknown {
    return [...this.#buckets.values()].map((bucket): BucketSnapshot => {
      const objects = [...bucket.objects()].map((object) => ({
        ...structuredClone({ ...object, body: null }),
        body: Buffer.from(object.body).toString("base64"),
      }));
      return { name: bucket.name, createdAtMs: bucket.createdAtMs, objects };
    });
  }

  restore(snapshot: unknown): void {
    // The owner hands back what `snapshot` gave; its form is checked by the durable log's version, not here.
    const buckets = snapshot as BucketSnapshot[];
    this.#buckets.clear();
    for (const { name, createdAtMs, objects } of buckets) {
      const bucket = new Bucket(name, createdAtMs);
      for (const object of objects) {
        bucket.put({ ...structuredClone(object), body: new Uint8Array(Buffer.from(object.body, "base64")) });
      }
      this.#buckets.set(name, bucket);
    }
  }
}
