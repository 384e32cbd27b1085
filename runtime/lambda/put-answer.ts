/** Owns: putting a deployment's answer where CloudFormation waits for it: an address of S3, signed by CloudFormation. */
import { defineError } from "../../sdk/error-catalogue.js";

export const answerNotTaken = defineError<{ reason: string }>({
  code: "DEPLOYMENT_ANSWER_NOT_TAKEN",
  status: 503,
  retryable: true,
  message: ({ reason }) => `Cannot answer CloudFormation: ${reason}; expected HTTP 200`,
  remedy: "CloudFormation gives up by itself after the resource's ServiceTimeout and rolls back. Deploy again.",
});

/** Throws DEPLOYMENT_ANSWER_NOT_TAKEN, after which it may be tried again. Never shows the address: who has it may answer. */
export async function putAnswer(url: string, body: string): Promise<void> {
  // The signature covers an empty content type (Custom resource response objects).
  const request = { method: "PUT", body, headers: { "content-type": "" } };
  const { status } = await fetch(url, request).catch((cause: unknown) => {
    throw answerNotTaken({ reason: "the connection failed" }, { cause });
  });
  if (status < 200 || status > 299) throw answerNotTaken({ reason: `it was answered HTTP ${status}` });
}
