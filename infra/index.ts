/** `perdure/cdk`: the constructs a stack is composed of. */
export { AttachedPlatform, PerdurePlatform, type PerdurePlatformProps } from "./platform.js";
export type { AppOptions } from "./platform-app.js";
export type { AttachOptions } from "./links.js";
export type { BundlingOptions } from "./bundling.js";
export type { CustomDomain } from "./http-gateway.js";
