/** The example app as a Lambda handler: this file is what is deployed, and what `perdure dev` runs. */
import { serve } from "perdure/lambda";
import { checkout, mailReceipt } from "./checkout.js";
import { perdure } from "./client.js";
import { processDocument } from "./document-pipeline.js";
import { hourlySync } from "./hourly-sync.js";
import { welcomeDrip } from "./welcome-drip.js";

export const functions = [processDocument, checkout, mailReceipt, hourlySync, welcomeDrip];

export const handler = serve({ client: perdure, functions });
