/** Builds what the package ships into `outdir` (default: dist/), replacing what was there. */
export function build(options?: { outdir?: string }): Promise<void>;
/** Declarations for what package.json's "exports" name. */
export function buildTypes(): void;
/** Bundles a module of this repository's sources, or one written against them, into one file. */
export function bundleSources(entry: string, outfile: string): Promise<void>;
