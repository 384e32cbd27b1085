/** Builds what the package ships into `outdir` (default: dist/), replacing what was there. */
export function build(options?: { outdir?: string }): Promise<void>;
/** Declarations for what package.json's "exports" name. */
export function buildTypes(): void;
