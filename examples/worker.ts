/** The example app as a Lambda handler: this file is what is deployed, and what `perdure dev` runs. */
import { serve } from "perdure/lambda";
import { checkout, mailReceipt } from "./checkout.js";
import { perdure } from "./client.js";
import { processDocument } from "./document-pipeline.js";
import { expenseApproval, payOut } from "./expense-approval.js";
import { hourlySync } from "./hourly-sync.js";
import { regionalReport } from "./regional-report.js";
import { welcomeDrip } from "./welcome-drip.js";

export const functions = [
  processDocument,
  checkout,
  mailReceipt,
  hourlySync,
  welcomeDrip,
  expenseApproval,
  payOut,
  regionalReport,
];

export const handler = serve({ client: perdure, functions });
