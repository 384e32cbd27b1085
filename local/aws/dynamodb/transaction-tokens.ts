/**
 * Owns: which transactions were done under which ClientRequestToken in the last ten minutes.
 * Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
 */
import { createHash } from "node:crypto";
import { AwsServiceError } from "../model.js";

const REMEMBERED_MS = 10 * 60 * 1000;

export interface RememberedToken {
  readonly token: string;
  /** Hash of the request's parameters. */
  readonly fingerprint: string;
  readonly expiresAtMs: number;
}

export class TransactionTokens {
  /** In the order they were used, which is the order they expire in. */
  private readonly tokens = new Map<string, RememberedToken>();

  /** True when this very request was done before; refuses another request under the same token. */
  isReplay(token: string, fingerprint: string, nowMs: number): boolean {
    this.forget(nowMs);
    const known = this.tokens.get(token);
    if (known === undefined) return false;
    if (known.fingerprint === fingerprint) return true;
    throw new AwsServiceError(
      "IdempotentParameterMismatchException",
      "The request uses the same client token as a previous, but non-identical request.",
    );
  }

  remember(token: string, fingerprint: string, nowMs: number): void {
    this.tokens.set(token, { token, fingerprint, expiresAtMs: nowMs + REMEMBERED_MS });
  }

  all(): RememberedToken[] {
    return [...this.tokens.values()];
  }

  load(tokens: readonly RememberedToken[]): void {
    this.tokens.clear();
    for (const token of tokens) this.tokens.set(token.token, token);
  }

  private forget(nowMs: number): void {
    for (const [token, { expiresAtMs }] of this.tokens) {
      if (expiresAtMs > nowMs) return;
      this.tokens.delete(token);
    }
  }
}

/** The same for requests that say the same, whatever the order of their members. */
export function fingerprintOf(request: unknown): string {
  return createHash("sha256").update(canonicalText(request)).digest("hex");
}

function canonicalText(value: unknown): string {
  if (value instanceof Uint8Array) return `b"${Buffer.from(value).toString("base64")}"`;
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "undefined";
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  members.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalText(member)}`).join(",")}}`;
}
