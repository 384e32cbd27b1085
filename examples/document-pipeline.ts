/** A document is validated, summarized, classified, saved and announced. One call fails twice and is tried again. */
import { NonRetriableError } from "perdure";
import { perdure } from "./client.js";
import { classifier, documents, llm, notifications } from "./outside-world.js";

export const processDocument = perdure.createFunction(
  { id: "process-document", triggers: { event: "api/document.uploaded" } },
  async ({ event, step, logger }) => {
    const { id, url, text = "Perdure keeps every finished step." } = event.data;

    const checked = await step.run("validate", () => {
      if (!URL.canParse(url)) throw new NonRetriableError(`Document ${id} has no usable URL`);
      return { id, url, words: text.split(/\s+/).length };
    });

    // The model's service fails twice: the step is tried again, and "validate" is not.
    const summary = await step.run("summarize", () => llm.summarize(id, text));

    const [category, language] = await Promise.all([
      step.run("classify", () => classifier.categoryOf(summary)),
      step.run("detect-language", () => classifier.languageOf(text)),
    ]);

    await step.sleep("let-it-settle", "3s");

    const saved = await step.run("save", () => documents.save({ ...checked, summary, category, language }));
    await step.run("notify", () => notifications.send(`Document ${id} is ready`));

    logger.info(`Document ${id} is done`);
    return saved;
  },
);
