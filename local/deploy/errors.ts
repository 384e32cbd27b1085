/** Owns: why a synthesized stack could not be deployed on the embedded AWS. */
import { defineError, shown } from "../../sdk/error-catalogue.js";

export const assemblyUnreadable = defineError<{ directory: string; problem: string }>({
  code: "ASSEMBLY_UNREADABLE",
  status: 500,
  retryable: false,
  message: ({ directory, problem }) =>
    `Cannot read cloud assembly ${shown(directory)}: ${problem}; expected what "cdk synth" writes`,
  remedy: "Synthesize the app again.",
});

export const templateNotModelled = defineError<{ place: string; problem: string }>({
  code: "TEMPLATE_NOT_MODELLED",
  status: 500,
  retryable: false,
  message: ({ place, problem }) =>
    `Cannot deploy ${shown(place)} here: ${problem}; expected what the local deployment models`,
  remedy: "Model it in local/deploy, or leave it out of the stack that is deployed locally.",
});

export const deploymentFailed = defineError<{ resource: string; type: string; reason: string }>({
  code: "DEPLOYMENT_FAILED",
  status: 400,
  retryable: false,
  message: ({ resource, type, reason }) =>
    `Cannot deploy ${type} ${shown(resource)}: ${reason}; expected CREATE_COMPLETE or UPDATE_COMPLETE`,
  remedy: "Read the reason: it is what CloudFormation would show for the resource.",
});
