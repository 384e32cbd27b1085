/**
 * Owns: the refusals of policies we cannot evaluate. What AWS answers to a caller that may not is in denied.ts.
 */
import { defineError, shown } from "../../../sdk/error-catalogue.js";

export const policyNotModelled = defineError<{ statement: string; problem: string }>({
  code: "POLICY_NOT_MODELLED",
  status: 500,
  retryable: false,
  message: ({ statement, problem }) =>
    `Cannot evaluate policy statement ${shown(statement)}: ${problem}; expected what the embedded IAM models`,
  remedy: "Say the same with the elements local/aws/iam models, or model the one that is missing.",
});
