/** The text of docs/errors.md, made from the error catalogue. Throws when an error would be left out. */
export function errorsPage(): Promise<string>;
