/** Owns: which functions a request means by a name. */
import { shown } from "../../sdk/error-catalogue.js";
import { appIdPattern, functionIdPattern } from "../core/ids.js";
import type { Registry } from "../registry/registry.js";
import type { FunctionName } from "../state/run-feed.js";
import { invalidQuery } from "./errors.js";

export const EXPECTED = 'a function as "<app>/<function>", or an id only one app has';

/** `<app>/<function>`, registered or not: a removed function's runs are still there. Or an id only one app has; or all. */
export function selectFunctions(
  name: string | undefined,
  { apps }: Registry,
  refuse: (is: string, expected: string) => Error = (is, expected) => invalidQuery({ name: "function", is, expected }),
): FunctionName[] {
  const registered = [...apps.values()].flatMap(({ appId, functions }) =>
    functions.map(({ config }): FunctionName => ({ appId, functionId: config.id })),
  );
  if (name === undefined) return registered;
  const [appId = "", functionId, ...rest] = name.split("/");
  if (functionId !== undefined) {
    const isName = rest.length === 0 && appIdPattern.test(appId) && functionIdPattern.test(functionId);
    if (!isName) throw refuse(`it is ${shown(name)}`, EXPECTED);
    return [{ appId, functionId }];
  }
  const matches = registered.filter((known) => known.functionId === name);
  if (matches.length === 1) return matches;
  const is =
    matches.length === 0
      ? `no app has a function ${shown(name)} registered`
      : `${matches.map((match) => match.appId).join(" and ")} have a function ${shown(name)}`;
  throw refuse(is, EXPECTED);
}
