/** Owns: what IAM has to look up in the embedded AWS to name the resource of a call: keys of tables, ARNs of secrets. */
import type { EmbeddedAws } from "../embedded-aws.js";
import { LOCAL_ACCOUNT, LOCAL_REGION } from "../../platform.js";
import type { ResourceLookup } from "./access-request.js";

export function resourceLookup(aws: EmbeddedAws): ResourceLookup {
  return {
    region: LOCAL_REGION,
    account: LOCAL_ACCOUNT,
    partitionKey: (table, index) => aws.dynamodb.partitionKey(table, index),
    secretArn: (id) => aws.secrets.arnOf(id),
  };
}
