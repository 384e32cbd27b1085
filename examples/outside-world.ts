/**
 * Stands in for what the examples would call over the network: small, in memory, and as unreliable as the real thing where
 * an example shows how that is survived.
 */

/** Failures so far, by document, in this process: a worker beside it has its own, and an attempt that moves there may fail once more. */
const failures = new Map<string, number>();

export const llm = {
  /** Fails twice for each document in each process, then answers. */
  async summarize(documentId: string, text: string): Promise<string> {
    const failed = failures.get(documentId) ?? 0;
    if (failed < 2) {
      failures.set(documentId, failed + 1);
      throw new Error(`The model is overloaded (attempt ${failed + 1})`);
    }
    failures.delete(documentId);
    return text.split(/\s+/).slice(0, 5).join(" ");
  },
};

export const classifier = {
  async categoryOf(summary: string): Promise<"short" | "long"> {
    return summary.length < 200 ? "short" : "long";
  },
  async languageOf(text: string): Promise<string> {
    return /\b(der|die|das|und)\b/i.test(text) ? "de" : "en";
  },
};

export const documents = {
  async save<Document extends { id: string }>(document: Document): Promise<Document & { savedAt: Date }> {
    return { ...document, savedAt: new Date() };
  },
};

export const notifications = {
  async send(text: string): Promise<{ text: string }> {
    return { text };
  },
};

const PRICE_CENTS = 1_250;

export const stock = {
  async claim(orderId: string, items: readonly { sku: string; quantity: number }[]) {
    const quantity = items.reduce((sum, item) => sum + item.quantity, 0);
    return { orderId, totalCents: quantity * PRICE_CENTS };
  },
  async release(orderId: string) {
    return { orderId, released: true };
  },
};

export const payments = {
  /** The same key gives the same payment, as every serious payment service has it. */
  async charge(request: { card: string; cents: number; idempotencyKey: string }) {
    return { id: `pay_${request.idempotencyKey}`, cents: request.cents };
  },
  async transfer(request: { iban: string; cents: number; idempotencyKey: string }) {
    return { id: `transfer_${request.idempotencyKey}`, cents: request.cents };
  },
};

export const sales = {
  async totalOf(region: string) {
    return { region, cents: region.length * PRICE_CENTS };
  },
};

export const orders = {
  async update(orderId: string, change: Record<string, string>) {
    return { orderId, ...change };
  },
};

export const mailer = {
  async send(to: string, text: string) {
    return { to, text };
  },
};

export const catalogue = {
  async changedBefore(_time: string): Promise<string[]> {
    return ["tea", "cups", "kettle"];
  },
  async copy(sku: string) {
    return { sku };
  },
};
