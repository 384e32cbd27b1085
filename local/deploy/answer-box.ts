/**
 * Owns: where custom resources answer: CloudFormation hands each request a pre-signed URL, and takes what is put there.
 * Must not: judge an answer; the maker of custom resources does.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

const LOOPBACK = "127.0.0.1";
/** CloudFormation takes 4,096 bytes; more is cut off by its service, refused here. */
export const MAX_ANSWER_BYTES = 4_096;

export class AnswerBox {
  readonly #server: Server;
  readonly #url: string;
  readonly #waiting = new Map<string, (answer: string) => void>();
  #issued = 0;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.#url = url;
  }

  static async open(): Promise<AnswerBox> {
    const holder: { box?: AnswerBox } = {};
    const server = createServer((request, response) => {
      const { box } = holder;
      if (box === undefined) response.writeHead(403).end();
      else void box.#take(request).then((status) => response.writeHead(status).end());
    });
    await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve));
    const address = server.address();
    holder.box = new AnswerBox(server, `http://${LOOPBACK}:${portOf(address)}`);
    return holder.box;
  }

  /** A URL good for one answer, and the answer once it is put there. */
  issue(): { url: string; answer: Promise<string> } {
    this.#issued += 1;
    const path = `/answers/${this.#issued}`;
    const answer = new Promise<string>((resolve) => this.#waiting.set(path, resolve));
    return { url: `${this.#url}${path}?X-Amz-Signature=local`, answer };
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  /** Answers with an HTTP status: S3 refuses what is not put to a URL it issued. */
  async #take(request: IncomingMessage): Promise<number> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const path = (request.url ?? "").split("?")[0] ?? "";
    const resolve = this.#waiting.get(path);
    const body = Buffer.concat(chunks);
    if (request.method !== "PUT" || resolve === undefined) return 403;
    if (body.length > MAX_ANSWER_BYTES) return 400;
    this.#waiting.delete(path);
    resolve(body.toString("utf8"));
    return 200;
  }
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === "object" && address !== null ? address.port : 0;
}
