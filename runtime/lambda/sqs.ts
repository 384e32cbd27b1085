/** Owns: the shapes in which Lambda hands SQS messages over and takes the verdict (AWS Lambda developer guide, "Using Lambda with Amazon SQS"). */

export interface SQSRecord {
  messageId: string;
  receiptHandle: string;
  body: string;
  attributes: { ApproximateReceiveCount: string; SentTimestamp: string };
  eventSourceARN: string;
}

export interface SQSEvent {
  Records: SQSRecord[];
}

/** With ReportBatchItemFailures: the messages named here stay, the others are deleted. */
export interface SQSBatchResponse {
  batchItemFailures: { itemIdentifier: string }[];
}

export interface LambdaContext {
  getRemainingTimeInMillis(): number;
  /** Ends this sandbox after the response. Only our own runtime offers it; on AWS the leftovers are fenced (ADR 0014). */
  retire?(): void;
}
