/** Owns: how a sender names a request, so that repeating it repeats nothing. */
import type { Services } from "../services.js";

/** From which ids derive: the same seed and time give the same ids, so sending again starts nothing twice. */
export interface IdSource {
  seed: string;
  /** Part of the ids: as stable as the seed. */
  atMs: number;
}

const REQUEST_ID = /^(\d{12,14})-([0-9a-f]{32})$/;
/** A sender's own clock may be wrong; ids it derives must still sort near their time. */
const MAX_SENDER_SKEW_MS = 3_600_000;

/** A sender that repeats a request names it, so that it means what it meant before. Header names in lower case. */
export function idSource(
  services: Pick<Services, "clock" | "random">,
  headers: Readonly<Record<string, string | undefined>> | undefined,
): IdSource {
  const nowMs = services.clock.now();
  const [named, ms] = REQUEST_ID.exec(headers?.["x-perdure-request-id"] ?? "") ?? [];
  const atMs = Number(ms);
  if (named !== undefined && Math.abs(atMs - nowMs) <= MAX_SENDER_SKEW_MS) return { seed: `request\n${named}`, atMs };
  return { seed: `request\n${Buffer.from(services.random.bytes(16)).toString("hex")}`, atMs: nowMs };
}

/** The bytes of a request's body, as API Gateway hands it over (payload format 2.0). */
export function bodyBytes(request: { body?: string | undefined; isBase64Encoded?: boolean }): Uint8Array | string {
  const body = request.body ?? "";
  return request.isBase64Encoded === true ? Buffer.from(body, "base64") : body;
}
