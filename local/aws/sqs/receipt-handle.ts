/**
 * Owns: the form of a receipt handle. It names the queue, the message and the receive, so that a delete can be repeated on a
 * model that never saw the receive (receives are not in the durable log).
 */
import { receiptHandleIsInvalid } from "./errors.js";

export interface Receipt {
  queueName: string;
  /** The message within its queue: its id, or the name of a copy. */
  key: string;
  /** Tells one receive from the next. */
  nonce: string;
}

const PREFIX = "r1";
const SEPARATOR = "|";

export function receiptHandle(receipt: Receipt): string {
  const text = [PREFIX, receipt.queueName, receipt.key, receipt.nonce].join(SEPARATOR);
  return Buffer.from(text, "latin1").toString("base64");
}

export function readReceiptHandle(handle: string): Receipt {
  const [prefix, queueName, key, nonce, ...rest] = Buffer.from(handle, "base64").toString("latin1").split(SEPARATOR);
  if (prefix !== PREFIX || !queueName || !key || !nonce || rest.length > 0) throw receiptHandleIsInvalid(handle);
  return { queueName, key, nonce };
}
